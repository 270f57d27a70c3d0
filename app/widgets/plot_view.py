"""Draws a plot of `core.reports.plot` with pyqtgraph, in the theme's colours; its points and fields can be clicked."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QCursor, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from app.look.plotting import GRID_ALPHA, colour_legend, faded, make_axes, name_plot, plot_font, quieten, solid
from app.look.theme import DARK, Theme, follow_theme
from core.reports.plot import Ink, Plot, Series, colour_fields, write_fields
from core.types import FloatArray

ENCODER_COLOURS = ("#4c9be8", "#e8804c", "#38dbb7", "#9a3187", "#c9c510", "#5c6c14", "#997482", "#3461c9")
"""Distinguished on dark and on light panels, by colour-blind eyes too; symbols change with them."""
SYMBOLS = ("o", "s", "d", "t", "x", "star", "p")
MARKERS = {"o": "o", "s": "s", "D": "d", "v": "t", "^": "t1", "P": "+", "x": "x"}
"""Matplotlib's names for symbols, which plots use, and pyqtgraph's."""
STYLES = {"-": Qt.PenStyle.SolidLine, "--": Qt.PenStyle.DashLine, ":": Qt.PenStyle.DotLine}
PIXELS = 1.6
"""Of the window for each point of print."""
BOTTOM_HEIGHT, LINE_HEIGHT = 40, 14
"""Pixels of an axis with names at its ticks, and of each further line of a name."""
LONGEST_LINE = 13
"""Letters on one line of a tick's name."""
MANY_POWERS = 5
LEGEND_ROOM = 0.16
"""Share of the height left free for the legend."""
PAPER = "#ffffff"
"""What stands out on a field of any colour."""
CLICK_PIXELS = 9
RING = 16


def colour_of(index: int) -> str:
    """The colour of encoder number `index`."""
    return ENCODER_COLOURS[index % len(ENCODER_COLOURS)]


def symbol_of(index: int) -> str:
    """Its symbol: no two encoders share colour and symbol before the 57th."""
    return SYMBOLS[index % len(SYMBOLS)]


