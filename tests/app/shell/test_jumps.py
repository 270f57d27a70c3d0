"""Keys and the palette in the real window: what is found, what is said, and where the keys go afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.shell.main_window import MainWindow
from app.shell.palette import find_jumps
from tests.helpers.open_window import open_window

SEARCHES = [
    ("sensitivity", "Map: Sensitivity"),
    ("inflated", "Geometry: Inflated"),
    ("left hemisphere", "Hemispheres: L"),
    ("ventral", "Ventral view"),
    ("swipe", "Swipe"),
    ("flicker", "Flicker clean and perturbed"),
    ("threshold", "Threshold"),
    ("linf", "Norm: Linf"),
    ("epsilon", "Budget epsilon"),
    ("apgd", "Method: APGD"),
]


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as opened:
        yield opened


def test_the_palette_finds_and_sets_what_the_controls_can_be_set_to(window: MainWindow) -> None:
    jumps = window.features.jumps.everything()
    assert {query: find_jumps(query, jumps)[0].jump.title for query, _ in SEARCHES} == dict(SEARCHES)
    explore = window.explore
    for query in ("linf", "left hemisphere", "map noise ceiling"):
        find_jumps(query, jumps)[0].jump.go()
    assert explore.controls.attack.epsilon.norm == "linf"
    assert (explore.cortex.view.hemispheres, explore.cortex.current_map()) == ("left", "noise_ceiling")
    find_jumps("momentum", jumps)[0].jump.go()
    assert explore.controls.attack.momentum.isVisible(), "its fold is opened"


def test_a_key_of_a_command_that_cannot_be_given_says_why(window: MainWindow, qtbot: QtBot) -> None:
    canvas = window.explore.cortex.view.canvas
    canvas.input.take_focus()
    QTest.keyClick(canvas, Qt.Key.Key_T)
    assert window.banner.text.text() == "Add to the tray: Run a probe first."


def test_enter_hands_the_keys_to_the_cortex_and_a_refused_field_keeps_them(window: MainWindow, qtbot: QtBot) -> None:
    explore, state = window.explore, window.session.state
    field, canvas = explore.controls.attack.epsilon.field, explore.cortex.view.canvas
    for text, keeps in (("nonsense", True), ("2.5", False)):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert field.hasFocus() is keeps, text
    assert canvas.hasFocus() and state.attack.epsilon == 2.5
    QTest.keyClick(canvas, Qt.Key.Key_3)
    assert explore.cortex.view.named_view == "ventral" and state.attack.epsilon == 2.5


def test_undo_says_what_it_undid_and_tells_no_old_notice_again(window: MainWindow, qtbot: QtBot) -> None:
    state, told = window.session.state, list[str]()
    window.session.controller.pick_voxel(0)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle) and state.probe is not None, timeout=20_000)
    window.session.controller.noted.connect(told.append)
    window.actions_table.give("undo")
    assert window.banner.text.text() == "Undone: target" and told == []
