"""Fitting from the window: estimate, progress, cancel, failure, and the new encoder in use at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from pytestqt.qtbot import QtBot

from app.base.catalogue import Catalogue
from app.base.jobs import Idle, WhenBusy
from app.base.services import open_services
from app.encoders.fit_dialog import FitDialog
from app.shell.application import make_window
from app.shell.main_window import MainWindow
from app.widgets.job_line import WAITING
from core.cluster.where import HERE, Where
from core.encoders.config import EncoderConfig
from core.encoders.estimate import FitEstimate
from core.encoders.fit import FitProgress
from core.encoders.fit_request import FitRequest, SearchProgress
from core.engine import Engine
from core.errors import BadInputError, Cancelled
from core.networks.catalog import list_networks
from tests.helpers.fake_engine import FakeEngine, make_catalogue
from tests.helpers.gated_work import GatedWork

NETWORK = list_networks()[0]
NEW_LAYER = NETWORK.layers[0]
N_BATCHES = 40


@dataclass
class FittingEngine(FakeEngine):
    """Fits by waiting; forever, once `endless`."""

    endless: bool = False
    refuses: bool = False
    asked: list[FitRequest] = field(default_factory=list)

    def estimate_fit(self, request: FitRequest, *, should_stop: Callable[[], bool]) -> FitEstimate:
        return FitEstimate(1000, 100, 0.05, 45.0, 5.0, 3_000_000, 2**30)

    def iter_fit(
        self, request: FitRequest, *, where: Where = HERE, should_stop: Callable[[], bool]
    ) -> Iterator[SearchProgress]:
        self.asked.append(request)
        (layer,) = request.layers
        if self.refuses:
            raise BadInputError("`test` must be at least 3 held-out images, got 0.")
        for batch in range(N_BATCHES):
            yield SearchProgress(layer, 1, 1, FitProgress(batch, N_BATCHES, 1.0, stage="readout", what="encoder"))
            until = time.monotonic() + 0.01
            while time.monotonic() < until or self.endless:
                if should_stop():
                    raise Cancelled
                time.sleep(0.002)
        card = self.encoder_card(request.subject, request.network, layer)
        yield SearchProgress(layer, 1, 1, FitProgress(3, 3, 0.0, card, stage="done"))


class GrowingCatalogue:
    """What a catalogue reads anew: the same with the new encoder."""

    def __init__(self, folder: Path) -> None:
        self.made = make_catalogue(folder)

    def reread(self) -> Catalogue:
        config = EncoderConfig("simulated", NETWORK.id, NEW_LAYER)
        return Catalogue(
            **{name: getattr(self.made, name) for name in ("subjects", "networks", "images", "load_subject")},
            load_stimulus=self.made.load_stimulus,
            encoders=(*self.made.encoders, config),
        )


@pytest.fixture
def engine() -> FittingEngine:
    return FittingEngine()


@pytest.fixture
def window(
    qtbot: QtBot, tmp_path: Path, engine: FittingEngine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    growing = GrowingCatalogue(tmp_path)
    monkeypatch.setattr(Catalogue, "reread", lambda _self: growing.reread())
    session = open_services(engine=cast(Engine, engine), catalogue=growing.made)
    made = make_window(session)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(session.lane.state, Idle))
    yield made
    if made.features.fits.dialog is not None:
        made.features.fits.dialog.close()
    made.close()
    made.deleteLater()


def open_dialog(window: MainWindow) -> FitDialog:
    window.actions_table.action("fit_encoders").trigger()
    dialog = window.features.fits.dialog
    assert dialog is not None and dialog.isVisible()
    form: Any = dialog.form
    form.network.setCurrentIndex(form.network.findData(NETWORK.id))
    form.layer.setCurrentIndex(form.layer.findData(NEW_LAYER))
    return dialog


def test_an_estimate_comes_before_the_fit(window: MainWindow, qtbot: QtBot) -> None:
    dialog = open_dialog(window)
    dialog.estimate.click()
    qtbot.waitUntil(lambda: dialog.cost.text().startswith("Features: 1,000 images"))
    assert "900 x 0.050 s = 45 s" in dialog.cost.text() and "Memory: about 1.0 GiB" in dialog.cost.text()


def test_a_finished_fit_is_selectable_and_in_use_at_once(
    window: MainWindow, qtbot: QtBot, engine: FittingEngine
) -> None:
    dialog = open_dialog(window)
    dialog.fit.click()
    qtbot.waitUntil(lambda: "batches" in dialog.work.note.text())
    assert not dialog.form.isEnabled()
    state = window.session.state
    qtbot.waitUntil(lambda: state.encoder == (NETWORK.id, NEW_LAYER), timeout=20_000)
    assert "held-out r" in dialog.summary.text() and dialog.work.bar.share == 1.0
    layers = window.explore.controls.encoder.layer
    assert NEW_LAYER in [layers.itemData(index) for index in range(layers.count())]
    assert [request.layers for request in engine.asked] == [(NEW_LAYER,)]
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))


def test_cancelling_stops_the_fit_and_leaves_everything_as_it_was(
    window: MainWindow, qtbot: QtBot, engine: FittingEngine
) -> None:
    engine.endless = True
    before = window.session.state.encoder
    dialog = open_dialog(window)
    dialog.fit.click()
    qtbot.waitUntil(lambda: "batches" in dialog.work.note.text())
    dialog.cancel.click()
    qtbot.waitUntil(lambda: "Cancelled" in dialog.work.note.text())
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert window.session.state.encoder == before and dialog.fit.isEnabled()


def test_a_fit_that_waits_outlives_esc_and_is_cancelled_by_its_own_button(
    window: MainWindow, qtbot: QtBot, engine: FittingEngine
) -> None:
    dialog = open_dialog(window)
    lane, works = window.session.lane, [GatedWork(), GatedWork()]
    lane.submit("image", works[0].make, on_done=lambda _answer: None)
    lane.submit("write", works[1].make, on_done=lambda _answer: None, when_busy=WhenBusy.QUEUE)
    dialog.fit.click()
    assert not dialog.form.isEnabled() and dialog.work.note.text() == WAITING
    window.session.controller.cancel()
    qtbot.waitUntil(lambda: works[1].begun == 1)
    assert not dialog.form.isEnabled() and dialog.work.note.text() == WAITING
    dialog.cancel.click()
    assert dialog.form.isEnabled() and "Cancelled" in dialog.work.note.text()
    works[1].finish()
    qtbot.waitUntil(lambda: isinstance(lane.state, Idle))
    assert engine.asked == []


@pytest.mark.parametrize("closed", [False, True])
def test_a_refusal_is_told_once_in_the_dialog_or_where_that_is_closed_in_the_window(
    window: MainWindow, qtbot: QtBot, engine: FittingEngine, closed: bool
) -> None:
    engine.refuses = True
    told: list[str] = []
    window.session.problems.message.connect(lambda text, _tone: told.append(text))
    dialog = open_dialog(window)
    dialog.fit.click()
    if closed:
        dialog.close()
    qtbot.waitUntil(lambda: "at least 3 held-out images" in dialog.work.error.text())
    assert dialog.form.isEnabled()
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert len(told) == (1 if closed else 0)
