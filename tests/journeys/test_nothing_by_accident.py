"""What the user did not ask for does not happen: the wheel, a key in a field, a notice, a run that begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QScrollArea,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.shell.main_window import MainWindow
from tests.helpers.fake_engine import FakeEngine
from tests.helpers.open_window import open_window

DIALOGS = (
    "settings",
    "fit_encoders",
    "robustify",
    "save_movie",
    "save_figure",
    "study",
    "camera_poses",
    "make_package",
)


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        made.session.controller.pick_roi("FFA")
        qtbot.waitUntil(lambda: made.session.state.probe is not None and is_idle(made))
        yield made


def is_idle(window: MainWindow) -> bool:
    return isinstance(window.session.lane.state, Idle)


def editors(top: QWidget) -> list[QWidget]:
    kinds = (QComboBox, QAbstractSpinBox, QAbstractSlider)
    return [one for one in top.findChildren(QWidget) if isinstance(one, kinds) and not isinstance(one, QScrollBar)]


def value_of(editor: QWidget) -> Any:
    if isinstance(editor, QComboBox):
        return editor.currentIndex()
    return editor.text() if isinstance(editor, QAbstractSpinBox) else cast(QAbstractSlider, editor).value()


def turn_wheel(widget: QWidget) -> None:
    """One notch down over a widget, as the window system sends it."""
    at, none = QPointF(widget.rect().center()), Qt.KeyboardModifier.NoModifier
    step, button, phase = QPoint(0, -120), Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    wheel = QWheelEvent(at, widget.mapToGlobal(at), QPoint(), step, button, none, phase, False)
    QApplication.sendEvent(widget, wheel)


def test_the_wheel_changes_no_control_that_was_not_clicked(window: MainWindow, qtbot: QtBot) -> None:
    for tab in window.tabs.keys:
        window.tabs.open(tab)
    window.tabs.open("explore")
    for command in DIALOGS:
        window.actions_table.give(command)
    window.setFocus()
    tried = editors(window)
    assert len(tried) > 60
    before = {id(one): value_of(one) for one in tried}
    for one in tried:
        one.clearFocus()
        turn_wheel(one)
    changed = [one.accessibleName() or type(one).__name__ for one in tried if value_of(one) != before[id(one)]]
    assert not changed
    assert not [one.accessibleName() for one in tried if one.focusPolicy() == Qt.FocusPolicy.WheelFocus]
    for dialog in window.findChildren(QDialog):
        dialog.close()
    qtbot.waitUntil(lambda: is_idle(window))


def test_enter_in_the_budget_gives_the_keys_back_to_the_cortex(window: MainWindow, qtbot: QtBot) -> None:
    control, canvas = window.explore.controls.attack.epsilon, window.explore.cortex.view.canvas
    control.field.setFocus()
    control.field.selectAll()
    qtbot.keyClicks(control.field, "2")
    qtbot.keyClick(control.field, Qt.Key.Key_Return)
    qtbot.waitUntil(canvas.hasFocus)
    qtbot.keyClick(canvas, Qt.Key.Key_3)
    assert control.epsilon == 2.0
    assert window.explore.cortex.view.named_view == "ventral"
    qtbot.waitUntil(lambda: is_idle(window))


def test_a_key_of_what_cannot_be_done_now_says_why(window: MainWindow, qtbot: QtBot) -> None:
    cast(FakeEngine, window.session.engine).seconds_a_step = 0.05
    window.session.controller.pick_roi("PPA")
    qtbot.waitUntil(lambda: window.session.state.progress is not None)
    qtbot.keyClick(window, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: "still running" in window.banner.text.text())
    assert not window.features.stimuli.tray.items
    cast(FakeEngine, window.session.engine).seconds_a_step = 0.0
    qtbot.waitUntil(lambda: window.session.state.probe is not None and is_idle(window))
    qtbot.keyClick(window, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: len(window.features.stimuli.tray.items) == 1)
    qtbot.waitUntil(lambda: is_idle(window))


def places(window: MainWindow) -> dict[int, tuple[int, int, int, int]]:
    """Where everything that can be clicked stands, and the canvas."""
    kinds = (QComboBox, QAbstractSpinBox, QAbstractSlider)
    buttons = [window.explore.controls.run.button, window.explore.controls.run.auto, window.explore.cortex.view.canvas]
    seen = [one for one in window.findChildren(QWidget) if isinstance(one, kinds) and one.isVisible()]
    corners = {id(one): one.mapTo(window, QPoint(0, 0)) for one in [*seen, *buttons] if one.window() is window}
    known = {id(one): one for one in [*seen, *buttons]}
    return {key: (at.x(), at.y(), known[key].width(), known[key].height()) for key, at in corners.items()}


def test_nothing_moves_when_a_notice_comes_or_a_probe_runs(window: MainWindow, qtbot: QtBot) -> None:
    window.banner.clear()
    before = places(window)
    window.session.problems.message.emit("Something to read, " * 12, "warning")
    qtbot.waitUntil(window.banner.isVisible)
    assert places(window) == before
    window.banner.clear()
    cast(FakeEngine, window.session.engine).seconds_a_step = 0.03
    window.session.controller.probe()
    qtbot.waitUntil(lambda: window.session.state.progress is not None)
    button = id(window.explore.controls.run.button)
    assert places(window)[button] == before[button]
    window.session.controller.cancel()
    qtbot.waitUntil(lambda: is_idle(window))


def test_what_is_unfolded_comes_into_view(window: MainWindow, qtbot: QtBot) -> None:
    fold = window.explore.controls.target.more
    QTest.mouseClick(fold.button, Qt.MouseButton.LeftButton)
    area = fold.parentWidget()
    while not isinstance(area, QScrollArea):
        area = area.parentWidget()

    def is_seen() -> bool:
        top = fold.button.mapTo(area.viewport(), QPoint(0, 0)).y()
        foot = fold._content.mapTo(area.viewport(), QPoint(0, 0)).y() + fold._content.height()
        room = area.viewport().height()
        return top >= 0 and (foot <= room or fold._content.height() > room - fold.button.height() - 20)

    qtbot.waitUntil(is_seen)