class PlotView(pg.PlotWidget):  # type: ignore[misc]
    """Shows one plot; `picked` gives the key of the point, or the (row, column) of the field, that was clicked."""

    picked = Signal(object)

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        self.shown = Plot("", "")
        """What is drawn."""
        self.items: dict[str, Any] = {}
        """The points or lines of each named series."""
        self.describe: Callable[[Any], str] = lambda _key: ""
        """The words for a key while the pointer rests on its point."""
        self._axes, self._theme = make_axes(), DARK
        self._marked: Hashable = None
        self._is_named = bool(name)
        self._keys: list[Hashable] = []
        self._places = np.zeros((0, 2))
        super().__init__(parent, axisItems=self._axes)
        for axis in self._axes.values():
            axis.setStyle(hideOverlappingLabels=False)  # a name at the end of an axis is wanted, too
        name_plot(self, name)
        quieten(self.getPlotItem())
        self.legend = self.getPlotItem().addLegend(offset=(-8, 8), labelTextSize="9pt", verSpacing=-4)
        self.scene().sigMouseClicked.connect(self._click)
        self.scene().sigMouseMoved.connect(self._explain)
        follow_theme(self.set_theme)

    def show_plot(self, plot: Plot) -> None:
        """Draw a plot."""
        self.shown = plot
        if not self._is_named:
            self.setAccessibleName(f"{plot.y} against {plot.x}" if plot.x else plot.y or plot.title)
        self._draw()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.setBackground(theme.panel)
        colour_legend(self.legend, theme.muted)
        self._draw()

    def mark(self, key: Hashable) -> None:
        """Ring the points of a key; None for none."""
        self._marked = key
        x, y = self._places[[one == key for one in self._keys]].T if self._keys else ([], [])
        self._ring.setData(x, y)

    def pick_at(self, scene_position: QPointF) -> None:
        """Tell what lies at a place of the scene, if anything."""
        key = self.key_at(scene_position)
        if key is not None:
            self.picked.emit(key)

    def key_at(self, scene_position: QPointF) -> Hashable | None:
        """The key of the nearest point under a place of the scene, or the field there."""
        box = self.getPlotItem().vb
        if not box.sceneBoundingRect().contains(scene_position):
            return None
        place = box.mapSceneToView(scene_position)
        if self.shown.fields is not None:
            row, column = round(place.y()), round(place.x())
            inside = 0 <= row < self.shown.fields.shape[0] and 0 <= column < self.shown.fields.shape[1]
            return (row, column) if inside and np.isfinite(self.shown.fields[row, column]) else None
        reach = CLICK_PIXELS * np.asarray(box.viewPixelSize())
        found = nearest(self._places, at=(place.x(), place.y()), reach=reach)
        return None if found is None else self._keys[found]

    def leaveEvent(self, event: QEvent) -> None:
        """No read-out once the pointer is gone."""
        QToolTip.hideText()
        super().leaveEvent(event)

    def _draw(self) -> None:
        plot, item, theme = self.shown, self.getPlotItem(), self._theme
        item.clear()
        self.items, self._keys, places = {}, [], [np.zeros((0, 2))]
        x_range, y_range = plot.bounds()
        for side, title, ticks, log, ends in (
            ("bottom", plot.x, plot.x_ticks, plot.x_log, x_range),
            ("left", plot.y, plot.y_ticks, plot.y_log, y_range),
        ):
            self._axes[side].set_title(title)
            marks = ticks or (log_ticks(*ends) if log else [])
            named = [(float(_scale(at, log=log)), wrap(name)) for at, name in marks]
            self._axes[side].setTicks([named] if marks else None)
            if side == "bottom":
                lines = max((name.count("\n") for _, name in named), default=0)
                self._axes[side].setHeight(BOTTOM_HEIGHT + lines * LINE_HEIGHT if ticks else None)
        self._axes["left"].setGrid(False if plot.y_ticks else GRID_ALPHA)
        item.setTitle(plot.title or None, color=theme.muted, size="9pt", bold=False)
        item.titleLabel.setToolTip(plot.tip)
        item.vb.invertY(plot.fields is not None)
        self._draw_fields(plot)
        for one in plot.series:
            self._draw_series(one, _scale(one.x, log=plot.x_log), _scale(one.y, log=plot.y_log))
            if len(one.keys):
                self._keys += one.keys
                places.append(np.column_stack([_scale(one.x, log=plot.x_log), _scale(one.y, log=plot.y_log)]))
        self._places = np.concatenate(places)
        for angle, levels, log in ((0, plot.across, plot.y_log), (90, plot.upright, plot.x_log)):
            for level in levels:
                pen = self._pen(theme.line_strong, "--" if level else "-", 0.6)
                self.addItem(pg.InfiniteLine(float(_scale(level, log=log)), angle=angle, pen=pen))
        self._ring = pg.ScatterPlotItem(size=RING, pen=solid(theme.text, 2), brush=None)
        self.addItem(self._ring, ignoreBounds=True)
        self.mark(self._marked)
        self._fit(plot)

    def _draw_fields(self, plot: Plot) -> None:
        if plot.fields is not None:
            image = pg.ImageItem(colour_fields(plot), levels=(0, 255), autoDownsample=False)
            image.setRect(-0.5, -0.5, plot.fields.shape[1], plot.fields.shape[0])
            self.addItem(image)
            for row, column, text, ink in write_fields(plot):
                label = pg.TextItem(text, color=ink, anchor=(0.5, 0.5))
                label.setPos(column, row)
                self.addItem(label)

    def _draw_series(self, one: Series, x: FloatArray, y: FloatArray) -> None:
        colour = self._colour(one.ink)
        symbol = MARKERS[one.marker] if one.marker else symbol_of(one.ink) if isinstance(one.ink, int) else "o"
        pen = self._pen(colour, one.line, one.width) if one.line else None
        self._draw_intervals(one, x, y, colour)
        named = {"name": one.name} if one.name and self.shown.legend is not None else {}
        fill = pg.mkBrush(faded(colour, one.alpha))
        if one.bar:
            looks = {"brush": None if one.hollow else fill, "pen": solid(colour, 1.2) if one.hollow else pg.mkPen(None)}
            item = pg.BarGraphItem(x=x, height=np.nan_to_num(y), width=one.bar, **looks, **named)
        elif one.size and not one.line:
            looks = {"size": PIXELS * one.size, "symbol": symbol, "brush": fill, "hoverable": bool(len(one.keys))}
            looks |= {"pen": solid(colour, 1.6) if symbol == "x" else None, "hoverSize": PIXELS * one.size + 3}
            known = np.isfinite(x) & np.isfinite(y)
            keys = [key for key, is_known in zip(one.keys, known, strict=True) if is_known] if len(one.keys) else None
            item = pg.ScatterPlotItem(x[known], y[known], data=keys, tip=None, **looks, **named)
        else:
            looks = {"symbol": symbol if one.size else None, "symbolSize": PIXELS * one.size, "symbolBrush": fill}
            if one.foot is not None:
                looks |= {"fillLevel": one.foot, "fillBrush": pg.mkBrush(faded(colour, 0.35 * one.alpha))}
            item = pg.PlotDataItem(x, y, pen=pen, symbolPen=None, connect="finite", **looks, **named)
        self.addItem(item)
        self.items.setdefault(one.name, item)

    def _draw_intervals(self, one: Series, x: FloatArray, y: FloatArray, colour: str) -> None:
        ends = {
            name: _scale(values, log=log)
            for name, values, log in (
                ("low", one.low, self.shown.y_log),
                ("high", one.high, self.shown.y_log),
                ("left", one.left, self.shown.x_log),
                ("right", one.right, self.shown.x_log),
            )
            if values is not None
        }
        if "low" in ends and one.line:
            if np.isfinite(ends["low"]).all() and np.isfinite(ends["high"]).all():
                edges = [pg.PlotCurveItem(x, ends[name]) for name in ("low", "high")]
                self.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(faded(colour, 0.2))))
            return
        lines = [(x, ends[name]) for name in ("low", "high") if name in ends]
        lines += [(ends[name], y) for name in ("left", "right") if name in ends]
        pen = solid(self._theme.text if one.bar else faded(colour, one.alpha), one.width)
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            pairs = np.stack([np.column_stack(both).ravel() for both in zip(first, second, strict=True)])
            known = np.isfinite(pairs).all(axis=0).reshape(-1, 2).all(axis=1).repeat(2)
            self.addItem(pg.PlotCurveItem(*pairs[:, known], pen=pen, connect="pairs"))

    def _fit(self, plot: Plot) -> None:
        if plot.empty and not plot.series and plot.fields is None:
            word = pg.TextItem(plot.empty, color=self._theme.faint, anchor=(0.5, 0.5))
            word.setFont(plot_font())
            word.setPos(0.5, 0.5)
            self.addItem(word)
        self.legend.setVisible(bool(self.legend.items))
        x, y = plot.bounds()
        low, high = (float(_scale(end, log=plot.y_log)) for end in y)
        room = LEGEND_ROOM * (high - low) if self.legend.items and plot.y_range[1] is None else 0.0
        self.setXRange(*(float(_scale(end, log=plot.x_log)) for end in x), padding=0)
        self.setYRange(low, high + room, padding=0)

    def _colour(self, ink: Ink) -> str:
        return colour_of(ink) if isinstance(ink, int) else str(getattr(self._theme, ink, PAPER))

    def _pen(self, colour: str | QColor, line: str, width: float) -> QPen:
        pen = solid(colour, width * PIXELS * 0.8)
        pen.setStyle(STYLES[line])
        return pen

    def _click(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pick_at(event.scenePos())

    def _explain(self, scene_position: Any) -> None:
        key = self.key_at(scene_position)
        text = "" if key is None else self.describe(key)
        if text:
            QToolTip.showText(QCursor.pos(), text, self)
        else:
            QToolTip.hideText()


def nearest(places: FloatArray, *, at: tuple[float, float], reach: FloatArray) -> int | None:
    """The point (n, 2) nearest to a place, measured in units of `reach` (2,); None beyond 1."""
    distance = (((places - at) / reach) ** 2).sum(axis=1)
    if not np.isfinite(distance).any():
        return None
    found = int(np.nanargmin(distance))
    return found if distance[found] <= 1 else None


def wrap(name: str) -> str:
    """A name on short lines, broken at spaces and after underscores."""
    lines = textwrap.wrap(name.replace("_", "_ "), LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("_ ", "_")


def log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Marks at the powers of ten of a logarithmic axis, and at their doubles and halves where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(powers) < MANY_POWERS else (1,)
    marks = [step * 10.0**power for power in powers for step in steps]
    return [(mark, f"{mark:.6g}") for mark in marks if low <= mark <= high]


def _scale(values: Any, *, log: bool) -> FloatArray:
    known = np.asarray(values, dtype=float)
    return np.log10(np.where(known > 0, known, np.nan)) if log else known
