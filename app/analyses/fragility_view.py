"""Sensitivity against predictivity, all or by ROI, beside what explains it along epsilon.

Large points are encoders with intervals, small ones targets: a click on one opens the probe behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from app.analyses.answer_view import AnswerView
from app.look.plotting import solid
from app.look.theme import Theme
from app.widgets.basics import make_column, make_label, make_row
from app.widgets.editors import ChoiceBox
from app.widgets.segmented import Segmented
from app.widgets.themed_plot import ThemedPlot, colour_of, symbol_of
from core.networks.catalog import find_network
from core.sweeps.gather import ALL
from core.types import FloatArray

if TYPE_CHECKING:
    from app.analyses.sweep_job import Finished

HINT = "Large symbols: encoders with intervals. Small symbols: targets; click one to open its probe in Explore."
MARGIN = 0.08


CURVE, LINEARITY, CURVATURE, PARTS, NORMS = "curve", "linearity", "curvature", "parts", "norms"
VIEWS = (
    (CURVE, "Sensitivity", "S along epsilon, with intervals"),
    (LINEARITY, "Linearity", "Attack shift / first-order shift, along epsilon; 1 means linear"),
    (CURVATURE, "Curvature", "Angle along the features' path to the highest epsilon, at its inner points; 0: straight"),
    (PARTS, "Parts", "Feature fragility ||Δφ|| / ||φ|| against the readout's ||w|| |cos(w, Δφ)| / σ"),
    (NORMS, "Norms", "Sensitivity under the two norms at equal RMS change; needs a run with both norms"),
)
NO_SECOND = "Run the analysis with both norms to compare them."


class FragilityView(AnswerView):
    """Scatter beside the plot that was chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scatter = ThemedPlot("held-out r", "sensitivity (SD)")
        self.curve = ThemedPlot("epsilon, log10", "sensitivity, log10 (SD)")
        self.curve.legend.hide()  # the colours are those of the scatter
        self.targets = pg.ScatterPlotItem(hoverable=True, size=8, hoverSize=11, tip=None)
        self.targets.sigClicked.connect(self._open)
        self.roi = ChoiceBox("ROI of the targets in the scatter")
        self.choice = Segmented(VIEWS)
        self.told = make_label("", "muted", wraps=True)
        self._finished: Finished | None = None
        self.roi.currentIndexChanged.connect(self._draw_scatter)
        self.choice.chosen.connect(self._draw_chosen)
        row = make_row(self.scatter, self.curve)
        row.setStretch(0, 1)
        row.setStretch(1, 1)
        top = make_row(self.roi, -1, self.choice)
        column = make_column(top, row, self.told, make_label(HINT, "faint", wraps=True), gap=4)
        column.setStretch(1, 1)
        self.setLayout(column)

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Fragility`."""
        self._finished = finished
        answer: Any = finished.answer
        names = dict.fromkeys(row.roi for row in answer.rows)
        self.roi.set_choices((name, "All targets" if name == ALL else name) for name in names)
        self.choice.button(NORMS).setEnabled(bool(answer.norm_agreement))
        self.choice.button(NORMS).setToolTip(VIEWS[-1][2] if answer.norm_agreement else NO_SECOND)
        if self.choice.value() == NORMS and not answer.norm_agreement:
            self.choice.set_value(CURVE)
        self._draw_scatter()
        self._draw_chosen()

    @Slot()
    def _draw_scatter(self) -> None:
        """The encoders and targets of the chosen ROI."""
        if self._finished is None:
            return
        answer: Any = self._finished.answer
        sweep, roi = self._finished.sweep, self.roi.currentData()
        chosen = [number for number, name in enumerate(answer.roi_of) if roi in (ALL, name)]
        values = sweep.sensitivity()[..., -1]
        self.scatter.clear()
        budget = _name_budget(sweep.config)
        self.scatter.set_titles("held-out r", f"sensitivity at {budget} {sweep.config.ladder[-1]:g} (SD)")
        self._place_targets(self._finished.target_r, values, chosen)
        rows = [row for row in answer.rows if row.roi == roi]
        for index, row in enumerate(rows):
            self._place_encoder(index, row)
        ends = np.asarray([[row.r.low, row.r.high] for row in rows])
        tops = np.asarray([row.sensitivity[-1].high for row in rows])
        reach = np.concatenate([self._finished.target_r[:, chosen].ravel(), ends.ravel()])
        self._fit(self.scatter, reach, np.concatenate([values[:, chosen].mean(axis=2).ravel(), tops]))

    @Slot()
    def _draw_chosen(self) -> None:
        """The plot on the right."""
        if self._finished is None:
            return
        answer: Any = self._finished.answer
        config, name = self._finished.sweep.config, self.choice.value()
        self.curve.clear()
        self.told.setText(self._describe(answer))
        x = f"{_name_budget(config)}, log10"
        if name == CURVE:
            self.curve.set_titles(x, "sensitivity, log10 (SD)")
            for index, row in enumerate(answer.overall):
                self._draw_band(index, np.log10(config.ladder), row.sensitivity, log=True)
        elif name == LINEARITY:
            self.curve.set_titles(x, "attack shift / first-order shift")
            for index, part in enumerate(answer.parts):
                self._draw_band(index, np.log10(config.ladder), part.linearity, log=False)
        elif name == CURVATURE:
            self.curve.set_titles(_name_budget(config), "angle (deg)")
            for index, part in enumerate(answer.parts):
                self._draw_line(index, np.asarray(part.path), np.asarray(part.angles))
        elif name == PARTS:
            self.curve.set_titles("||Δφ|| / ||φ||, features", "||w|| |cos(w, Δφ)| / σ, readout")
            for index, part in enumerate(answer.parts):
                self._dot(index, [part.feature_change], [part.alignment * part.weight_size_sd], size=15)
        else:
            self.curve.set_titles(*(f"sensitivity, {norm.capitalize()} (SD)" for norm in config.norms))
            first, second = (self._finished.sweep.sensitivity(norm)[..., -1].mean(axis=-1) for norm in (0, 1))
            for index in range(len(answer.parts)):
                self._dot(index, first[index], second[index], size=8)
        self.curve.getPlotItem().autoRange(padding=MARGIN)

    def _describe(self, answer: Any) -> str:
        """One line of numbers under the plots."""
        bends = ", ".join(f"{part.label} {part.curvature.describe('.1f')}" for part in answer.parts)
        if self.choice.value() == CURVATURE:
            return f"Mean path curvature (deg): {bends}"
        if answer.norm_agreement:
            return f"L2 against Linf, over encoders and targets: r = {answer.norm_agreement[-1].describe('.2f')}"
        return ""

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.scatter.set_theme(theme)
        self.curve.set_theme(theme)

    def _place_targets(self, r: FloatArray, values: FloatArray, chosen: list[int]) -> None:
        """Small points; each opens the image whose sensitivity is the median."""
        spots = []
        for encoder, target in ((encoder, target) for encoder in range(len(r)) for target in chosen):
            if np.isfinite(r[encoder, target]):
                own = values[encoder, target]
                image = int(np.argsort(own)[(len(own) - 1) // 2])
                brush = pg.mkBrush(pg.mkColor(colour_of(encoder) + "99"))
                spots.append(
                    {"pos": (r[encoder, target], own.mean()), "data": (encoder, target, image), "brush": brush}
                )
        self.targets.setData(spots)
        self.targets.setPen(pg.mkPen(None))
        self.targets.setZValue(1)  # above the encoders' points, or those would take the click
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

    def _draw_band(self, index: int, x: FloatArray, intervals: Any, *, log: bool) -> None:
        lines = [np.asarray([getattr(one, part) for one in intervals]) for part in ("value", "low", "high")]
        if log:
            lines = [np.log10(np.maximum(line, 1e-6)) for line in lines]
        self._draw_line(index, x, lines[0])
        if np.isfinite(lines[1:]).all():
            edges = [pg.PlotDataItem(x, line, pen=None) for line in lines[1:]]
            self.curve.addItem(pg.FillBetweenItem(*edges, brush=pg.mkBrush(pg.mkColor(colour_of(index) + "33"))))

    def _draw_line(self, index: int, x: FloatArray, y: FloatArray) -> None:
        colour = colour_of(index)
        looks = {"symbol": symbol_of(index), "symbolSize": 6, "symbolBrush": colour, "symbolPen": None}
        self.curve.plot(x, y, pen=solid(colour), **looks)

    def _dot(self, index: int, x: Any, y: Any, *, size: int) -> None:
        looks = {"symbol": symbol_of(index), "brush": colour_of(index), "pen": pg.mkPen(None), "size": size}
        self.curve.addItem(pg.ScatterPlotItem(np.asarray(x), np.asarray(y), **looks))

    def _fit(self, plot: ThemedPlot, x: FloatArray, y: FloatArray) -> None:
        known = x[np.isfinite(x)]
        if known.size:
            span = max(float(np.ptp(known)), 0.1)
            plot.setXRange(known.min() - 0.08 * span, known.max() + 0.08 * span, padding=0)
        plot.setYRange(0, 1.35 * float(np.nanmax(y)), padding=0)

    @Slot(object, object)
    def _open(self, _item: object, points: Any, *_event: object) -> None:
        if len(points):
            self.probe_requested.emit(*points[0].data())


def _name_budget(config: Any) -> str:
    """ "epsilon", with the image size it is of where networks have several."""
    norm = config.norms[0]
    sides = {find_network(encoder.network).input_size for encoder in config.encoders}
    at = f" at {config.reference_side} px, others at equal RMS" if len(sides) > 1 and norm == "l2" else ""
    return f"{norm.capitalize()} epsilon{at}"
