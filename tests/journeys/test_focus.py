"""Where the keyboard goes, by real keys: after a field, a cancelled probe, a tab, a dialog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.shell.main_window import MainWindow
from tests.helpers.accessibility import walk_focus
from tests.helpers.fake_engine import FakeEngine
from tests.helpers.open_window import open_window

KEY = Qt.Key


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def press(qtbot: QtBot, key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key wherever the keyboard goes now."""
    there = QApplication.focusWidget() or QApplication.activeWindow()
    assert there is not None
    qtbot.keyClick(there, key, held)


def activate(shown: QWidget, qtbot: QtBot) -> None:
    """Bring a window to the front, as a window manager does."""
    shown.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is shown)


def turns(window: MainWindow, qtbot: QtBot) -> bool:
    """Whether an arrow turns the cortex now."""
    canvas = window.explore.cortex.view.canvas
    before = canvas.pose
    press(qtbot, KEY.Key_Right)
    return canvas.pose != before


def test_the_cortex_has_the_keys_from_the_start_and_after_enter_and_escape(window: MainWindow, qtbot: QtBot) -> None:
    assert turns(window, qtbot), "from the start"
    field = window.explore.controls.attack.epsilon.field
    field.setFocus(Qt.FocusReason.TabFocusReason)
    press(qtbot, KEY.Key_Return)
    assert turns(window, qtbot), "after Enter in a field"
    engine, state = cast(FakeEngine, window.session.engine), window.session.state
    engine.seconds_a_step = 0.1
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: state.progress is not None)
    press(qtbot, KEY.Key_Escape)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert turns(window, qtbot), "after a cancelled probe"


def test_cancel_by_its_button_keeps_the_keys_on_the_button(window: MainWindow, qtbot: QtBot) -> None:
    engine, state = cast(FakeEngine, window.session.engine), window.session.state
    button = window.explore.controls.run.button
    engine.seconds_a_step = 0.1
    window.session.controller.pick_roi("FFA")
    qtbot.waitUntil(lambda: state.progress is not None)
    button.setFocus(Qt.FocusReason.TabFocusReason)
    press(qtbot, KEY.Key_Space)
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle))
    assert QApplication.focusWidget() is button


def test_a_tab_gives_the_keys_back_to_where_they_were(window: MainWindow, qtbot: QtBot) -> None:
    assert turns(window, qtbot)
    window.tabs.open("images")  # as the palette does
    qtbot.waitUntil(lambda: window.tabs.page("images").isAncestorOf(QApplication.focusWidget()))
    window.tabs.open("explore")
    assert turns(window, qtbot)
    window.tabs.bar.setFocus(Qt.FocusReason.TabFocusReason)
    press(qtbot, KEY.Key_Right)
    press(qtbot, KEY.Key_Left)
    assert window.tabs.current == "explore"
    assert QApplication.focusWidget() is window.tabs.bar, "arrows go on through the tabs"


@pytest.mark.parametrize("command", ["show_shortcuts", "settings", "palette", "montage", "show_log"])
def test_a_closed_dialog_gives_the_keys_back(window: MainWindow, qtbot: QtBot, command: str) -> None:
    def shown() -> list[QDialog]:
        return [one for one in window.findChildren(QDialog) if one.isVisible()]

    window.actions_table.give(command)
    qtbot.waitUntil(lambda: bool(shown()))
    activate(shown()[0], qtbot)
    press(qtbot, KEY.Key_Escape)
    qtbot.waitUntil(lambda: not shown())
    activate(window, qtbot)
    assert turns(window, qtbot)


def test_tab_goes_from_column_to_column(window: MainWindow) -> None:
    panels = window.places.panels
    parts = [panels.controls, panels.gallery, panels.cortex, panels.responses, panels.images]
    order = [
        next((place for place, part in enumerate(parts) if part.isAncestorOf(one)), -1) for one in walk_focus(window)
    ]
    inside = [place for place in order if place >= 0]
    assert sorted(set(inside)) == list(range(len(parts))) and inside == sorted(inside)
