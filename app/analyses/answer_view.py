"""What the central figure of each question is, and those of fragility and discriminability."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.analyses.sweep_job import Finished
from app.widgets.basics import make_column, make_label, make_row
from app.widgets.editors import ChoiceBox
from app.widgets.plot_view import PlotView
from app.widgets.segmented import Segmented
from core.reports import answer_plots as plots
from core.reports.plot import Plot
from core.sweeps.gather import ALL

POINTS_HINT = "Large symbols: encoders with intervals. Small symbols: targets; click one to open its probe in Explore."
CURVE, CURVATURE, NORMS = "curve", "curvature", "norms"
DRAWN = {
    CURVE: plots.plot_sensitivity,
    "linearity": plots.plot_linearity,
    CURVATURE: plots.plot_curvature,
    "parts": plots.plot_parts,
    NORMS: plots.plot_norms,
}
VIEWS = (
    (CURVE, "Sensitivity", "S along epsilon, with intervals"),
    ("linearity", "Linearity", "Attack shift / first-order shift, along epsilon; 1 means linear"),
    (CURVATURE, "Curvature", "Angle along the features' path to the highest epsilon, at its inner points; 0: straight"),
    ("parts", "Decomposition", "Feature fragility ||Δφ|| / ||φ|| against the readout's ||w|| |cos(w, Δφ)| / σ"),
    (NORMS, "Norms", "Sensitivity under the two norms at equal RMS change; needs a run with both norms"),
)
NO_SECOND = "Run the analysis with both norms to compare them."
STATISTICS_HINT = (
    "A larger value tells encoders apart better. Pairs that differ: paired t tests, Holm-corrected, so no interval."
)
BAR_WIDTH, BAR_HEIGHT = 84, 320
PAIRS_HINT = (
    "The row's encoder is raised, the column's lowered, by the same perturbation. Half is empty unless both directions "
    "are run. A pair that cannot be told apart here needs a larger budget, or another target."
)


class AnswerView(QWidget):
    """The central figure of one question; a click asks to see a probe (encoder, target, image) in Explore."""

    probe_requested = Signal(int, int, int)
    finished: Finished | None = None
    PLOTS = 2
    """How many of its plots can be made before it."""

    def __init__(self, made: Iterable[PlotView] = ()) -> None:
        super().__init__()
        self._made = iter(made)

    def take_plot(self) -> PlotView:
        """One of the plots that were made before, or else a new one."""
        return next(self._made, None) or PlotView()

    def show_answer(self, finished: Finished) -> None:
        """Draw an answer."""
        self.finished = finished
        self.offer(finished)
        self.draw()

    def offer(self, finished: Finished) -> None:
        """List what there is to choose from."""

    def draw(self, *_: object) -> None:
        """Draw what is chosen."""
        if self.finished is not None:
            self.draw_answer(self.finished)

    def draw_answer(self, finished: Finished) -> None:
        """Draw what is chosen of an answer."""
        raise NotImplementedError


class ColourBar(PlotView):
    """The colours of a matrix or a map beside it, with their values."""

    def __init__(self, *, most: int = BAR_HEIGHT) -> None:
        super().__init__("Colours")
        self.setFixedWidth(BAR_WIDTH)
        self.setMaximumHeight(most)
        self.getPlotItem().showAxis("bottom", False)
        self.getPlotItem().setContentsMargins(0, 8, 8, 8)  # its ends are written past it

    def show_plot(self, plot: Plot) -> None:
        """Draw colours, which stand beside what says whose they are."""
        self.whose = ""
        super().show_plot(plot)


class FragilityView(AnswerView):
    """Sensitivity against predictivity, all or by ROI, beside what explains it along epsilon."""

    def __init__(self, made: Iterable[PlotView] = ()) -> None:
        super().__init__(made)
        self.scatter, self.curve = self.take_plot(), self.take_plot()
        self.roi, self.choice = ChoiceBox("ROI of the targets in the scatter"), Segmented(VIEWS)
        hint, self.told = make_label(POINTS_HINT, "faint", wraps=True), make_label("", "muted", wraps=True)
        row, top = make_row(self.scatter, self.curve, shares=(1, 1)), make_row(self.roi, -1, self.choice)
        self.setLayout(make_column(top, row, make_row(hint, self.told, shares=(1, 1)), gap=4, stretch=1))
        self.roi.currentIndexChanged.connect(self.draw)
        self.choice.chosen.connect(self.draw)
        self.scatter.picked.connect(self._open)

    def offer(self, finished: Finished) -> None:
        """List the ROIs; two norms are compared where both were run."""
        answer: Any = finished.answer
        names = dict.fromkeys(row.roi for row in answer.rows)
        choices = ((name, "All targets" if name == ALL else name) for name in names)
        self.roi.set_choices(choices, self.roi.value())
        self.choice.button(NORMS).setEnabled(bool(answer.norm_agreement))
        self.choice.button(NORMS).setToolTip(VIEWS[-1][2] if answer.norm_agreement else NO_SECOND)
        if self.choice.value() == NORMS and not answer.norm_agreement:
            self.choice.set_value(CURVE)

    def draw_answer(self, finished: Finished) -> None:
        """Draw encoders and targets of the chosen ROI, and the chosen plot."""
        answer: Any = finished.answer
        name = self.choice.value()
        self.scatter.show_plot(plots.plot_scatter(answer, finished.sweep, self.roi.value(), finished.target_r))
        shown = DRAWN[name](answer, finished.sweep)
        self.curve.show_plot(replace(shown, legend=None))  # the colours are those of the scatter
        bends = ", ".join(f"{part.label} {part.curvature.describe('.1f')}" for part in answer.parts)
        self.told.setText(f"Mean path curvature (deg): {bends}" if name == CURVATURE else "")

    def _open(self, key: tuple[int, int, int]) -> None:
        self.probe_requested.emit(*key)


class DiscriminabilityView(AnswerView):
    """Encoder means by both measures, and every statistic side by side."""

    PLOTS = 3

    def __init__(self, made: Iterable[PlotView] = ()) -> None:
        super().__init__(made)
        self.means, self.statistics = (self.take_plot(), self.take_plot()), self.take_plot()
        row = make_row(make_column(*self.means), self.statistics, shares=(2, 3))
        self.setLayout(make_column(row, make_label(STATISTICS_HINT, "faint", wraps=True), gap=4, stretch=0))

    def draw_answer(self, finished: Finished) -> None:
        """Draw a `Discriminability`."""
        answer: Any = finished.answer
        for view, plot in zip(self.means, plots.plot_means(answer), strict=True):
            view.show_plot(plot)
        self.statistics.show_plot(plots.plot_statistics(answer))


class DisagreementView(AnswerView):
    """Two matrices of one norm and ROI: the smallest epsilon that tells a pair apart, how often the highest does."""

    def __init__(self, made: Iterable[PlotView] = ()) -> None:
        super().__init__(made)
        self.choice, self.matrices = ChoiceBox("Norm and ROI"), (self.take_plot(), self.take_plot())
        hint = make_label(PAIRS_HINT, "faint", wraps=True)
        row = make_row(*self.matrices, shares=(1, 1))
        self.setLayout(make_column(make_row(self.choice, -1), row, hint, gap=4, stretch=1))
        self.choice.currentIndexChanged.connect(self.draw)

    def offer(self, finished: Finished) -> None:
        """List norms and ROIs."""
        answer: Any = finished.answer
        names = (f"{one.norm.capitalize()} · {'All targets' if one.roi == ALL else one.roi}" for one in answer.tables)
        self.choice.set_choices(enumerate(names), self.choice.value())

    def draw_answer(self, finished: Finished) -> None:
        """Draw both matrices."""
        answer: Any = finished.answer
        shown = plots.plot_pairs(answer, answer.tables[self.choice.value()])
        for view, plot in zip(self.matrices, shown, strict=True):
            view.show_plot(plot)
