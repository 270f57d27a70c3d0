"""Measured against predicted shifts as points that open their probe's pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.widgets.plot_view import PlotView
from core.experiments.measured.compare import Comparison, Row
from core.experiments.measured.compare_plots import plot_shifts
from core.types import BoolArray


class MeasuredView(PlotView):
    """One network's scatter; `picked` gives the number of a probe that was clicked or stepped to."""

    def __init__(self) -> None:
        super().__init__("Probes: left and right arrow step through them")
        self.legend.setOffset((8, 8))  # measured shifts that follow their prediction leave this corner free
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._probes = np.zeros(0, dtype=int)
        self._chosen = -1

    def show_row(self, comparison: Comparison, row: Row, chosen: BoolArray) -> str:
        """Draw the probes of a row, those of its cut, as its network predicted them; returns the hint under them."""
        self._probes = np.flatnonzero(chosen)
        plot = plot_shifts(comparison, row, chosen)
        self.show_plot(replace(plot, title=""))
        line = "Line: fitted slope; dashed: as predicted. " if plot.series[0].line == "--" else "Line: fitted slope. "
        drawn = "Bars: standard error from repeats. " if any(one.low is not None for one in plot.series) else ""
        return f"{line}{drawn}Click a point, or use the arrow keys."

    def choose(self, probe: int) -> None:
        """Ring the point of a probe; -1 for none."""
        self._chosen = probe
        self.mark(probe)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right step through the probes shown."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not step or not len(self._probes):
            super().keyPressEvent(event)
            return
        shown, own = self._probes, np.flatnonzero(self._probes == self._chosen)
        place = int(own[0]) if len(own) else -1 if step > 0 else len(shown)
        self.picked.emit(int(shown[(place + step) % len(shown)]))
