"""What the perturbations of each encoder look like and which ROIs they move, target by target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from app.analyses.answer_view import AnswerView, ColourBar
from app.analyses.sweep_job import Finished
from app.widgets.basics import make_button, make_column, make_label, make_row, make_scroll
from app.widgets.editors import ChoiceBox
from app.widgets.picture_grid import PictureGrid
from app.widgets.plot_view import PlotView
from core.reports.answer_plots import plot_rois, plot_spectra
from core.reports.pictures import Picture, find_limit, picture_budgets, picture_energy, picture_map
from core.reports.plot import colour_bar
from core.surfaces.picture import TILE


class MeaningView(AnswerView):
    """Pictures and cortical maps above, encoders down and budgets across; ROI shifts and spectra below."""

    def __init__(self, made: Iterable[PlotView] = ()) -> None:
        super().__init__(made)
        self.target, self.norm = ChoiceBox("Target"), ChoiceBox("Norm")
        self.open = make_button(
            "Open probe in Explore", do=self._ask, tip="Open the first encoder's probe of this target in Explore"
        )
        self.bar, self.evidence = ColourBar(), make_label("", "muted", wraps=True)
        self.rois, self.spectrum, self.grid = self.take_plot(), self.take_plot(), PictureGrid()
        self.rois.legend.setOffset((8, 4))
        top = make_row(make_label("Target", "muted"), self.target, self.norm, self.open, -1)
        scroll = make_row(make_scroll(make_column(self.grid, self.evidence, -1)), self.bar)
        self.setLayout(make_column(top, scroll, make_row(self.rois, self.spectrum), shares=(0, 5, 4)))
        for box in (self.target, self.norm):
            box.currentIndexChanged.connect(self.draw)

    def offer(self, finished: Finished) -> None:
        """List targets and norms."""
        config = finished.sweep.config
        self.target.set_choices(enumerate(target.label for target in config.targets), self.target.value())
        self.norm.set_choices(((norm, norm.capitalize()) for norm in config.norms), self.norm.value())
        self.norm.setVisible(len(config.norms) > 1)
        self.evidence.setText(tell_evidence(finished))

    def draw_answer(self, finished: Finished) -> None:
        """Draw the chosen target under the chosen norm."""
        answer: Any = finished.answer
        rows = answer.under(self.norm.value())[self.target.value() :: answer.n_targets]
        limit = find_limit(row.shift_map for row in rows)
        grid, names = [], []
        for encoder, row in enumerate(rows):
            subject = finished.sweep.config.encoders[encoder].subject
            shifts = picture_map(subject, row.shift_map, limit=limit, tile=TILE, caption="shift of every voxel")
            made, changes = picture_budgets(finished.sweep, row)
            grid.append([shifts, changes[-1], *made, Picture(picture_energy(row).levels, "where it lies")])
            z = f"z of the ROI {row.own.z.describe('.1f')}\np (labels permuted) {row.own.p:.2f}"
            z += f"\nabove other ROIs {row.own.excess.describe('.2f')} SD\nz in the map {row.map_selectivity:.1f}"
            place = f"{row.spectrum.median:.0f} cycles/image\neccentricity {row.place.eccentricity:.2f}"
            names.append("\n".join((row.encoder.replace(" ", "\n", 1), z, place)))
        self.bar.show_plot(colour_bar((-limit, limit), "shift (voxel SD)"))
        self.grid.show_pictures(grid, names)
        self.rois.show_plot(plot_rois(rows, range(len(rows)), [row.encoder for row in rows]))
        self.spectrum.show_plot(plot_spectra(rows))

    def _ask(self) -> None:
        self.probe_requested.emit(0, max(0, self.target.currentIndex()), 0)


def tell_evidence(finished: Finished) -> str:
    """What the networks' classifiers say of the images, a line an encoder."""
    answer: Any = finished.answer
    lines = [f"What the networks' classifiers say ({finished.sweep.config.targets[0].label}, highest epsilon):"]
    for label, reading in zip(answer.labels, answer.evidence, strict=True):
        if not reading.rows:
            lines.append(f"{label}: no classes, since {reading.reason}.")
            continue
        changed = [one for one in reading.rows if one.clean_class != one.perturbed_class]
        head = "" if reading.head == "own" else f" (read by the classifier of {reading.head})"
        kept = np.mean([one.clean_class_after - one.clean_probability for one in reading.rows])
        first = (changed or list(reading.rows))[0]
        lines.append(
            f"{label}{head}: {len(changed)} of {len(reading.rows)} images change class, such as {first.clean_class} to "
            f"{first.perturbed_class}; the first class's probability changes by {kept:+.2f} on average."
        )
    return "\n".join(lines)
