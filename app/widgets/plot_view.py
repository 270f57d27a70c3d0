"""Draws a plot of `core.reports.plot` with pyqtgraph, in the theme's colours; its points and fields can be clicked."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import astuple
from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QToolTip, QWidget

from app.look.plotting import (
    GRID_ALPHA,
    PIXELS,
    NumberAxis,
    faded,
    fit_width,
    log_ticks,
    nearest,
    pen_of,
    plot_font,
    quieten,
    solid,
    spread_apart,
    to_axis,
    wrap,
)
from app.look.theme import Theme, follow_theme, theme_in_use
from core.reports.inks import DARK
from core.reports.plot import Ink, Plot, Series, colour_fields, write_fields
from core.types import FloatArray

SYMBOLS = ("o", "s", "d", "t", "x", "star", "p")
MARKERS = {"o": "o", "s": "s", "D": "d", "v": "t", "^": "t1", "P": "+", "x": "x"}
"""Matplotlib's names for symbols, which plots use, and pyqtgraph's."""
BOTTOM_HEIGHT, LINE_HEIGHT = 40, 14
"""Pixels of an axis with names at its ticks, and of each further line of a name."""
LONGEST = {"bottom": 9, "left": 22}
"""Letters on one line of a tick's name."""
MOST_LEGEND, LEGEND_MARGIN = 0.7, 12
"""Share of the height that is left free for a legend at most, and pixels above it."""
PAPER = "#ffffff"
"""What stands out on a field of any colour."""
CLICK_PIXELS = 9
SHADE = 0.13
"""Cover of what is shaded."""
RING, DOT, ON_TOP, OVER_FIRST = 16, 10, 1000, 0.5
END_ROOM, END_OFFSET, END_GAP = 92, 5, 14
"""Pixels kept free for names at the ends of lines, from a line to its name, and between two names."""


def symbol_of(index: int) -> str:
    """The symbol of encoder number `index`: no two encoders share colour and symbol before the 57th."""
    return SYMBOLS[index % len(SYMBOLS)]


