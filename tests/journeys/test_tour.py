"""The tour by keyboard alone: it points at real widgets, sees what was done, does it if asked, and is offered once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.shell.main_window import MainWindow
from app.shell.tour import STEPS
from tests.helpers.open_window import open_window


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path) as made:
        yield made


def settle(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: isinstance(window.session.lane.state, Idle), timeout=20_000)


def is_framed(window: MainWindow, target: QWidget) -> bool:
    """Whether the frame is around the part of a widget that is in the window, wherever the widget is by now."""
    place = QRect(target.mapTo(window, QPoint(0, 0)), target.size()).intersected(window.rect())
    return window.features.tour.frame.geometry().contains(place)


def test_the_whole_tour_is_walked_with_the_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_table.give("start_tour")
    card = window.features.tour.card
    for number, step in enumerate(STEPS, start=1):
        assert card.place.text() == f"Step {number} of {len(STEPS)}"
        assert card.title.text() == step.title
        qtbot.waitUntil(card.next.hasFocus)
        target = window.features.tour._find(step)
        assert target.isVisible()
        qtbot.waitUntil(lambda target=target: is_framed(window, target))
        assert window.rect().contains(card.geometry())
        assert card.height() == card.layout().totalHeightForWidth(card.width())
        if card.help.isVisible():
            qtbot.keyClick(card.help, Qt.Key.Key_Space)
            qtbot.waitUntil(lambda: card.done.text().startswith("Done"), timeout=20_000)
            settle(window, qtbot)
            assert not card.help.isVisible()
        qtbot.keyClick(card.next, Qt.Key.Key_Space)
    assert not card.isVisible()
    assert not window.features.tour.frame.isVisible()
    assert window.session.state.probe is not None


def test_what_the_user_does_counts_and_back_goes_back(window: MainWindow, qtbot: QtBot) -> None:
    window.features.tour.start()
    card = window.features.tour.card
    assert not card.done.text()
    window.session.controller.pick_voxel(5)
    assert card.done.text()
    card.next.click()
    card.back.click()
    assert card.title.text() == STEPS[0].title
    settle(window, qtbot)


def test_escape_ends_it_and_it_is_offered_only_once(window: MainWindow, qtbot: QtBot) -> None:
    window.features.tour.offer()
    assert window.features.tour.card.isVisible()
    qtbot.keyClick(window.features.tour.card, Qt.Key.Key_Escape)
    assert not window.features.tour.card.isVisible()
    window.features.tour.offer()
    assert not window.features.tour.card.isVisible()
    window.actions_table.give("start_tour")
    assert window.features.tour.card.isVisible()


def test_a_step_brings_back_what_was_folded_away(window: MainWindow) -> None:
    window.places.toggle("controls")
    window.features.tour.start()
    while window.features.tour.step is not None and "budget" not in window.features.tour.step.title.casefold():
        window.features.tour.card.next.click()
    assert window.explore.controls.attack.epsilon.isVisible()
