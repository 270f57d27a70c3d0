"""How every plot of the window is built and coloured. Never rebuilds a plot: items are made once and given new data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QResizeEvent, QTextOption
from PySide6.QtWidgets import QApplication

from app.look.theme import Theme, follow_theme
from core.types import FloatArray
from core.words import MINUS

# exitCleanup: pyqtgraph's own clean-up at exit crashes under PySide6; row-major: arrays are (row, column) everywhere.
pg.setConfigOptions(imageAxisOrder="row-major", exitCleanup=False, antialias=True)

SMALLER = 0.88
"""Plots are lettered a little smaller than the interface."""

LINE_WIDTH = 2.0
GRID_ALPHA = 110
"""Of 255: grid lines only guide."""
TITLE_MARGIN, LEAST_FOR_RIGHT = 24, 330
"""Pixels of the width that a title leaves free, and of the narrowest view with an axis on the right."""
TEXT_GAP, NAME_MARGIN, LEAST_NAME = 4, 12, 0.7
"""Pixels between two numbers at ticks, and around an axis' name; how much smaller a long name may be."""
MANY_POWERS = 5
STYLES = {"-": Qt.PenStyle.SolidLine, "--": Qt.PenStyle.DashLine, ":": Qt.PenStyle.DotLine}
PIXELS = 1.6
"""Of the window for each point of print."""


class NumberAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis that writes true minus signs, never SI prefixes, and draws neither ticks' stubs nor a heavy line."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.setStyle(tickLength=0, tickTextOffset=6, maxTickLevel=0)
        follow_theme(self.set_theme)

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The numbers at the ticks."""
        return [str(text).replace("-", MINUS) for text in super().tickStrings(values, scale, spacing)]

    def _updateMaxTextSize(self, size: float) -> None:
        """Room for a pixel more than the longest text, which rounding would else leave out."""
        super()._updateMaxTextSize(size + 1)

    def generateDrawSpecs(self, painter: QPainter) -> Any:
        """What is drawn, without the texts that would lie on one to their right or above."""
        specs = super().generateDrawSpecs(painter)
        if specs is None:
            return None
        *lines, texts = specs
        kept: list[Any] = []
        for text in reversed(texts):
            if not any(text[0].adjusted(0, 0, TEXT_GAP, 0).intersects(other[0]) for other in kept):
                kept.insert(0, text)
        return (*lines, kept)

    def set_title(self, text: str) -> None:
        """Name the axis; naming it anew lays the whole plot out again, so only a new name does."""
        if text != self.labelText:
            self.setLabel(text, **self.labelStyle)
            self.resizeEvent()

    def resizeEvent(self, event: QResizeEvent | None = None) -> None:
        """A name longer than its axis is written smaller, on two lines, or is left out beside a very low plot."""
        if self.label is not None:
            font, upright = plot_font(), self.orientation in ("left", "right")
            needed = QFontMetricsF(font).horizontalAdvance(self.labelText) + NAME_MARGIN
            length = self.size().height() if upright else self.size().width()
            font.setPointSizeF(font.pointSizeF() * max(LEAST_NAME, min(1.0, length / needed)))
            self.label.setFont(font)
            self.label.document().setDefaultTextOption(QTextOption(Qt.AlignmentFlag.AlignHCenter))
            self.label.setTextWidth(length if length < LEAST_NAME * needed else -1)
            self.label.setVisible(bool(self.labelText) and length >= LEAST_NAME * needed / 2)
        super().resizeEvent(event)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours and the small font of plots."""
        if self.label is None:  # the plot is closed
            return
        self.setPen(pg.mkPen(theme.grid, width=1))
        self.setTextPen(pg.mkPen(theme.muted))
        self.setTickFont(plot_font())
        self.setLabel(self.labelText, color=theme.muted)
        self.resizeEvent()  # a name is given anew


