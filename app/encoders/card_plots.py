"""The plots of the encoder card, each in one cell of a figure.

Items are made once and given new data; a title's tooltip holds the formula.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF

from app.encoders.card_data import ALL, AlphaBars, LayerLines, RidgeRow, nearest, thin
from app.look.plotting import dashed, faded, make_axes, plot_font, quieten, solid
from app.look.theme import DARK, Theme
from core.types import FloatArray, IntArray

ROW_HEIGHT = 0.82
"""Of the distance between two rows of a ridge plot."""

CLICK_PIXELS = 9
POINT_SIZE, LARGE_POINT = 5, 9
FEW_POINTS = 60
LABEL_ANGLE = -32
MARGIN = 0.04
"""Share of an axis left free at both ends."""

TITLE_POINTS = "9pt"


class CardPlot:
    """One cell: a plot with quiet axes, a title with a tooltip, and a word where there is nothing to show."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, column: int, *, title: str, tip: str) -> None:
        self.axes = make_axes()
        self.plot = layout.addPlot(row=row, col=column, axisItems=self.axes)
        quieten(self.plot)
        self.theme: Theme = DARK
        self._title = title
        self.plot.titleLabel.setToolTip(tip)
        self.plot.vb.setToolTip("")
        self._word = pg.TextItem("", anchor=(0.5, 0.5))
        self.plot.addItem(self._word, ignoreBounds=True)

    def set_title(self, title: str, tip: str = "") -> None:
        """Name the plot, with its formula as tooltip."""
        self._title = title
        self.plot.setTitle(title, color=self.theme.muted, size=TITLE_POINTS, bold=False)
        if tip:
            self.plot.titleLabel.setToolTip(tip)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.theme = theme
        for axis in self.axes.values():
            axis.set_theme(theme)
        self._word.setFont(plot_font())
        self._word.setColor(theme.faint)
        self.set_title(self._title)

    def say(self, text: str) -> None:
        """Show a word in the middle; "" takes it away."""
        self._word.setText(text)
        self._word.setVisible(bool(text))
        if text:
            self.plot.setXRange(0, 1, padding=0)
            self.plot.setYRange(0, 1, padding=0)
            self._word.setPos(0.5, 0.5)


