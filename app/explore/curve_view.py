"""Plots the target's shift against epsilon with its first-order line, controls and linearity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_column
from app.widgets.plot_view import LineView
from core.attacks.config import NORM_SIGNS, write_epsilon
from core.figures.curve import ATTACK, CURVES, SECOND, CurveData
from core.figures.probe_maps import SD_UNIT
from core.figures.probe_plots import PINNED, plot_curve, plot_linearity
from core.words import digits_for, format_number, format_signed

AXIS_WIDTH = 52
LINEARITY_HEIGHT = 82
"""Pixels of the lower plot with its axis; left out where the view is too low for both."""

LEAST_HEIGHT_FOR_BOTH = 200


class CurveView(QWidget):
    """Shift (left axis in the response's unit, right in SDs) over linearity, against one epsilon axis."""

    marked = Signal()
    """The marker stands elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.data: CurveData | None = None
        self.beside: dict[str, CurveData] = {}
        self.is_log = True
        self.more: Callable[[CurveData], dict[str, Any]] = lambda _data: {}
        """What the plot of a curve shows beside it, as fields of a `Plot`."""

        self.marker: tuple[float, float] | None = None
        """Budget and shift that are marked: a preview, a scrubbed step or the last budget."""

        self.shift, self.linearity = LineView("Shift against epsilon"), LineView("Linearity against epsilon")
        for plot in (self.shift, self.linearity):
            plot.describe = self._explain
            for side in ("left", "right"):
                plot.getPlotItem().getAxis(side).setWidth(AXIS_WIDTH)
        self.linearity.getPlotItem().setXLink(self.shift.getPlotItem())
        self.linearity.setFixedHeight(LINEARITY_HEIGHT)
        self.setLayout(make_column(self.shift, self.linearity, gap=0, stretch=0))
        self.setAccessibleName("Shift against epsilon")

    def show_curve(self, data: CurveData, beside: Mapping[str, CurveData] | None = None) -> None:
        """Show a whole or growing curve, with those of other probes; the marker goes to its last budget.

        A pinned curve is compared in SDs, each of its own encoder's and target's, as soon as those are known.
        """
        self.data, self.beside = data, dict(beside or {})
        if PINNED in self.beside and (data.target_sd > 0 or data.unit == SD_UNIT):
            self.data, self.beside = data.in_sds(), {name: one.in_sds() for name, one in self.beside.items()}
        ends = [line[0][-1] for one in self.beside.values() if (line := one.on_axes_of(self.data)) is not None]
        if ends:
            names = {ATTACK: "B, attack"} | dict(self.data.names) if PINNED in self.beside else self.data.names
            budget = max(self.data.budget, float(max(ends)) / self.data.factor)
            self.data = replace(self.data, budget=budget, names=names)
        data = self.data
        self.marker = (float(data.epsilon[-1]), float(data.lines[ATTACK][-1])) if data.epsilon.size else None
        self.redraw()

    def show_marker(self, epsilon: float, shift: float) -> None:
        """Move the marker of the current budget: a preview or a scrubbed step, its shift in the response's unit."""
        self.marker = (epsilon, shift if self.data is None else shift / self.data.scale)
        self._draw_marker()

    def set_log(self, on: bool) -> None:
        """Logarithmic (octaves) or linear epsilon axis."""
        self.is_log = on
        self.redraw()

    def explain(self, epsilon: float) -> str:
        """The numbers at the budget nearest to one given, one line each; an empty text where there is no curve."""
        data = self.data
        if data is None or not data.epsilon.size:
            return ""
        number = int(np.argmin(np.abs(data.epsilon - epsilon)))
        digits = digits_for(float(np.abs(data.lines[ATTACK]).max()))
        lines = [f"{NORM_SIGNS[data.norm]} ε {write_epsilon(float(data.epsilon[number]), data.norm)}"]
        for name, values in data.lines.items():
            value = float(values[number])
            sds = f" ({format_signed(value / data.target_sd)} SD)" if data.target_sd > 0 else ""
            lines.append(f"{data.name(name)}: {format_signed(value, digits)} {data.unit}{sds}\n   {CURVES[name]}")
        if data.linearity is not None:
            lines.append(f"linearity: {format_number(float(data.linearity[number]))}\n   shift ÷ first-order shift")
        for name, other in self.beside.items():
            if (line := other.on_axes_of(data)) is not None:
                nearest = int(np.argmin(np.abs(line[0] - data.factor * epsilon)))
                lines.append(f"{name} at {line[0][nearest]:.3g}: {format_signed(float(line[1][nearest]))} {data.unit}")
        return "\n".join(lines)

    def redraw(self) -> None:
        """Draw the curve again, with what stands beside it."""
        if self.data is not None:
            self._choose_plots()
            is_log = self.is_log and bool((self.data.epsilon > 0).all())
            self.linearity.show_plot(plot_linearity(self.data, is_log=is_log))
            plot = plot_curve(self.data, is_log=is_log, beside=self.beside)
            self.shift.show_plot(replace(plot, **self.more(self.data)))
            self._draw_marker()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another height has room for one plot or both."""
        super().resizeEvent(event)
        self._choose_plots()

    def _choose_plots(self) -> None:
        has_lower = self.data is None or SECOND not in self.data.names
        both = has_lower and self.height() >= LEAST_HEIGHT_FOR_BOTH
        self.linearity.setVisible(both)
        if self.shift.getPlotItem().getAxis("bottom").isVisible() is both:  # else it would lay the plot out anew
            self.shift.getPlotItem().showAxis("bottom", not both)

    def _draw_marker(self) -> None:
        if self.data is not None and self.marker is not None:
            x = self.data.factor * self.marker[0]
            self.shift.show_place(x, self.marker[1])
            self.linearity.show_place(x)
        self.marked.emit()

    def _explain(self, x: float) -> str:
        return "" if self.data is None else self.explain(x / self.data.factor)
