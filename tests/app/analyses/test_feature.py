"""The tabs of the analyses: a point leads to its probe in Explore."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.analyses.answer_view import FragilityView
from app.analyses.feature import Analyses, capture, is_analysis
from app.analyses.page import AnalysisPage, list_analyses
from app.analyses.sweep_job import iter_analysis
from app.base.jobs import Idle
from app.base.services import Services, open_services
from app.explore.explore import Explore
from app.explore.places import KEY, Places
from app.look.qt_application import make_application
from app.widgets.plot_view import PlotView
from core.cluster.where import HERE
from core.engine import Engine
from core.headers import unstructure
from core.sweeps.config import EncoderName, Question, SweepConfig, TargetName
from core.types import Direction, NormName
from tests.helpers.desks import make_desk


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("PROBESCOPE_HOME", str(tmp_path / "home"))
    make_application()
    opened = open_services(engine=Engine(device="cpu"))
    opened.state.auto_probe = False
    yield opened
    opened.close()


def test_a_point_opens_its_probe_in_explore(qtbot: QtBot, session: Services) -> None:
    config = SweepConfig(
        Question.FRAGILITY,
        (EncoderName("simulated", "alexnet", "features.4"),),
        ("cat_chelsea", "face_054"),
        (TargetName(-1, "FFA"), TargetName(5, "")),
        directions=(Direction.LOWER,),
        ladder=(0.5, 1.0),
        n_steps=2,
    )
    desk = make_desk(qtbot, session)
    places = Places(session.settings, list)
    desk.tabs.put(KEY, places.whole)
    explore = Explore(desk, places)
    analyses = Analyses(desk, explore)
    desk.tabs.open(Question.FRAGILITY)
    analyses.open_probe(config, 0, 1, 1)
    state = session.state
    qtbot.waitUntil(
        lambda: state.probe is not None and isinstance(session.lane.state, Idle), timeout=100_000
    )  # torch may be loading on a busy machine
    assert desk.tabs.current == "explore"
    assert state.probe is not None
    asked = state.probe.config
    assert (asked.network, asked.layer, asked.target.voxels) == ("alexnet", "features.4", (5,))
    assert (asked.direction, asked.attack.epsilon, asked.attack.norm) == (Direction.LOWER, 1.0, NormName.L2)
    assert state.probe.stimulus_id == "face_054"
    places.close()


def test_a_session_is_captured_without_a_look_at_a_file(
    qtbot: QtBot, session: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is captured in Qt's thread, after every change."""
    page = AnalysisPage(Question.FRAGILITY, session)
    qtbot.addWidget(page)
    session.state.subject = session.catalogue.load_subject("simulated")
    page.follow_subject()
    wanted = unstructure(page.form.value())
    touched: dict[int, list[object]] = defaultdict(list)

    def note(real: Callable[..., object], *asked: object, **options: object) -> object:
        touched[threading.get_ident()].append(asked)
        return real(*asked, **options)

    with monkeypatch.context() as patch:
        for name in ("stat", "scandir", "listdir", "open"):
            patch.setattr(os, name, partial(note, getattr(os, name)))
        kept = capture(page)
        assert (touched[threading.get_ident()], kept.config) == ([], wanted)
        page.form.value()
        assert touched[threading.get_ident()], "which does look"


def make_config(images: tuple[str, ...]) -> SweepConfig:
    encoders = (EncoderName("simulated", "alexnet", "features.4"),)
    targets = (TargetName(-1, "FFA"), TargetName(-1, "V1"))
    return SweepConfig(Question.FRAGILITY, encoders, images, targets, ladder=(0.5, 1.0), n_steps=1, n_test=8)


def run_in(session: Services, images: tuple[str, ...]) -> Path:
    """A finished analysis; the folder it lies in."""
    last = list(iter_analysis(session.engine, make_config(images), HERE, lambda: False))[-1]
    return cast(Path, last.folder)  # type: ignore[union-attr]


def test_a_click_on_a_point_of_an_opened_folder_shows_the_analysed_image(
    qtbot: QtBot, session: Services, tmp_path: Path
) -> None:
    own = tmp_path / "my, pictures"
    own.mkdir()
    for number in range(2):
        Image.effect_noise((300, 240), 60 + 60 * number).convert("RGB").save(own / f"noise_{number}.png")
    images = tuple(str(own / f"noise_{number}.png") for number in range(2))
    folder = run_in(session, images)
    session.state.auto_probe = True
    desk = make_desk(qtbot, session)
    places = Places(session.settings, list)
    desk.tabs.put(KEY, places.whole)
    explore = Explore(desk, places)
    explore.start()
    qtbot.waitUntil(lambda: session.state.clean is not None, timeout=100_000)
    analyses = Analyses(desk, explore)
    assert is_analysis([folder])
    analyses.open_folder(folder / "sweep.json")
    qtbot.waitUntil(lambda: desk.tabs.current == Question.FRAGILITY, timeout=100_000)
    page = cast(AnalysisPage, desk.tabs.page(Question.FRAGILITY))
    assert page.finished is not None
    assert page.finished.folder == folder
    assert page.form.images.words() == list(images)
    assert page.form.value().images == images
    assert list_analyses(Question.FRAGILITY)[0][0] == folder
    assert list_analyses(Question.TRANSFER) == []
    desk.tabs.stack.resize(1200, 800)
    desk.tabs.stack.show()
    qtbot.waitExposed(desk.tabs.stack)
    view = cast(FragilityView, page.view)
    values = page.finished.sweep.sensitivity()[0, 1, :, -1]  # of V1; the lower of two images is the median
    click_on(view.scatter, (0, 1, int(values.argmin())))
    qtbot.waitUntil(lambda: session.state.probe is not None and isinstance(session.lane.state, Idle), timeout=100_000)
    assert desk.tabs.current == "explore"
    assert session.state.probe is not None
    assert session.state.probe.stimulus_id == f"noise_{values.argmin()}"
    assert session.controller.image_key == images[int(values.argmin())]
    assert session.state.stimulus is not None
    assert session.state.stimulus.sha256 == session.state.probe.stimulus_sha256
    places.close()


def click_on(plot: PlotView, key: tuple[int, int, int]) -> None:
    """Click the point of a key with the mouse."""
    x, y = plot._places[plot._keys.index(key)]
    scene = plot.getPlotItem().vb.mapViewToScene(QPointF(x, y))
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.mapFromScene(scene))


def test_images_and_folders_of_images_are_analysed_together(qtbot: QtBot, session: Services, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("two.png", "ten.jpg"):
        Image.new("RGB", (64, 64), "grey").save(folder / name)
    single = tmp_path / "one.png"
    Image.new("RGB", (64, 64), "white").save(single)
    desk = make_desk(qtbot, session)
    places = Places(session.settings, list)
    desk.tabs.put(KEY, places.whole)
    explore = Explore(desk, places)
    explore.start()
    analyses = Analyses(desk, explore)
    drop = next(row for row in analyses.drops() if row.thing == "images")
    assert drop.takes_many
    assert not drop.takes([single]), "in Explore an image is opened"
    desk.tabs.open(Question.FRAGILITY)
    assert drop.takes([single, folder])
    (folder / "notes.csv").write_text("a,b")
    assert drop.takes([folder]), "no reader of recordings knows it"
    (folder / "notes.csv").unlink()
    drop.do([single, folder])
    page = cast(AnalysisPage, desk.tabs.page(Question.FRAGILITY))
    assert page.form.value().images == (str(single), str(folder / "ten.jpg"), str(folder / "two.png"))
    places.close()