class RidgePlot(CardPlot):
    """The scores of every ROI, one histogram under the other, with medians and intervals."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, column: int) -> None:
        super().__init__(layout, row, column, title="Scores by ROI", tip="")
        self._rows: tuple[RidgeRow, ...] = ()
        self._curves: list[pg.PlotCurveItem] = []
        self._medians = pg.PlotDataItem(connect="pairs")
        self._intervals = pg.PlotDataItem(connect="pairs")
        self.plot.addItem(self._intervals)
        self.plot.addItem(self._medians)
        self.axes["left"].setGrid(False)

    def show_rows(
        self, rows: Sequence[RidgeRow], *, title: str, tip: str, intervals: dict[str, tuple[float, float]], chosen: str
    ) -> None:
        """Show one histogram a ROI; `intervals` are drawn as bars at its foot."""
        self._rows = tuple(rows)
        self.set_title(title, tip)
        for curve in self._curves[len(rows) :]:
            curve.setVisible(False)
        while len(self._curves) < len(rows):
            curve = pg.PlotCurveItem()
            self._curves.append(curve)
            self.plot.addItem(curve)
        self.say("" if rows else "No scores")
        if rows:
            self._draw(intervals, chosen)

    def _draw(self, intervals: dict[str, tuple[float, float]], chosen: str) -> None:
        theme, count = self.theme, len(self._rows)
        marks, bars, ticks = [], [], []
        for number, (row, curve) in enumerate(zip(self._rows, self._curves, strict=False)):
            foot = count - 1 - number
            picked = chosen in (ALL, row.roi)
            colour = theme.accent if picked else theme.faint
            curve.setData(row.edges, foot + ROW_HEIGHT * row.heights, stepMode="center")
            curve.setFillLevel(foot)
            curve.setBrush(pg.mkBrush(faded(colour, 0.35 if picked else 0.2)))
            curve.setPen(solid(colour, 1.2))
            curve.setZValue(number)
            curve.setVisible(True)
            marks += [(row.median, foot), (row.median, foot + ROW_HEIGHT)]
            if row.roi in intervals:
                bars += [(low_high, foot - 0.03) for low_high in intervals[row.roi]]
            ticks.append((foot + 0.25, row.roi))
        self._medians.setData(*np.transpose(marks))
        self._medians.setPen(solid(theme.text, 1.6))
        self._medians.setZValue(count + 1)
        self._intervals.setData(*(np.transpose(bars) if bars else ([], [])))
        self._intervals.setPen(solid(theme.warm, 3))
        self._intervals.setZValue(count + 2)
        self.axes["left"].setTicks([ticks])
        edges = self._rows[0].edges
        self.plot.setXRange(float(edges[0]), float(edges[-1]), padding=MARGIN)
        self.plot.setYRange(-0.1, count, padding=0)


class ScatterPlot(CardPlot):
    """Two numbers a voxel against each other with the identity line; a click finds the voxel."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, column: int, *, title: str, tip: str) -> None:
        super().__init__(layout, row, column, title=title, tip=tip)
        self._x, self._y, self._voxels = np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)
        self._back = pg.ScatterPlotItem(size=POINT_SIZE, pen=None)
        self._front = pg.ScatterPlotItem(size=POINT_SIZE, pen=None)
        self._ring = pg.ScatterPlotItem(size=13, brush=None)
        self._identity = pg.PlotDataItem()
        for item in (self._back, self._front, self._identity, self._ring):
            self.plot.addItem(item)

    def show_points(
        self, x: FloatArray, y: FloatArray, *, x_title: str, y_title: str, chosen: IntArray, empty: str
    ) -> None:
        """Show one point a voxel, those of `chosen` in front."""
        finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        self._voxels = finite[thin(len(finite))]
        self._x, self._y = x[self._voxels].astype(float), y[self._voxels].astype(float)
        front = np.isin(self._voxels, chosen)
        theme = self.theme
        size = LARGE_POINT if len(finite) <= FEW_POINTS else POINT_SIZE
        self._back.setSize(size)
        self._front.setSize(size)
        self._back.setData(self._x[~front], self._y[~front], brush=pg.mkBrush(faded(theme.faint, 0.25)))
        self._front.setData(self._x[front], self._y[front], brush=pg.mkBrush(faded(theme.accent, 0.5)))
        self.axes["bottom"].set_title(x_title)
        self.axes["left"].set_title(y_title)
        self.say("" if len(finite) else empty)
        self._identity.setVisible(bool(len(finite)))
        if len(finite):
            ends = self._limits()
            self._identity.setData(ends, ends)
            self._identity.setPen(dashed(theme.muted, 1.2))
            self.plot.setXRange(*ends, padding=MARGIN)
            self.plot.setYRange(*ends, padding=MARGIN)

    def mark(self, voxel: int | None) -> None:
        """Ring one voxel's point."""
        found = np.flatnonzero(self._voxels == voxel) if voxel is not None else np.zeros(0, dtype=int)
        self._ring.setData(self._x[found], self._y[found], pen=solid(self.theme.warm, 2), brush=None)

    def voxel_at(self, scene_position: QPointF) -> int | None:
        """The voxel whose point lies under a place of the scene."""
        box = self.plot.vb
        if not len(self._voxels) or not box.sceneBoundingRect().contains(scene_position):
            return None
        place = box.mapSceneToView(scene_position)
        pixel = box.viewPixelSize()
        reach = (CLICK_PIXELS * float(pixel[0]), CLICK_PIXELS * float(pixel[1]))
        found = nearest(self._x, self._y, at=(place.x(), place.y()), reach=reach)
        return None if found is None else int(self._voxels[found])

    def _limits(self) -> tuple[float, float]:
        both = np.concatenate([self._x, self._y])
        return min(0.0, float(both.min())), max(float(both.max()), 0.1)


