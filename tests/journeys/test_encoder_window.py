"""Encoders in the real window: the card opens, follows and selects; a made-up engine answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.application import make_window
from app.jobs import Idle
from app.main_window import MainWindow
from app.session import open_session
from core.engine import Engine
from core.probes.target import TargetKind
from tests.helpers.fake_engine import SUBJECT, FakeEngine, make_catalogue

MakeWindow = Callable[[], MainWindow]


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    session = open_session(engine=cast(Engine, FakeEngine()), catalogue=make_catalogue(tmp_path))
    made = make_window(session)
    made.resize(1120, 720)
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    settle(made, qtbot)
    yield made
    made.close()
    made.deleteLater()


def settle(window: MainWindow, qtbot: QtBot) -> None:
    state = window.session.state
    qtbot.waitUntil(lambda: state.clean is not None, timeout=20_000)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)


def test_the_key_opens_the_card_and_it_follows_the_encoder(window: MainWindow, qtbot: QtBot) -> None:
    QTest.keyClick(window, Qt.Key.Key_I)
    card = window.encoder_tools.card_window
    assert card is not None
    assert card.isVisible()
    assert card.card is window.session.state.card
    other = window.session.catalogue.encoders[-1]
    window.session.controller.open_encoder(other.network, other.layer)
    settle(window, qtbot)
    assert card.card is window.session.state.card
    assert card.card is not None
    assert card.card.config.network == other.network


def test_a_point_of_the_card_becomes_the_target(window: MainWindow, qtbot: QtBot) -> None:
    window.controls.encoder.card_button.click()
    card = window.encoder_tools.card_window
    assert card is not None
    window.session.state.auto_probe = False
    card.voxel_picked.emit(17)
    target = window.session.state.target
    assert target is not None
    assert (target.kind, target.voxels) == (TargetKind.VOXEL, (17,))
    shown = window.session.state.card
    assert shown is not None
    assert card.figure.ceiling._ring.getData()[1].tolist() == pytest.approx([shown.r2[17]])


def test_the_card_puts_its_scores_on_the_cortex(window: MainWindow, qtbot: QtBot) -> None:
    window.encoder_tools.show_card()
    card = window.encoder_tools.card_window
    assert card is not None
    card.map_button.click()
    assert window.cortex.current_map() == "r"


def test_tables_are_saved_where_the_user_says(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.encoder_tools.show_card()
    card = window.encoder_tools.card_window
    assert card is not None
    path = tmp_path / "voxels.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    card.table.save_voxels.click()
    lines = path.read_text().splitlines()
    assert len(lines) == SUBJECT.voxels.n_voxels + 1
    shown = window.session.state.card
    assert shown is not None
    assert float(lines[1].split(",")[6]) == pytest.approx(float(np.float32(shown.r[0])), rel=1e-5)


def test_what_was_added_is_offered_and_the_choice_stays(window: MainWindow, qtbot: QtBot) -> None:
    from tests.helpers.imported_subject import write_imported

    before, form = window.session.state.encoder, window.controls.encoder
    write_imported(means=np.zeros((3, 2)), source={"kind": "files", "path": "", "members": []}, images=["a", "b", "c"])
    window.session.controller.reread_catalogue()
    offered = [form.subject.itemData(index) for index in range(form.subject.count())]
    assert "mine" in offered
    assert form.subject.currentData() == "simulated"
    assert (form.network.currentData(), form.layer.currentData()) == before == window.session.state.encoder
