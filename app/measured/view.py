"""Measured against predicted shifts as points that open their probe's pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from app.look.plotting import dashed, faded, solid
from app.look.theme import DARK, Theme
from app.widgets.basics import make_column, make_label
from app.widgets.themed_plot import ThemedPlot
from core.experiments.measured.compare import Comparison, Row, predict_shifts
from core.experiments.measured.compare_tables import predicted_unit
from core.experiments.measured.planned import Measure

RAISE, LOWER, CONTROL = "raise", "lower", "control"
SYMBOLS = {RAISE: "t1", LOWER: "t", CONTROL: "x"}
"""Never distinguished by colour alone."""
POINT, CHOSEN_POINT = 10, 18
MARGIN = 0.08
MOST_BARS = 300
"""With more points than this, bars of standard errors would hide them."""


class MeasuredView(QWidget):
    """One network's scatter; `probe_chosen` gives the number of the probe that was clicked."""

    probe_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = DARK
        self._shown: tuple[Comparison, Row, npt.NDArray[np.bool_]] | None = None
        self._chosen = -1
        self.plot = ThemedPlot("predicted shift", "measured shift")
        self.plot.legend.setOffset((8, 8))  # measured shifts that follow their prediction leave this corner free
        self.plot.setAccessibleName("Measured against predicted shifts")
        self._zero = [pg.InfiniteLine(angle=angle, pos=0) for angle in (0, 90)]
        self._line = pg.PlotDataItem()
        self._identity = pg.PlotDataItem()
        self._bars = pg.ErrorBarItem(x=np.zeros(0), y=np.zeros(0), beam=0)
        self.points = {
            role: pg.ScatterPlotItem(symbol=symbol, size=POINT, hoverable=True, hoverSize=13, tip=None, name=role)
            for role, symbol in SYMBOLS.items()
        }
        self._ring = pg.ScatterPlotItem(size=CHOSEN_POINT, symbol="o", brush=None)
        for item in (*self._zero, self._identity, self._line, self._bars, *self.points.values(), self._ring):
            self.plot.addItem(item)
        for item in self.points.values():
            item.sigClicked.connect(self._open)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Probes: left and right arrow step through them")
        self.hint = make_label("", "faint", wraps=True)
        column = make_column(self.plot, self.hint, gap=4)
        column.setStretch(0, 1)
        self.setLayout(column)

    def show_row(self, comparison: Comparison, row: Row, chosen: npt.NDArray[np.bool_]) -> None:
        """Draw the probes of a row: those of its cut, as its network predicted them."""
        self._shown = comparison, row, chosen
        unit, predicted = comparison.measured.unit, predicted_unit(comparison)
        self.plot.set_titles(f"predicted {row.measure.words} ({predicted})", f"measured {row.measure.words} ({unit})")
        self._draw()

    def choose(self, probe: int) -> None:
        """Ring the point of a probe; -1 for none."""
        self._chosen = probe
        self._draw()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        self.plot.set_theme(theme)
        colours = {RAISE: theme.warm, LOWER: theme.cool, CONTROL: theme.muted}
        for role, item in self.points.items():
            item.setBrush(pg.mkBrush(faded(colours[role], 0.85)))
            item.setPen(pg.mkPen(colours[role], width=1.6 if role == CONTROL else 0))
        for line in self._zero:
            line.setPen(solid(theme.line_strong, 1.0))
        self._bars.setOpts(pen=solid(faded(theme.muted, 0.55), 1.0))
        self._line.setPen(solid(theme.accent, 2.0))
        self._identity.setPen(dashed(theme.faint))
        self._ring.setPen(solid(theme.text, 2.0))

    def _draw(self) -> None:
        if self._shown is None:
            return
        comparison, row, chosen = self._shown
        groups = _group(comparison, row, chosen)
        x = np.concatenate([group[1] for group in groups.values()])
        y = np.concatenate([group[2] for group in groups.values()])
        error = np.nan_to_num(np.concatenate([group[3] for group in groups.values()]))
        for role, item in self.points.items():
            numbers, across, up, _ = groups.get(role, (np.zeros(0, dtype=int), np.zeros(0), np.zeros(0), None))
            item.setData(x=across, y=up, data=numbers)
        bars = len(x) <= MOST_BARS
        self._bars.setData(x=x if bars else x[:0], y=y if bars else y[:0], height=2 * (error if bars else error[:0]))
        self._mark(groups)
        self._fit(row, x, y, error)
        same = comparison.measured.unit == predicted_unit(comparison)
        drawn = "Bars: standard error from repeats. " if error.any() and bars else ""
        line = "Line: fitted slope; dashed: as predicted. " if same else "Line: fitted slope. "
        self.hint.setText(f"{line}{drawn}Click a point, or use the arrow keys.")
        self._identity.setVisible(same)

    def _mark(self, groups: dict[str, tuple[Any, Any, Any, Any]]) -> None:
        found = [
            (across[numbers == self._chosen], up[numbers == self._chosen])
            for numbers, across, up, _ in groups.values()
            if self._chosen in numbers
        ]
        self._ring.setData(
            x=np.concatenate([pair[0] for pair in found]) if found else [],
            y=np.concatenate([pair[1] for pair in found]) if found else [],
        )

    def _fit(self, row: Row, x: Any, y: Any, error: Any) -> None:
        """Set the ranges and draw the lines across them."""
        if not len(x):
            return
        ends = np.asarray([min(0.0, float(x.min())), max(0.0, float(x.max()))])
        known = np.isfinite(row.slope.value)
        self._line.setData(ends if known else [], row.intercept + row.slope.value * ends if known else [])
        self._identity.setData(ends, ends)
        spare = MARGIN * max(float(np.ptp(ends)), 1e-9)
        self.plot.setXRange(ends[0] - spare, ends[1] + spare, padding=0)
        low, high = min(0.0, float((y - error).min())), max(0.0, float((y + error).max()))
        spare = MARGIN * max(high - low, 1e-9)
        self.plot.setYRange(low - spare, high + spare, padding=0)

    @Slot(object, object)
    def _open(self, _item: object, points: Any, *_event: object) -> None:
        if len(points):
            self.probe_chosen.emit(int(points[0].data()))

    def keyPressEvent(self, event: Any) -> None:
        """Left and right step through the probes shown."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key(), 0)
        if not step or self._shown is None:
            super().keyPressEvent(event)
            return
        shown = np.flatnonzero(self._shown[2])
        place = int(np.searchsorted(shown, self._chosen)) if self._chosen in shown else -1 if step > 0 else len(shown)
        self.probe_chosen.emit(int(shown[(place + step) % len(shown)]))


def _group(
    comparison: Comparison, row: Row, chosen: npt.NDArray[np.bool_]
) -> dict[str, tuple[npt.NDArray[np.int64], Any, Any, Any]]:
    """By role: numbers of the probes, predicted, measured, standard error."""
    shifts, predicted = comparison.shifts, predict_shifts(comparison.shifts, row.network)
    directions = np.asarray([probe.perturbed.role for probe in shifts.probes])
    wanted = {
        Measure.SHIFT: ((RAISE, Measure.SHIFT), (LOWER, Measure.SHIFT), (CONTROL, Measure.CONTROL)),
        Measure.CONTROL: ((CONTROL, Measure.CONTROL),),
        Measure.CONTRAST: ((RAISE, Measure.CONTRAST), (LOWER, Measure.CONTRAST)),
    }[row.measure]
    groups = {}
    for role, measure in wanted:
        x, y = predicted[measure.index], shifts.measured[measure.index]
        own = np.ones(len(x), dtype=bool) if role == CONTROL else directions == role
        numbers = np.flatnonzero(chosen & own & np.isfinite(x) & np.isfinite(y))
        groups[role] = numbers, x[numbers], y[numbers], shifts.error[measure.index][numbers]
    return groups
