"""The statistics that tell encoders apart, sensitivity beside predictivity, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from app.analyses.answer_view import AnswerView
from app.look.plotting import solid
from app.look.theme import Theme
from app.widgets.basics import make_column, make_label, make_row
from app.widgets.themed_plot import ThemedPlot, colour_of

if TYPE_CHECKING:
    from app.analyses.sweep_job import Finished

SHIFT, WIDTH = 0.19, 0.34
LEGEND_ROOM = 0.16
"""Share of the height left free for the legend."""
LONG_NAME = 12
HINT = "A larger value tells encoders apart better. Pairs that differ: paired t tests, Holm-corrected, so no interval."


class DiscriminabilityView(AnswerView):
    """Encoder means by both measures, and every statistic side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.statistics = ThemedPlot("", "unit 1")
        self.means = (ThemedPlot("", "sensitivity (SD)"), ThemedPlot("", "predictivity (r)"))
        left = make_column(*self.means)
        row = make_row(left, self.statistics)
        row.setStretch(0, 2)
        row.setStretch(1, 3)
        column = make_column(row, make_label(HINT, "faint", wraps=True), gap=4)
        column.setStretch(0, 1)
        self.setLayout(column)
        self._theme: Theme | None = None
        self._finished: Finished | None = None

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Discriminability`."""
        self._finished = finished
        answer: Any = finished.answer
        both = (answer.sensitivity, answer.predictivity)
        for plot, measure in zip(self.means, both, strict=True):
            plot.clear()
            plot.legend.hide()
            for index, one in enumerate(measure.means):
                self._bar(plot, index, one, colour_of(index), width=0.6, name="")
            plot.name_ticks([_break(label) for label in answer.labels])
            plot.getPlotItem().autoRange(padding=0.08)
        self.statistics.clear()
        names = list(answer.sensitivity.statistics)
        for side, measure, colour in ((-SHIFT, both[0], colour_of(1)), (SHIFT, both[1], colour_of(0))):
            for place, name in enumerate(names):
                title = measure.measure if place == 0 else ""
                self._bar(self.statistics, place + side, measure.statistics[name], colour, width=WIDTH, name=title)
        self.statistics.name_ticks([name.replace(" ", "\n", 1) for name in names])
        self.statistics.getPlotItem().autoRange(padding=0.08)
        low, high = self.statistics.getPlotItem().getViewBox().viewRange()[1]
        self.statistics.setYRange(low, high + LEGEND_ROOM * (high - low), padding=0)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self._theme = theme
        for plot in (*self.means, self.statistics):
            plot.set_theme(theme)
        if self._finished is not None:  # the intervals are drawn in the theme's ink
            self.show_answer(self._finished)

    def _bar(self, plot: ThemedPlot, place: float, interval: Any, colour: str, *, width: float, name: str) -> None:
        looks = {"brush": colour, "pen": pg.mkPen(None)} | ({"name": name} if name else {})
        height = np.nan_to_num(interval.value)  # no bar where nothing is known, such as pairs of too few targets
        plot.addItem(pg.BarGraphItem(x=[place], height=[height], width=width, **looks))
        if np.isfinite(interval.low):
            ink = self._theme.text if self._theme is not None else colour
            plot.plot([place, place], [interval.low, interval.high], pen=solid(ink, 1.4))


def _break(label: str) -> str:
    """An encoder's name on short lines, so that neighbours do not hide each other."""
    network, _, layer = label.partition(" ")
    first, _, rest = network.rpartition("_") if len(network) > LONG_NAME else (network, "", "")
    return "\n".join(filter(None, (first, rest, layer)))
