"""The transfer matrix of any norm and attack; a click on a cell shows what lies behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.analyses.answer_view import AnswerView, ColourBar
from app.analyses.sweep_job import Finished
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row, make_scroll
from app.widgets.editors import ChoiceBox
from app.widgets.picture_grid import PictureGrid
from app.widgets.plot_view import PlotView
from core.attacks.config import write_convergence
from core.reports import answer_plots as plots
from core.reports.pictures import find_limit, picture_cell, picture_map
from core.reports.plot import colour_bar, frame
from core.surfaces.picture import TILE
from core.sweeps.cell_view import CellChoice, read_cell
from core.sweeps.gather import Sweep
from core.sweeps.plan import VARIANTS
from core.sweeps.transfer import sources_of
from core.words import format_number, format_signed

LABEL_WIDTH, TREE_HEIGHT, ROI_HEIGHT, BAR_HEIGHT = 150, 76, 150, 170


class CellPanel(QWidget):
    """Shows one cell: its target and image can be chosen, and its probe opened."""

    def __init__(self, rois: PlotView) -> None:
        super().__init__()
        self.title, self.numbers = make_label("", "strong", wraps=True), make_label("", "muted", wraps=True)
        self.target, self.image = _make_choice("Target of the cell"), _make_choice("Image of the cell")
        self.pictures, self.maps, self.bar = PictureGrid(), PictureGrid(), ColourBar(most=BAR_HEIGHT)
        self.rois = rois
        self.rois.setMinimumHeight(ROI_HEIGHT)
        self.open = make_button("Open probe in Explore", "primary", tip="Open this source's probe in Explore")
        column = make_column(
            make_heading("Chosen cell"),
            self.title,
            make_row(self.target, self.image),
            self.numbers,
            self.pictures,
            make_heading("Shift of every voxel"),
            make_row(self.maps, self.bar, stretch=0),
            make_heading("Shift of every ROI of the recipient"),
            self.rois,
            make_row(self.open, -1),
            margin=2,
            stretch=9,
        )
        self.setLayout(make_column(make_scroll(column)))

    def offer(self, sweep: Sweep) -> None:
        """List the targets and images of an answer."""
        self.target.set_choices(enumerate(target.label for target in sweep.config.targets), self.target.value())
        images = enumerate(["all images", *(Path(one).name for one in sweep.config.images)], start=-1)
        self.image.set_choices(images, self.image.value())

    def show_cell(self, sweep: Sweep, choice: CellChoice, title: str, summary: str) -> None:
        """Show a cell; `summary` is what the matrix says of all targets and images."""
        view = read_cell(sweep, choice)
        self.title.setText(title)
        shifts = [f"{name} {format_signed(value)}" for name, value in zip(VARIANTS, view.shift, strict=True)]
        self.numbers.setText(f"{summary} Here, in SD at equal norm: {', '.join(shifts)}.")
        self.pictures.show_pictures([picture_cell(view)])
        limit = find_limit(one.values for one in view.maps)
        looks: dict[str, Any] = {"limit": limit, "tile": TILE}
        maps = [picture_map(one.subject, one.values, caption=f"in {one.label}", **looks) for one in view.maps]
        self.maps.show_pictures([maps])
        self.bar.show_plot(colour_bar((-limit, limit), "voxel SD"))
        self.rois.show_plot(plots.plot_cell_rois(sweep, choice))


class TransferView(AnswerView):
    """Matrix at the left under its tree, the chosen cell at the right."""

    PLOTS = 3

    def __init__(self, made: Iterable[PlotView] = ()) -> None:
        super().__init__(made)
        self.case, self.roi = _make_choice("Norm and attack"), _make_choice("Targets")
        self.what = _make_choice("What the matrix shows")
        self.tree, self.matrix = self.take_plot(), self.take_plot()
        for plot in (self.tree, self.matrix):
            plot.getPlotItem().getAxis("left").setWidth(LABEL_WIDTH)
        self.tree.setFixedHeight(TREE_HEIGHT)
        self.tree.getPlotItem().showAxis("bottom", False)
        self.tree.getPlotItem().getViewBox().setXLink(self.matrix.getPlotItem().getViewBox())
        self.note = make_label("", "muted", wraps=True)
        self.panel = CellPanel(self.take_plot())
        self._cell = (0, 1)
        self.bar = ColourBar()
        drawn = make_column(self.tree, make_row(self.matrix, self.bar, stretch=0), gap=0, stretch=1)
        left = make_column(make_row(self.case, self.roi, self.what), drawn, self.note, stretch=1)
        self.setLayout(make_row(left, self.panel, gap=16, shares=(5, 4)))
        for box in (self.case, self.roi, self.what):
            box.currentIndexChanged.connect(self.draw)
        self.matrix.picked.connect(self._pick)
        for box in (self.panel.target, self.panel.image):
            box.currentIndexChanged.connect(self._show_cell)
        self.panel.open.clicked.connect(self._ask)

    def offer(self, finished: Finished) -> None:
        """List cases, targets and matrices; the first cell off the diagonal is chosen."""
        answer: Any = finished.answer
        alignments = [(k, f"Alignment of {one.label}") for k, one in enumerate(answer.alignments)]
        self.case.set_choices(enumerate(case.label for case in answer.cases), self.case.value())
        self.roi.set_choices(enumerate(f"targets: {table.roi}" for table in answer.cases[0].tables), self.roi.value())
        self.what.set_choices([(plots.RATIO, plots.RATIO), (plots.RAW, plots.RAW), *alignments], self.what.value())
        self.panel.offer(finished.sweep)
        self._cell = (self._cell[0], min(self._cell[1], len(finished.sweep.labels) - 1))

    def show_cell(self, source: int, recipient: int) -> None:
        """Choose a cell, counted as the encoders and sources are."""
        self._cell = (source, recipient)
        self.draw()

    def draw_answer(self, finished: Finished) -> None:
        """Draw the chosen matrix with the chosen cell ringed, and that cell."""
        answer: Any = finished.answer
        case, what = answer.cases[self.case.value()], self.what.value()
        source = min(self._cell[0], len(case.tables[0].sources) - 1)
        self._cell = (source, self._cell[1])
        row, column = plots.list_sources(case).index(source), list(case.order).index(self._cell[1])
        if what in (plots.RATIO, plots.RAW):
            shown = plots.plot_transfer(answer, case, case.tables[self.roi.value()], what)
            ensemble = plots.is_ensemble(case, answer)
            tree = "" if ensemble else " Tree: average linkage on 1 − mean T."
            frames = plots.describe_frames(answer, case).capitalize()
            self.note.setText(f"{frames}.{tree} Click a cell for its details.")
        else:
            one, row, ensemble = answer.alignments[what], min(row, len(case.order) - 1), True
            shown = plots.plot_alignment(answer, what, case)
            subspaces = f"Mean cos² of the principal angles of subspaces of k = {one.n_axes} axes"
            self.note.setText(f"{subspaces}; random ones align at k / D = {one.chance:.1e}.")
        self.tree.setVisible(not ensemble)
        self.tree.whose = ""  # stands over the matrix
        self.tree.show_plot(plots.plot_tree(case))
        self.matrix.show_plot(replace(shown, series=(*shown.series, frame(row, column, "accent")), title=""))
        self.bar.show_plot(colour_bar(shown.limits, str(self.what.currentText())))
        self._show_cell()

    def _show_cell(self) -> None:
        if self.finished is None:
            return
        answer: Any = self.finished.answer
        (source, recipient), sweep = self._cell, self.finished.sweep
        table = answer.cases[self.case.value()].tables[self.roi.value()]
        own = " (its own weights: 1 by definition)" if table.sources[source] == sweep.labels[recipient] else ""
        title = f"{table.sources[source]} → {sweep.labels[recipient]}{own}"
        low, value, high = (format_number(one[source, recipient]) for one in (table.low, table.ratio, table.high))
        summary = f"T {value} [{low}, {high}]."
        if not own and source < len(sweep.labels) and answer.related[source, recipient]:
            summary += " Related networks."
        summary += f" Attacks on the source: {write_convergence(float(table.to_gain[source]))}, at worst."
        if own and np.isfinite(table.copies[source].value):
            summary += f" To its re-fitted copy: T {table.copies[source].describe('.2f')}."
        norm, attack = divmod(self.case.value(), len(sweep.config.attacks))
        choice = CellChoice(*self._cell, self.panel.target.value(), self.panel.image.value(), norm, attack)
        self.panel.show_cell(sweep, choice, title, summary)

    def _pick(self, place: tuple[int, int]) -> None:
        if self.finished is not None:
            answer: Any = self.finished.answer
            case = answer.cases[self.case.value()]
            if place[0] < len(sources := plots.list_sources(case)):  # the random controls stand under them
                source = sources[place[0]]
                self.show_cell(source, case.order[place[1]] if place[1] < len(case.order) else source)

    def _ask(self) -> None:
        if self.finished is not None:
            encoder, _ = sources_of(self.finished.sweep.config)[self._cell[0]]
            self.probe_requested.emit(encoder, self.panel.target.value(), max(0, self.panel.image.value()))


def _make_choice(name: str) -> ChoiceBox:
    """A choice of long texts that may be as narrow as its place; the list shows them whole."""
    box = ChoiceBox(name)
    box.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(10)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box