def quieten(item: pg.PlotItem) -> None:
    """Take away what is not wanted here: the auto button, panning by mouse."""
    item.hideButtons()
    item.setMouseEnabled(x=False, y=False)
    item.showAxis("top", False)
    item.showAxis("right", False)
    item.getAxis("left").setGrid(GRID_ALPHA)
    item.getAxis("left").setZValue(-1)
    item.getViewBox().disableAutoRange()


def fit_width(view: pg.PlotWidget, *, has_right: bool) -> None:
    """Fit a plot to the width of its view: one axis where two are too many, the title on as many lines as it needs."""
    item = view.getPlotItem()
    item.showAxis("right", has_right and view.width() >= LEAST_FOR_RIGHT)
    title, beside = item.titleLabel, sum(item.getAxis(side).width() for side in ("left", "right"))
    half = QFontMetricsF(plot_font()).height() / 2  # of a number at the end of an axis, which stands out of it
    above, below = (1.0 if one.isVisible() else half for one in (title, item.getAxis("bottom")))
    item.layout.setContentsMargins(1.0, above, 1.0, below)
    if title.isVisible():
        title.item.document().setDefaultTextOption(QTextOption(Qt.AlignmentFlag.AlignHCenter))
        title.item.setTextWidth(max(1.0, view.width() - beside - TITLE_MARGIN))
        title.updateMin()
        for allow in (title.setMaximumHeight, partial(item.layout.setRowFixedHeight, 0)):
            allow(title.item.boundingRect().height())
        item.setGeometry(view.range)  # which a wider title had pushed out
    item.layout.activate()  # Qt may have dropped the request of a plot that was not shown yet


def plot_font() -> QFont:
    """The interface's font, a little smaller, with figures of one width."""
    font = QFont(QApplication.font())
    font.setPointSizeF(max(7.0, font.pointSizeF() * SMALLER))
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def solid(colour: str | QColor, width: float = LINE_WIDTH) -> QPen:
    """A solid pen with round joins."""
    pen: QPen = pg.mkPen(colour, width=width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def pen_of(colour: str | QColor, line: str, width: float) -> QPen:
    """The pen of a plot's line: "-", "--" or ":", its width in points."""
    pen = solid(colour, width * PIXELS * 0.8)
    pen.setStyle(STYLES[line])
    return pen


def faded(colour: str, alpha: float) -> QColor:
    """A colour made partly transparent."""
    thin = QColor(colour)
    thin.setAlphaF(alpha)
    return thin


def spread_apart(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Move label positions as little as needed so that each is `gap` from the next and all lie in [low, high]."""
    order, steps = np.argsort(wanted, kind="stable"), gap * np.arange(len(wanted))
    placed = np.maximum.accumulate(np.maximum(np.asarray(wanted)[order], low) - steps) + steps
    placed = np.minimum.accumulate((np.minimum(placed, high) - steps)[::-1])[::-1] + steps
    result = np.empty(len(placed))
    result[order] = placed
    return [float(place) for place in result]


def wrap(name: str, longest: int) -> str:
    """A name on short lines, broken at spaces and after underscores."""
    lines = textwrap.wrap(name.replace("_", "_ "), longest, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("_ ", "_")


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Marks at the powers of ten of a logarithmic axis, and at their doubles and halves where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(powers) < MANY_POWERS else (1,)
    marks = [step * 10.0**power for power in powers for step in steps]
    return [(mark, f"{mark:.6g}") for mark in marks if low <= mark <= high]


def to_axis(values: Any, *, log: bool) -> FloatArray:
    """Places of values on an axis: on a logarithmic one their log10, NaN where there is none."""
    known = np.asarray(values, dtype=float)
    return np.log10(np.where(known > 0, known, np.nan)) if log else known


def nearest(places: FloatArray, *, at: tuple[float, float], reach: FloatArray) -> int | None:
    """The point (n, 2) nearest to a place, measured in units of `reach` (2,); None beyond 1."""
    distance = (((places - at) / reach) ** 2).sum(axis=1)
    if not np.isfinite(distance).any():
        return None
    found = int(np.nanargmin(distance))
    return found if distance[found] <= 1 else None
