"""Plots the target's shift against epsilon with its first-order line, controls and linearity."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from app.look.numbers import NORM_SIGNS, digits_for, format_number, format_signed, write_epsilon
from app.look.plotting import dashed, faded, make_axes, name_plot, plot_font, quieten, solid, spread_apart, value_range
from app.look.theme import DARK, Theme, follow_theme
from app.widgets.basics import make_column, make_label, make_row
from core.figures.curve import CURVES, CurveData, EpsilonScale
from core.types import Direction, FloatArray

AXIS_WIDTH = 52
LINEARITY_HEIGHT = 82
"""Pixels of the lower plot with its axis; left out where the view is too low for both."""

LEAST_HEIGHT_FOR_BOTH = 170
LABEL_ROOM = 92
"""Pixels kept free on the right of the lines for their names."""

LABEL_OFFSET = 5
"""Pixels between a line's end and its name."""

LABEL_GAP = 14
"""Pixels between two labels."""

DENSE = 96
"""Points of the first-order line, which bends on a logarithmic axis."""


class CurveView(QWidget):
    """Shift (left axis in the response's unit, right in SDs) over linearity, against one epsilon axis."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = DARK
        self.data: CurveData | None = None
        self.is_log = False
        self._marker: tuple[float, float] | None = None
        self._canvas = pg.GraphicsLayoutWidget()
        name_plot(self._canvas, "Shift against epsilon")
        self._canvas.ci.setContentsMargins(0, 4, 4, 0)
        self._canvas.ci.setSpacing(4)
        self._upper_axes, self._lower_axes = make_axes(), make_axes()
        self._upper = self._canvas.addPlot(row=0, col=0, axisItems=self._upper_axes)
        self._lower = self._canvas.addPlot(row=1, col=0, axisItems=self._lower_axes)
        self._lower.setXLink(self._upper)
        for plot in (self._upper, self._lower):
            quieten(plot)
            plot.showAxis("right")
        self._lower.getAxis("left").setGrid(False)
        self._canvas.ci.layout.setRowFixedHeight(1, LINEARITY_HEIGHT)
        self._make_items()
        for axes in (self._upper_axes, self._lower_axes):
            axes["left"].setWidth(AXIS_WIDTH)
            axes["right"].setWidth(AXIS_WIDTH)
        self._lower_axes["left"].setTicks([[(0.0, "0"), (1.0, "1")]])
        self._lower_axes["right"].setStyle(showValues=False)
        self._unit_label, self._sd_label = make_label("", "faint"), make_label("", "faint")
        self.setLayout(make_column(make_row(self._unit_label, -1, self._sd_label), self._canvas, gap=0))
        self._canvas.scene().sigMouseMoved.connect(self._explain)
        self._upper.getViewBox().sigResized.connect(self._fit_width)
        self.setAccessibleName("Shift against epsilon")
        follow_theme(self.set_theme)

    def show_curve(self, data: CurveData) -> None:
        """Show a whole or growing curve; the marker goes to its last budget."""
        self.data = data
        self._marker = (data.largest_epsilon, float(data.shift[-1])) if data.shift.size else None
        self._redraw()

    def show_marker(self, epsilon: float, shift: float) -> None:
        """Move the marker of the current budget: a preview or a scrubbed step."""
        self._marker = (epsilon, shift)
        self._draw_marker()

    def set_log(self, on: bool) -> None:
        """Logarithmic (octaves) or linear epsilon axis."""
        self.is_log = on
        self._redraw()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self._canvas.setBackground(theme.panel)
        for label in (*self._labels.values(), self._linearity_label):
            label.setFont(plot_font())
            label.fill = pg.mkBrush(theme.panel)  # so that no line strikes a name through
            label.textItem.document().setDocumentMargin(1)  # nor the box of one name another name
            label.updateTextPos()
        self._one.setPen(dashed(theme.muted, 1))
        for line in (self._zero, self._lower_zero):
            line.setPen(pg.mkPen(theme.line_strong, width=1))
        for guide in (self._guide, self._lower_guide):
            guide.setPen(pg.mkPen(faded(theme.accent, 0.7), width=1))
        self._dot.setData(pen=pg.mkPen(theme.panel, width=1.5), brush=pg.mkBrush(theme.accent))
        self._redraw()

    def explain(self, epsilon: float) -> str:
        """The numbers at the budget nearest to one given, one line each; an empty text where there is no curve."""
        data = self.data
        if data is None or not data.epsilon.size:
            return ""
        number = int(np.argmin(np.abs(data.epsilon - epsilon)))
        digits = digits_for(float(np.abs(data.shift).max()))
        lines = [f"{NORM_SIGNS[data.norm]} ε {write_epsilon(float(data.epsilon[number]), data.norm)}"]
        for name, values in data.series.items():
            if values.size:
                value = float(values[number])
                sds = f" ({format_signed(data.in_sds(value))} SD)" if data.target_sd > 0 else ""
                lines.append(f"{name}: {format_signed(value, digits)} {data.unit}{sds}\n   {CURVES[name]}")
        if data.linearity.size:
            lines.append(f"linearity: {format_number(float(data.linearity[number]))}\n   shift ÷ first-order shift")
        return "\n".join(lines)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the lower plot out where there is no room for both."""
        super().resizeEvent(event)
        self._share_height()

    def leaveEvent(self, event: QEvent) -> None:
        """No read-out once the pointer is gone."""
        QToolTip.hideText()
        super().leaveEvent(event)

    def _make_items(self) -> None:
        self._zero = pg.InfiniteLine(angle=0, pos=0)
        self._lower_zero = pg.InfiniteLine(angle=0, pos=0)
        self._one = pg.InfiniteLine(angle=0, pos=1)
        self._guide, self._lower_guide = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        self._curves = {name: pg.PlotDataItem() for name in CURVES}
        self._linearity = pg.PlotDataItem()
        self._dot = pg.ScatterPlotItem(size=10)
        self._labels = {name: pg.TextItem(name, anchor=(0, 0.5)) for name in CURVES}
        self._linearity_label = pg.TextItem("linearity", anchor=(0, 0.5))
        for item in (self._zero, self._guide, *reversed(self._curves.values()), self._dot, *self._labels.values()):
            self._upper.addItem(item)
        for item in (self._lower_zero, self._one, self._lower_guide, self._linearity, self._linearity_label):
            self._lower.addItem(item)

    def _share_height(self) -> None:
        both = self.height() >= LEAST_HEIGHT_FOR_BOTH
        self._lower.setVisible(both)
        self._canvas.ci.layout.setRowFixedHeight(1, LINEARITY_HEIGHT if both else 0)
        self._upper.getAxis("bottom").setVisible(not both)

    def _redraw(self) -> None:
        if self.data is None:
            return
        self._share_height()
        self._draw_curves(self.data)
        self._set_ranges(self.data)
        self._write_axes(self.data)
        self._draw_marker()
        self._place_labels()

    def _draw_curves(self, data: CurveData) -> None:
        scale, colours = EpsilonScale(data.norm, self.is_log), self._colours(data)
        pens = {
            "attack": solid(colours["attack"], 2.2),
            "first order": dashed(colours["first order"]),
            "random control": solid(colours["random control"], 1.4),
            "sign flip": solid(faded(colours["sign flip"], 0.75), 1.4),
        }
        for name, values in data.series.items():
            epsilon = data.epsilon
            if name == "first order" and values.size:
                epsilon = np.geomspace(max(data.largest_epsilon, 1e-9) / 1024, max(data.largest_epsilon, 1e-9), DENSE)
                values = data.slope * epsilon
            self._draw_line(self._curves[name], scale.position(epsilon[: len(values)]), values)
            self._curves[name].setPen(pens[name])
        attack = self._curves["attack"]
        attack.setSymbol("o")
        attack.setSymbolSize(6)
        attack.setSymbolBrush(pg.mkBrush(colours["attack"]))
        attack.setSymbolPen(pg.mkPen(self._theme.panel, width=1))
        self._linearity.setData(scale.position(data.epsilon[: len(data.linearity)]), data.linearity)
        self._linearity.setPen(solid(self._theme.text, 1.5))

    def _draw_line(self, item: pg.PlotDataItem, x: FloatArray, y: FloatArray) -> None:
        """On a linear axis every line starts at no shift under no budget."""
        if y.size and not self.is_log and x[0] > 0:
            x, y = np.concatenate([[0.0], x]), np.concatenate([[0.0], y])
        item.setData(x, y)
        item.setVisible(bool(y.size))

    def _colours(self, data: CurveData) -> dict[str, str]:
        theme = self._theme
        up, down = (theme.warm, theme.cool) if data.direction is Direction.RAISE else (theme.cool, theme.warm)
        return dict(zip(CURVES, (up, theme.muted, theme.faint, down), strict=True))

    def _set_ranges(self, data: CurveData) -> None:
        low, high = self._x_range(data)
        width = max(self._upper.getViewBox().width(), 2.0 * LABEL_ROOM)
        room = (high - low) * width / (width - LABEL_ROOM)
        self._upper.setXRange(low - 0.02 * room, low + room, padding=0)
        self._upper.setYRange(*value_range(data.series.values()), padding=0)
        finite = data.linearity[np.isfinite(data.linearity)] if data.linearity.size else np.ones(1)
        bottom, top = value_range([finite, np.asarray([0.0, 1.0])])
        self._lower.setYRange(bottom, top, padding=0)

    def _x_range(self, data: CurveData) -> tuple[float, float]:
        positions = EpsilonScale(data.norm, self.is_log).position(np.append(data.epsilon, data.budget))
        positions = positions[np.isfinite(positions)]
        if not positions.size or (not self.is_log and positions.max() <= 0):
            return 0.0, 1.0
        low = float(positions[0]) if self.is_log else 0.0
        high = float(positions.max())
        return (low, high) if high > low else (high - 1, high)

    def _write_axes(self, data: CurveData) -> None:
        scale = EpsilonScale(data.norm, self.is_log)
        ticks = [scale.ticks(data.epsilon)] if self.is_log else None
        for axes in (self._upper_axes, self._lower_axes):
            axes["bottom"].setTicks(ticks)
            axes["bottom"].set_title(scale.title)
        has_sd = data.target_sd > 0
        self._unit_label.setText(f"shift ({data.unit})")
        self._sd_label.setText("shift (SD)" if has_sd else "")
        self._upper_axes["right"].setStyle(showValues=has_sd)
        self._upper_axes["right"].setScale(1 / data.target_sd if has_sd else 1.0)

    def _draw_marker(self) -> None:
        x, y = float("nan"), 0.0
        if self.data is not None and self._marker is not None:
            x, y = float(EpsilonScale(self.data.norm, self.is_log).position(self._marker[0])), self._marker[1]
        for item in (self._guide, self._lower_guide, self._dot):
            item.setVisible(bool(np.isfinite(x)))
        if np.isfinite(x):
            self._guide.setPos(x)
            self._lower_guide.setPos(x)
            self._dot.setData([x], [y])

    def _fit_width(self) -> None:
        if self.data is not None:
            self._set_ranges(self.data)
            self._place_labels()

    def _place_labels(self) -> None:
        """Write each line's name at its end, moved apart where two would touch."""
        data = self.data
        if data is None:
            return
        named = {name: values for name, values in data.series.items() if values.size and np.isfinite(values[-1])}
        for name, label in self._labels.items():
            label.setVisible(name in named)
        self._linearity_label.setVisible(bool(data.linearity.size))
        if not named:
            return
        box = self._upper.getViewBox()
        ((left, right), (low, high)), height = box.viewRange(), max(1.0, box.height())
        gap = LABEL_GAP * (high - low) / height
        ends = [float(values[-1]) for values in named.values()]
        places = spread_apart(ends, gap=gap, low=low + gap / 2, high=high - gap / 2)
        last = float(EpsilonScale(data.norm, self.is_log).position(data.largest_epsilon))
        x = last + LABEL_OFFSET * (right - left) / max(1.0, box.width())
        colours = self._colours(data) | {"random control": self._theme.muted}
        for name, y in zip(named, places, strict=True):
            self._labels[name].setColor(colours[name])
            self._labels[name].setPos(x, y)
        if data.linearity.size and np.isfinite(data.linearity[-1]):
            lower = self._lower.getViewBox()
            (low, high), height = lower.viewRange()[1], max(1.0, lower.height())
            half = LABEL_GAP / 2 * (high - low) / height
            self._linearity_label.setColor(self._theme.text)
            self._linearity_label.setPos(x, float(np.clip(data.linearity[-1], low + half, high - half)))

    def _explain(self, position: QPointF) -> None:
        data = self.data
        box = self._upper.getViewBox()
        if data is None or not self._upper.sceneBoundingRect().contains(position):
            QToolTip.hideText()
            return
        budget = EpsilonScale(data.norm, self.is_log).budget(box.mapSceneToView(position).x())
        QToolTip.showText(self._canvas.mapToGlobal(position.toPoint()), self.explain(budget), self)
