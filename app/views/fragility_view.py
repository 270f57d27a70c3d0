"""Sensitivity against predictivity: a point an encoder with intervals, a small one a target. Never computes either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from app.theme import Theme
from app.views.answer_view import AnswerView, ThemedPlot, colour_of, symbol_of
from app.views.plotting import solid
from app.widgets.basics import make_column, make_label, make_row
from core.types import FloatArray

if TYPE_CHECKING:
    from app.sweep_job import Finished

HINT = "Large: an encoder with its intervals. Small: a target; click one to open its probe in Explore."
MARGIN = 0.08


class FragilityView(AnswerView):
    """Scatter beside the curve along the ladder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter = ThemedPlot("held-out r", "sensitivity (SD)")
        self.curve = ThemedPlot("epsilon, log10", "sensitivity, log10 (SD)")
        self.curve.legend.hide()  # the colours are those of the scatter
        self.targets = pg.ScatterPlotItem(hoverable=True, size=8, hoverSize=11, tip=None)
        self.targets.sigClicked.connect(self._open)
        row = make_row(self.scatter, self.curve)
        row.setStretch(0, 1)
        row.setStretch(1, 1)
        column = make_column(row, make_label(HINT, "faint", wraps=True), gap=4)
        column.setStretch(0, 1)
        self.setLayout(column)

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Fragility`."""
        answer: Any = finished.answer
        sweep = finished.sweep
        for plot in (self.scatter, self.curve):
            plot.clear()
        values = sweep.sensitivity()[..., -1]
        highest = sweep.config.ladder[-1]
        self.scatter.set_titles("held-out r", f"sensitivity at epsilon {highest:g} (SD)")
        self._place_targets(finished.target_r, values)
        for index, row in enumerate(answer.overall):
            self._place_encoder(index, row)
            self._draw_curve(index, row, sweep.config.ladder)
        self._fit(self.scatter, finished.target_r, values.mean(axis=2))
        self.curve.getPlotItem().autoRange(padding=MARGIN)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.scatter.set_theme(theme)
        self.curve.set_theme(theme)

    def _place_targets(self, r: FloatArray, values: FloatArray) -> None:
        """Small points; each opens the image whose sensitivity is the median."""
        spots = []
        for encoder, target in np.ndindex(*r.shape):
            if np.isfinite(r[encoder, target]):
                own = values[encoder, target]
                image = int(np.argsort(own)[(len(own) - 1) // 2])
                brush = pg.mkBrush(pg.mkColor(colour_of(encoder) + "99"))
                spots.append(
                    {"pos": (r[encoder, target], own.mean()), "data": (encoder, target, image), "brush": brush}
                )
        self.targets.setData(spots)
        self.targets.setPen(pg.mkPen(None))
        self.scatter.addItem(self.targets)

    def _place_encoder(self, index: int, row: Any) -> None:
        y, x = row.sensitivity[-1], row.r
        if np.isfinite(x.value):
            place = {"x": np.asarray([x.value]), "y": np.asarray([y.value])}
            reach = {
                "left": x.value - x.low,
                "right": x.high - x.value,
                "bottom": y.value - y.low,
                "top": y.high - y.value,
            }
            self.scatter.addItem(pg.ErrorBarItem(**place, **reach, beam=0, pen=solid(colour_of(index), 1.6)))
            point = pg.ScatterPlotItem(
                size=15, symbol=symbol_of(index), brush=colour_of(index), pen=pg.mkPen(None), name=row.label
            )
            point.setData(**place)
            self.scatter.addItem(point)

    def _draw_curve(self, index: int, row: Any, ladder: tuple[float, ...]) -> None:
        x, colour = np.log10(ladder), colour_of(index)
        lines = [
            np.log10([max(getattr(one, part), 1e-6) for one in row.sensitivity]) for part in ("value", "low", "high")
        ]
        self.curve.plot(
            x, lines[0], pen=solid(colour), symbol="o", symbolSize=6, symbolBrush=colour, symbolPen=None, name=row.label
        )
        edges = [pg.PlotDataItem(x, line, pen=None) for line in lines[1:]]
        self.curve.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(pg.mkColor(colour + "33"))))

    def _fit(self, plot: ThemedPlot, x: FloatArray, y: FloatArray) -> None:
        known = x[np.isfinite(x)]
        if known.size:
            span = max(float(np.ptp(known)), 0.1)
            plot.setXRange(known.min() - 0.15 * span, known.max() + 0.15 * span, padding=0)
        plot.setYRange(0, 1.25 * float(y.max()), padding=0)

    @Slot(object, object)
    def _open(self, _item: object, points: Any, *_event: object) -> None:
        if len(points):
            self.probe_requested.emit(*points[0].data())
