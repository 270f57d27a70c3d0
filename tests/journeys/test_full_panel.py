"""Any panel fills its work space by one key, by its button, and leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QDialog, QWidget
from pytestqt.qtbot import QtBot

from app.base.jobs import Idle
from app.explore.responses_panel import PARTS
from app.shell.main_window import MainWindow
from app.widgets.large_view import LargeView
from tests.helpers.open_window import open_window

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    with open_window(qtbot, tmp_path, size=(1600, 960)) as made:
        yield made


def point_at(widget: QWidget) -> None:
    QCursor.setPos(widget.mapToGlobal(widget.rect().center()))


def probe(window: MainWindow, qtbot: QtBot) -> None:
    window.session.controller.pick_roi("FFA")
    state, lane = window.session.state, window.session.lane
    done = lambda: state.probe is not None and isinstance(lane.state, Idle) and not lane.is_busy("probe")  # noqa: E731
    qtbot.waitUntil(done, timeout=20_000)
    qtbot.waitUntil(window.explore.responses.curve.isVisible)  # drawn in a turn of its own


def panels(window: MainWindow) -> dict[str, bool]:
    explore = window.explore
    parts = ("controls", "gallery", "cortex", "images", "responses")
    return {name: getattr(explore, name).isVisible() for name in parts}


def test_the_panel_under_the_pointer_fills_the_window_and_escape_goes_back(window: MainWindow, qtbot: QtBot) -> None:
    explore = window.explore
    probe(window, qtbot)
    sizes, width = window.places.sizes(), explore.images.width()
    pixels = explore.images.made_view.pixels
    point_at(explore.images)
    qtbot.keyClick(window, Qt.Key.Key_Space, CONTROL)
    assert panels(window) == dict.fromkeys(panels(window), False) | {"images": True}
    qtbot.waitUntil(lambda: explore.images.width() > 2 * width)
    assert np.array_equal(explore.images.made_view.pixels, pixels)  # type: ignore[arg-type]
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert all(panels(window).values())
    qtbot.waitUntil(lambda: window.places.sizes() == sizes)


def test_escape_goes_back_before_it_cancels(window: MainWindow, qtbot: QtBot) -> None:
    point_at(window.explore.cortex)
    qtbot.keyClick(window, Qt.Key.Key_Space, CONTROL)
    explore = window.explore
    assert not explore.images.isVisible()
    explore.cortex.view.canvas.setFocus()
    qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Escape)
    assert explore.images.isVisible()


def test_one_part_of_the_responses_fills_the_window_by_its_button(window: MainWindow, qtbot: QtBot) -> None:
    probe(window, qtbot)
    responses = window.explore.responses
    part = dict(zip(PARTS, responses.parts, strict=True))["spill-over"]
    button = next(one for one in part.findChildren(QWidget) if one.accessibleName() == "Spill-over alone")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert [name for name, one in zip(PARTS, responses.parts, strict=True) if one.isVisible()] == ["spill-over"]
    assert not window.explore.cortex.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert all(one.isVisible() for one in responses.parts)


def test_a_narrow_panel_shows_one_part_at_a_time(window: MainWindow, qtbot: QtBot) -> None:
    probe(window, qtbot)
    window.resize(1280, 800)
    responses = window.explore.responses
    qtbot.waitUntil(lambda: not responses.table.isVisible())
    assert responses.curve.isVisible()
    qtbot.mouseClick(responses.part_choice.button("spill-over"), Qt.MouseButton.LeftButton)
    assert responses.table.isVisible()
    assert not responses.curve.isVisible()


def test_folding_a_part_shows_all_panels_first(window: MainWindow, qtbot: QtBot) -> None:
    point_at(window.explore.cortex)
    qtbot.keyClick(window, Qt.Key.Key_Space, CONTROL)
    qtbot.keyClick(window, Qt.Key.Key_2, CONTROL)
    assert panels(window) == dict.fromkeys(panels(window), True) | {"images": False}


def test_a_double_click_shows_the_pictures_large_one_key_apart(window: MainWindow, qtbot: QtBot) -> None:
    probe(window, qtbot)
    images = window.explore.images
    images.made_view.enlarged.emit()
    large = images.findChild(QDialog)
    assert isinstance(large, LargeView)
    assert large.title.text() == "Perturbed (2 of 3)"
    qtbot.waitUntil(lambda: large.view.width() > 1000)
    qtbot.waitUntil(large.isActiveWindow)
    before = large.view.view_rect
    qtbot.keyClick(large, Qt.Key.Key_Left)
    assert large.title.text() == "Clean (1 of 3)"
    assert (large.view.pixels == images.clean_view.pixels).all()
    assert large.view.view_rect == before
    qtbot.keyClick(large, Qt.Key.Key_Escape)
    assert not large.isVisible()


def test_every_size_of_window_keeps_its_own_sizes(window: MainWindow, qtbot: QtBot) -> None:
    splitter = window.explore.images.parentWidget()
    own = window.explore.images.width() + 60
    splitter.setSizes([splitter.width() - own, own])
    own = window.explore.images.width()
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: window.explore.images.width() < own)
    window.resize(1600, 960)
    qtbot.waitUntil(lambda: abs(window.explore.images.width() - own) <= 1)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1600, 960)])
def test_pictures_have_a_pixel_for_each_of_the_networks_input(
    window: MainWindow, qtbot: QtBot, width: int, height: int
) -> None:
    window.resize(width, height)
    view = window.explore.images.clean_view
    qtbot.waitUntil(lambda: min(view._box.width(), view._box.height()) >= 224)
