"""Pictures grow and shrink with their room, and never cover each other."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QDialog, QLabel
from pytestqt.qtbot import QtBot

from app.widgets.basics import make_column, make_label, make_row, make_scroll
from app.widgets.large_view import LargeView
from app.widgets.picture_grid import LEAST, MOST, PictureGrid
from core.reports.pictures import Picture


def make_grid() -> list[list[Picture]]:
    photo, brain = np.zeros((224, 224, 3), dtype=np.uint8), np.zeros((300, 450, 4), dtype=np.uint8)
    names = ("change × 12", "L₂ ε 0.3", "L₂ ε 3")
    return [
        [Picture(brain, "shift of every voxel"), *(Picture(photo, f"{name} {row}") for name in names)]
        for row in range(3)
    ]


@pytest.mark.parametrize("widths", [(700, 2000), (2000, 700)])
def test_pictures_follow_the_width_and_stand_apart(qtbot: QtBot, widths: tuple[int, int]) -> None:
    grid = PictureGrid()
    area = make_scroll(make_row(make_scroll(make_column(grid, make_label("told", wraps=True), -1))))
    qtbot.addWidget(area)
    area.resize(widths[0], 400)
    area.show()
    grid.show_pictures(make_grid(), ["first\nrow", "second\nrow", "third\nrow"])
    for width in widths:
        area.resize(width, 400)
        wanted = (LEAST, MOST) if width > 1000 else (LEAST, MOST - 1)
        qtbot.waitUntil(lambda wanted=wanted: wanted[0] <= grid.pictures[1].height() <= wanted[1])
        qtbot.waitUntil(lambda: all(_is_apart(grid, row) for row in range(2)))
        assert grid.pictures[3].geometry().right() <= grid.width()
    assert (grid.pictures[1].height() == MOST) is (widths[1] > 1000)


def _is_apart(grid: PictureGrid, row: int) -> bool:
    upper, lower = grid.pictures[4 * row].geometry(), grid.pictures[4 * row + 4].geometry()
    return bool(upper.bottom() < lower.top())


def test_a_click_shows_the_picture_large(qtbot: QtBot) -> None:
    grid = PictureGrid()
    qtbot.addWidget(grid)
    grid.show_pictures([[Picture(None, "no surface"), *make_grid()[0]]], ["mobilenet\nfeatures.18"])
    grid.pictures[3].clicked.emit()
    large = grid.findChild(QDialog)
    assert isinstance(large, LargeView)
    assert large.title.text() == "mobilenet, features.18, L₂ ε 0.3 0 (3 of 4)"


def test_pictures_that_were_replaced_are_gone_at_once(qtbot: QtBot) -> None:
    grid = PictureGrid()
    qtbot.addWidget(grid)
    grid.show()
    grid.show_pictures(make_grid(), ["first", "second", "third"])
    before = grid.findChildren(QLabel)
    grid.show_pictures(make_grid()[:1], ["other"])
    assert not any(label.isVisible() for label in before), "not only after the turn of the event loop, or a dialog"
