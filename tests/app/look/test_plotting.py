"""Tests that the numbers of an axis can be read."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from app.look.plotting import NumberAxis, plot_font, spread_apart

BUDGETS = (0.1875, 0.375, 0.75, 1.5, 3.0)


@pytest.mark.parametrize("width", [120, 800])
def test_numbers_on_an_axis_never_lie_over_one_another(qtbot: QtBot, width: int) -> None:
    axis = NumberAxis("bottom")
    axis.setStyle(hideOverlappingLabels=False)
    view = pg.PlotWidget(axisItems={"bottom": axis})
    qtbot.addWidget(view)
    view.resize(width, 200)
    view.setXRange(math.log10(BUDGETS[0]), math.log10(BUDGETS[-1]))
    axis.setTicks([[(math.log10(one), f"{one:g}") for one in BUDGETS]])
    view.show()
    qtbot.waitExposed(view)
    image = QImage(10, 10, QImage.Format.Format_ARGB32)
    painter = QPainter(image)
    painter.setFont(axis.style["tickFont"])
    texts = axis.generateDrawSpecs(painter)[-1]
    painter.end()
    for (left, _, _), (right, _, _) in pairwise(texts):
        assert left.right() <= right.left()
    assert texts[-1][2] == "3"
    assert len(texts) == len(BUDGETS) if width == 800 else len(texts) < len(BUDGETS)


def test_labels_are_moved_apart_in_order_and_stay_inside() -> None:
    placed = spread_apart([5.0, 5.1, 0.0, 9.9], gap=1.0, low=0.0, high=10.0)
    ordered = sorted(placed)
    assert np.diff(ordered).min() >= 1.0 - 1e-9
    assert placed[2] < placed[0] < placed[1] < placed[3] <= 10.0


@pytest.mark.parametrize("height", [130, 400])
def test_a_name_longer_than_its_axis_is_written_smaller(qtbot: QtBot, height: int) -> None:
    axis = NumberAxis("left")
    view = pg.PlotWidget(axisItems={"left": axis})
    qtbot.addWidget(view)
    view.resize(300, height)
    view.show()
    axis.set_title("shift, z (simulated)")
    for _ in range(2):  # as it is named, and when its room changes
        needed = axis.label.boundingRect().width()
        assert needed <= axis.size().height()
        assert (axis.label.font().pointSizeF() == plot_font().pointSizeF()) is (height == 400)
        view.resize(320, height)