class AlphaPlot(CardPlot):
    """How often each penalty was chosen, on a logarithmic axis; bars at the edge of the grid stand out."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, column: int, *, tip: str) -> None:
        super().__init__(layout, row, column, title="Chosen alphas", tip=tip)
        self._bars = pg.BarGraphItem(x=[0], height=[0], width=0.3)
        self.plot.addItem(self._bars)

    def show_bars(self, bars: AlphaBars | None) -> None:
        """Show the bars; None where penalties are not known."""
        self._bars.setVisible(bars is not None)
        if bars is None:
            self.set_title("Chosen alphas")
            self.say("Unknown: fitted elsewhere")
            self.axes["bottom"].setTicks([[]])
            return
        self.say("")
        theme = self.theme
        low, high = bars.span[0] - 0.4, bars.span[1] + 0.4
        brushes = [pg.mkBrush(theme.warning if edge else faded(theme.accent, 0.75)) for edge in bars.is_edge]
        self._bars.setOpts(x=bars.exponent, height=100 * bars.share, width=0.8 * bars.step, brushes=brushes, pen=None)
        powers = range(int(np.ceil(low)), int(np.floor(high)) + 1)
        step = 1 + len(powers) // 9
        self.axes["bottom"].setTicks([[(power, _power(power)) for power in powers if power % step == 0]])
        self.axes["bottom"].set_title("alpha")
        self.axes["left"].set_title("% of voxels")
        self.plot.setXRange(low, high, padding=0)
        self.plot.setYRange(0, 108 * float(bars.share.max()), padding=0)
        edge = f" · {bars.edge_share:.1%} at the edge of the grid" if np.isfinite(bars.edge_share) else ""
        self.set_title(f"Chosen alphas{edge}")


class LayerPlot(CardPlot):
    """Median r over the layers of one network, all voxels and the chosen ROI in front."""

    def __init__(self, layout: pg.GraphicsLayout, row: int, column: int) -> None:
        super().__init__(layout, row, column, title="Median r by layer", tip="Median over voxels of the held-out r")
        self._lines: dict[str, pg.PlotDataItem] = {}
        self._tried = pg.PlotDataItem()
        self.plot.addItem(self._tried)

    def show_lines(self, lines: LayerLines, *, chosen: str, current: str) -> None:
        """Show one line a ROI over the layers; the layer in use is marked on the axis."""
        self.say("" if lines.layers else "No layer with scores")
        places = np.arange(len(lines.layers), dtype=float)
        for roi in {*self._lines} - {*lines.medians}:
            self._lines[roi].setVisible(False)
        for roi, medians in lines.medians.items():
            if roi not in self._lines:
                self._lines[roi] = pg.PlotDataItem(symbol="o")
                self.plot.addItem(self._lines[roi])
            self._draw_line(self._lines[roi], roi, places, medians, is_front=roi == chosen)
        tried = lines.tried.get(chosen)
        self._tried.setData(places if tried is not None else [], tried if tried is not None else [])
        self._tried.setPen(dashed(self.theme.cool, 1.6))
        if lines.layers:
            ticks = [(place, f"{name} ◂" if name == current else name) for place, name in enumerate(lines.layers)]
            self.axes["bottom"].setTicks([[(place, _shorten(name)) for place, name in ticks]])
            values = np.concatenate([part[np.isfinite(part)] for part in lines.medians.values()] or [np.zeros(1)])
            top = float(values.max()) if values.size else 1.0
            low = min(0.0, float(values.min())) if values.size else 0.0
            self.plot.setXRange(-0.4, len(places) - 0.6, padding=0)
            self.plot.setYRange(low, top * 1.1 + 1e-3, padding=0)
        self.axes["left"].set_title("median r")

    def _draw_line(self, item: pg.PlotDataItem, roi: str, x: FloatArray, y: FloatArray, *, is_front: bool) -> None:
        theme = self.theme
        colour = theme.accent if is_front else theme.text if roi == ALL else theme.faint
        width, size = (2.4, 7) if is_front else (1.8, 5) if roi == ALL else (1.0, 3)
        item.setData(x, y, connect="finite")
        item.setPen(solid(faded(colour, 1.0 if is_front or roi == ALL else 0.6), width))
        item.setSymbolSize(size)
        item.setSymbolBrush(pg.mkBrush(colour))
        item.setSymbolPen(None)
        item.setZValue(2 if is_front else 1 if roi == ALL else 0)
        item.setVisible(bool(np.isfinite(y).any()))


def _power(exponent: int) -> str:
    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return f"10{str(exponent).translate(digits)}" if exponent not in (0, 1) else ("1", "10")[exponent]


def _shorten(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"…{name[-most + 1 :]}"