class PlotView(pg.PlotWidget):  # type: ignore[misc]
    """Shows one plot; `picked` gives the key of the point, or the (row, column) of the field, that was clicked."""

    picked = Signal(object)

    def __init__(self, name: str = "", parent: QWidget | None = None) -> None:
        self.shown = Plot("", "")
        """What is drawn."""
        self.whose = ""
        """Whose responses are drawn; stands under the title."""
        self.items: dict[str, Any] = {}
        """The points or lines of each named series."""
        self.describe: Callable[[Any], str] = lambda _key: ""
        """The words for a key while the pointer rests on its point."""
        self._axes = {side: NumberAxis(side) for side in ("left", "right", "top", "bottom")}
        self._guide, self._dot = pg.InfiniteLine(angle=90), pg.ScatterPlotItem(size=DOT)
        self._ring = pg.ScatterPlotItem(size=RING, brush=None)
        self._place: tuple[float, float] | None = None
        self._lines: list[pg.PlotDataItem] = []
        self._others: list[Any] = []
        self._levels: dict[Any, Any] = {}
        self._told: dict[str, tuple[Any, ...]] = {}
        self._empty: Any = None
        self._names: dict[str, pg.TextItem] = {}
        self._ends: dict[str, tuple[float, float]] = {}
        self._marked: Hashable = None
        self._is_named = bool(name)
        self._keys: list[Hashable] = []
        self._places = np.zeros((0, 2))
        super().__init__(parent, axisItems=self._axes, enableMenu=False)
        for axis in self._axes.values():
            axis.setStyle(hideOverlappingLabels=False)  # a name at the end of an axis is wanted, too
        for item in (self._guide, self._dot, self._ring):
            self.addItem(item, ignoreBounds=True)
            item.setZValue(ON_TOP)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its numbers stand beside it as text
        quieten(self.getPlotItem())
        self.legend = self.getPlotItem().addLegend(offset=(-8, 8), labelTextSize="9pt", verSpacing=-4)
        self.scene().sigMouseClicked.connect(self._click)
        self.scene().sigMouseMoved.connect(self._explain)
        self.getPlotItem().vb.sigResized.connect(self._fit)
        self.sigDeviceRangeChanged.connect(self._follow_width)
        follow_theme(self.set_theme)

    def show_plot(self, plot: Plot) -> None:
        """Draw a plot."""
        self.shown = plot
        if not self._is_named:
            self.setAccessibleName(f"{plot.y} against {plot.x}" if plot.x else plot.y or plot.title)
        empty = None if plot.series or plot.fields is not None else (astuple(plot), self.whose)
        if empty is None or empty != self._empty:
            self._draw()
        self._empty = empty

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.setBackground(theme.panel)
        self._guide.setPen(pg.mkPen(faded(theme.accent, 0.7), width=1))
        self._dot.setData(pen=pg.mkPen(theme.panel, width=1.5), brush=pg.mkBrush(theme.accent))
        self._ring.setData(pen=solid(theme.text, 2))
        self.legend.setLabelTextColor(theme.muted)
        for _, label in self.legend.items:  # those that stand there already take it only with their next text
            label.setText(label.text)
        self._told.clear()
        # Not at once: items made anew while Qt still hands out the new style have crashed the process.
        QTimer.singleShot(0, self, self._draw)

    def mark(self, key: Hashable) -> None:
        """Ring the points of a key; None for none."""
        self._marked = key
        x, y = self._places[[one == key for one in self._keys]].T if self._keys else ([], [])
        self._ring.setData(x, y)

    def show_place(self, x: float, y: float = math.nan) -> None:
        """Put the guide at an x, and the dot at a y where there is one; NaN takes both away."""
        self._place = (x, y)
        at, height = (float(to_axis(one, log=log)) for one, log in ((x, self.shown.x_log), (y, self.shown.y_log)))
        self._guide.setVisible(math.isfinite(at))
        self._dot.setVisible(math.isfinite(at) and math.isfinite(height))
        if math.isfinite(at):
            self._guide.setPos(at)
            self._dot.setData([at], [height])

    def pick_at(self, scene_position: QPointF) -> None:
        """Tell what lies at a place of the scene, if anything."""
        if (key := self.key_at(scene_position)) is not None:
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
        plot, item, theme = self.shown, self.getPlotItem(), theme_in_use()
        for other in self._others:
            item.removeItem(other)
        self.legend.clear()
        self.items, self._keys, self._others, self._ends, places = {}, [], [], {}, [np.zeros((0, 2))]
        self._draw_frame(plot)
        self._draw_fields(plot)
        spare = iter(self._lines)
        for number, one in enumerate(plot.series):
            drawn = self._draw_series(one, to_axis(one.x, log=plot.x_log), to_axis(one.y, log=plot.y_log), spare)
            drawn.setZValue(number)
            if len(one.keys):
                self._keys += one.keys
                places.append(np.column_stack([to_axis(one.x, log=plot.x_log), to_axis(one.y, log=plot.y_log)]))
        self._places = np.concatenate(places)
        for line in spare:
            line.setVisible(False)
        self.mark(self._marked)
        self.show_place(*(self._place or (math.nan, math.nan)))
        if plot.empty and not plot.series and plot.fields is None:
            word = pg.TextItem(plot.empty, color=theme.faint, anchor=(0.5, 0.5))
            word.setFont(plot_font())
            word.setPos(0.5, 0.5)
            word.setZValue(ON_TOP)
            self._add(word)
        self.legend.setVisible(bool(self.legend.items))
        self._fit()
        self.scene().prepareForPaint()  # else the first painting would find out what has moved, and ask for another

    def _add(self, item: Any) -> None:
        """Draw something until the next plot is shown."""
        self.addItem(item, ignoreBounds=True)
        self._others.append(item)

    def _tell(self, name: str, do: Callable[..., object], *values: Any) -> None:
        """Do it with values, unless it was done with them: what lays a plot out anew costs more than its data."""
        if self._told.get(name) != values:
            self._told[name] = values
            do(*values)

    def _draw_frame(self, plot: Plot) -> None:
        """Draw all but the data."""
        item, theme = self.getPlotItem(), theme_in_use()
        bottom, left = ("bottom", plot.x, plot.x_ticks, plot.x_log), ("left", plot.y, plot.y_ticks, plot.y_log)
        for (side, title, ticks, log), ends in zip((bottom, left), plot.bounds(), strict=True):
            marks = ticks or (log_ticks(*ends) if log else [])
            named = [(float(to_axis(at, log=log)), wrap(name, LONGEST[side])) for at, name in marks]
            is_shown = bool(plot.series or plot.fields is not None or title)
            self._tell(f"{side} name", self._axes[side].set_title, title)
            self._tell(f"{side} ticks", self._draw_ticks, side, named, is_shown, bool(ticks))
        self._tell("grid", self._axes["left"].setGrid, False if plot.y_ticks else GRID_ALPHA)
        self._tell("right", self._draw_right, *(plot.right or (1.0, "")))
        self._tell("top shown", self._axes["top"].setVisible, bool(plot.top_title))
        self._tell("top name", self._axes["top"].set_title, plot.top_title)
        self._tell("top ticks", self._axes["top"].setTicks, [list(plot.top)])
        above = "<br>".join(filter(None, [plot.title, html.escape(self.whose)])) or None
        self._tell("title", partial(item.setTitle, color=theme.muted, size="9pt", bold=False), above)
        item.titleLabel.setToolTip(plot.tip)
        self._tell("rows", item.vb.invertY, plot.fields is not None)
        sides = ((0, plot.across, plot.y_log), (90, plot.upright, plot.x_log), (None, plot.shaded, plot.x_log))
        levels = [(angle, at, log, theme) for angle, places, log in sides for at in places]
        self._tell("levels", self._draw_levels, *levels)

    def _draw_ticks(self, side: str, named: list[tuple[float, str]], is_shown: bool, needs_room: bool) -> None:
        self._axes[side].setStyle(showValues=is_shown)
        self._axes[side].setTicks([named] if named else None)
        if side == "bottom":
            lines = max((name.count("\n") for _, name in named), default=0)
            self._axes[side].setHeight(BOTTOM_HEIGHT + lines * LINE_HEIGHT if needs_room else None)

    def _draw_levels(self, *wanted: tuple[int | None, Any, bool, Theme]) -> None:
        """Draw lines at an angle and, at none, shaded spans, each at places on an axis that is logarithmic or not."""
        for gone in self._levels.keys() - set(wanted):
            self.getPlotItem().removeItem(self._levels.pop(gone))
        for one in (one for one in wanted if one not in self._levels):
            angle, at, log, theme = one
            if angle is None:
                brush = pg.mkBrush(faded(theme.accent, SHADE))
                item = pg.LinearRegionItem(to_axis(at, log=log), movable=False, brush=brush, pen=pg.mkPen(None))
            else:
                pen = pen_of(theme.line_strong, "--" if at else "-", 0.6)
                item = pg.InfiniteLine(float(to_axis(at, log=log)), angle=angle, pen=pen)
            self.addItem(item, ignoreBounds=True)
            item.setZValue(OVER_FIRST)
            self._levels[one] = item

    def _draw_right(self, factor: float, title: str) -> None:
        self._axes["right"].setStyle(showValues=bool(title))
        self._axes["right"].setScale(factor)
        self._axes["right"].set_title(title)

    def _follow_width(self, *_: object) -> None:
        fit_width(self, has_right=self.shown.right is not None)

    def _draw_fields(self, plot: Plot) -> None:
        if plot.fields is not None:
            image = pg.ImageItem(colour_fields(plot), levels=(0, 255), autoDownsample=False)
            image.setRect(-0.5, -0.5, plot.fields.shape[1], plot.fields.shape[0])
            self._add(image)
            for row, column, text, ink in write_fields(plot):
                label = pg.TextItem(text, color=ink, anchor=(0.5, 0.5))
                label.setPos(column, row)
                self._add(label)

    def _draw_series(self, one: Series, x: FloatArray, y: FloatArray, spare: Iterator[pg.PlotDataItem]) -> Any:
        colour = self._colour(one.ink)
        symbol = MARKERS[one.marker] if one.marker else symbol_of(one.ink) if isinstance(one.ink, int) else "o"
        pen = pen_of(colour, one.line, one.width) if one.line else None
        self._draw_intervals(one, x, y, colour)
        fill = pg.mkBrush(faded(colour, one.alpha))
        if one.bar:
            looks = {"brush": None if one.hollow else fill, "pen": solid(colour, 1.2) if one.hollow else pg.mkPen(None)}
            item = pg.BarGraphItem(x=x, height=np.nan_to_num(y), width=one.bar, **looks)
        elif one.size and not one.line:
            looks = {"size": PIXELS * one.size, "symbol": symbol, "brush": fill, "hoverable": bool(len(one.keys))}
            looks |= {"pen": solid(colour, 1.6) if symbol == "x" else None, "hoverSize": PIXELS * one.size + 3}
            known = np.isfinite(x) & np.isfinite(y)
            keys = [key for key, is_known in zip(one.keys, known, strict=True) if is_known] if len(one.keys) else None
            item = pg.ScatterPlotItem(x[known], y[known], data=keys, tip=None, **looks)
        else:
            looks = {"symbol": symbol if one.size else None, "symbolSize": PIXELS * one.size, "symbolBrush": fill}
            if one.foot is not None:
                looks |= {"fillLevel": one.foot, "fillBrush": pg.mkBrush(faded(colour, 0.35 * one.alpha))}
            item = next(spare, None) or self._make_line()
            looks |= {"fillLevel": None, "fillBrush": None} if one.foot is None else {}
            item.setData(x, y, pen=pen, symbolPen=None, connect="finite", **looks)
            item.setVisible(True)
        if item not in self._lines:
            self._add(item)
        self.items.setdefault(one.name, item)
        if one.name and self.shown.ends:
            self._name_end(one.name, colour, x, y)
        elif one.name and self.shown.legend is not None:
            self.legend.addItem(item, one.name)
        return item

    def _make_line(self) -> pg.PlotDataItem:
        """A line that is drawn with other numbers next time, since making one takes most of the time of drawing it."""
        line = pg.PlotDataItem()
        self.addItem(line, ignoreBounds=True)
        self._lines.append(line)
        return line

    def _name_end(self, name: str, colour: str, x: FloatArray, y: FloatArray) -> None:
        if not (np.isfinite(x[-1]) and np.isfinite(y[-1])):
            return
        self._ends[name] = (float(x[-1]), float(y[-1]))
        if name not in self._names:
            self._names[name] = label = pg.TextItem(name, anchor=(0, 0.5))
            label.setFont(plot_font())
            label.textItem.document().setDocumentMargin(1)  # the box of one name strikes no other name through
            label.setZValue(ON_TOP)
            self.addItem(label, ignoreBounds=True)
        self._names[name].fill = pg.mkBrush(theme_in_use().panel)
        self._names[name].setColor(colour)

    def _draw_intervals(self, one: Series, x: FloatArray, y: FloatArray, colour: str) -> None:
        ends = {
            name: to_axis(values, log=log)
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
                self._add(pg.FillBetweenItem(*edges, brush=pg.mkBrush(faded(colour, 0.2))))
            return
        lines = [(x, ends[name]) for name in ("low", "high") if name in ends]
        lines += [(ends[name], y) for name in ("left", "right") if name in ends]
        pen = solid(theme_in_use().text if one.bar else faded(colour, one.alpha), one.width)
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            pairs = np.stack([np.column_stack(both).ravel() for both in zip(first, second, strict=True)])
            known = np.isfinite(pairs).all(axis=0).reshape(-1, 2).all(axis=1).repeat(2)
            self._add(pg.PlotCurveItem(*pairs[:, known], pen=pen, connect="pairs"))

    def _fit(self, *_: object) -> None:
        """Fill the room there is, with some of it for the legend or for names at the ends of lines."""
        self._follow_width()  # numbers at an axis may have become wider
        plot, box = self.shown, self.getPlotItem().vb
        (left, right), (low, high) = (
            [float(to_axis(end, log=log)) for end in ends]
            for ends, log in zip(plot.bounds(), (plot.x_log, plot.y_log), strict=True)
        )
        covered = min(MOST_LEGEND, (self.legend.height() + LEGEND_MARGIN) / max(1.0, box.height()))
        room = covered / (1 - covered) * (high - low) if self.legend.items and plot.y_range[1] is None else 0.0
        beside = max([END_ROOM, *(self._names[name].boundingRect().width() + END_OFFSET for name in self._ends)])
        width = max(box.width(), 2.0 * beside)
        right += (right - left) * beside / (width - beside) if plot.ends else 0.0
        if box.linkedView(box.XAxis) is None:  # one that follows another would have that follow it, too
            self.setXRange(left, right, padding=0)
        self.setYRange(low, high + room, padding=0)
        gap = END_GAP * (high - low) / max(1.0, box.height())
        places = spread_apart([y for _, y in self._ends.values()], gap=gap, low=low + gap / 2, high=high - gap / 2)
        for label in self._names.values():
            label.setVisible(label.toPlainText() in self._ends)
        for (name, end), place in zip(self._ends.items(), places, strict=True):
            self._names[name].setPos(end[0] + END_OFFSET * (right - left) / width, place)

    def _colour(self, ink: Ink) -> str:
        return DARK.encoder(ink) if isinstance(ink, int) else str(getattr(theme_in_use(), ink, PAPER))

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


class LineView(PlotView):
    """A plot of lines over x; a key is the x under the pointer, wherever it is."""

    def key_at(self, scene_position: QPointF) -> Hashable | None:
        """The x of a place of the scene."""
        box = self.getPlotItem().vb
        if not box.sceneBoundingRect().contains(scene_position):
            return None
        x = float(box.mapSceneToView(scene_position).x())
        return 10.0**x if self.shown.x_log else x
