"""What the perturbations of each encoder look like and which ROIs they move, target by target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QWidget

from app.analyses.answer_view import AnswerView
from app.look.plotting import solid
from app.look.theme import Theme
from app.widgets.basics import make_button, make_column, make_label, make_row
from app.widgets.editors import ChoiceBox
from app.widgets.themed_plot import ThemedPlot, amplify, colour_of, picture_of, picture_with_alpha, symbol_of
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.surfaces.colormap import find_colormap
from core.surfaces.picture import SMALL_TILE, can_draw, draw_map
from core.types import ByteArray, FloatArray

if TYPE_CHECKING:
    from app.analyses.sweep_job import Finished

THUMB = 104


class MeaningView(AnswerView):
    """Pictures and cortical maps above, encoders down and budgets across; ROI shifts and spectra below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.target, self.norm = ChoiceBox("Target"), ChoiceBox("Norm")
        self.open = make_button("Open probe in Explore", tip="Open the first encoder's probe of this target in Explore")
        self.open.clicked.connect(self._ask)
        self.range = make_label("", "muted")
        self.rois = ThemedPlot("", "shift (voxel SD)")
        self.spectrum = ThemedPlot("cycles per image, log10", "share of power")
        self.spectrum.legend.hide()
        self.rois.legend.setOffset((8, 4))
        self.evidence = make_label("", "muted", wraps=True)
        self._grid = QGridLayout()
        self._grid.setSpacing(6)
        holder = QWidget()
        holder.setLayout(make_column(make_row(self._grid, -1), self.evidence, -1))
        scroll = QScrollArea()
        scroll.setWidget(holder)
        scroll.setWidgetResizable(True)
        plots = make_row(self.rois, self.spectrum)
        top = make_row(make_label("Target", "muted"), self.target, self.norm, self.open, -1, self.range)
        column = make_column(top, scroll, plots)
        column.setStretch(1, 3)
        column.setStretch(2, 2)
        self.setLayout(column)
        self._finished: Finished | None = None
        for box in (self.target, self.norm):
            box.currentIndexChanged.connect(self._draw)

    def show_answer(self, finished: Finished) -> None:
        """Draw a `Meaning`."""
        self._finished = finished
        config = finished.sweep.config
        self.target.set_choices(enumerate(target.label for target in config.targets))
        self.norm.set_choices(enumerate(norm.capitalize() for norm in config.norms))
        self.norm.setVisible(len(config.norms) > 1)
        self.evidence.setText(tell_evidence(finished))
        self._draw()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.rois.set_theme(theme)
        self.spectrum.set_theme(theme)

    @Slot()
    def _draw(self, *_: Any) -> None:
        if self._finished is None:
            return
        answer: Any = self._finished.answer
        norm = self._finished.sweep.config.norms[max(0, self.norm.currentIndex())]
        rows = answer.under(norm)[max(0, self.target.currentIndex()) :: answer.n_targets]
        self._fill_grid(rows)
        self.rois.clear()
        self.spectrum.clear()
        for index, row in enumerate(rows):
            pen, shifts = solid(colour_of(index)), row.roi_shift[index]
            self.rois.plot(
                np.arange(len(shifts)),
                shifts,
                pen=pen,
                symbol=symbol_of(index),
                symbolSize=7,
                symbolBrush=colour_of(index),
                symbolPen=None,
                name=row.encoder,
            )
            self.spectrum.plot(np.log10(row.spectrum.cycles[1:]), row.spectrum.share[1:], pen=pen)
        self.rois.name_ticks(list(rows[0].roi_names[0]))
        for plot in (self.rois, self.spectrum):
            plot.getPlotItem().autoRange(padding=0.06)

    def _fill_grid(self, rows: Any) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        if self._finished is None:
            return
        config = self._finished.sweep.config
        epsilons = config.budgets(rows[0].norm, config.reference_side)
        limit = float(np.percentile(np.abs(np.concatenate([row.shift_map for row in rows])), 99)) or 1.0
        self.range.setText(f"Maps: blue −{limit:.2g} to red {limit:.2g} voxel SD")
        budgets = [f"epsilon {epsilon:.3g}" for epsilon in reversed(epsilons)]
        heads = ["shift of every voxel", "change, amplified", *budgets, "where it lies"]
        for column, head in enumerate(heads, start=1):
            self._grid.addWidget(make_label(head, "faint"), 0, column)
        for line, row in enumerate(rows, start=1):
            z, name = row.selectivity[line - 1], row.encoder.replace(" ", "\n", 1)
            lines = (name, f"z of the ROI {z:.1f}", f"z in the map {row.map_selectivity:.1f}")
            more = (f"{row.spectrum.median:.0f} cycles/image", f"eccentricity {row.place.eccentricity:.2f}")
            self._grid.addWidget(make_label("\n".join((*lines, *more)), "muted"), line, 0)
            self._grid.addWidget(self._map_of(line - 1, row, limit), line, 1)
            change, factor = self._change_of(row)
            pictures = [change, *row.montage[::-1], colour_energy(row.place.energy)]
            for column, levels in enumerate(pictures, start=2):
                label = QLabel()
                label.setPixmap(picture_of(levels, THUMB))
                label.setToolTip(f"Change at the highest budget, times {factor:.0f}" if column == 2 else "")
                self._grid.addWidget(label, line, column)

    def _change_of(self, row: Any) -> tuple[ByteArray, float]:
        """The first image's change at the highest budget, amplified, and by how much."""
        image = self._finished.sweep.config.images[0] if self._finished is not None else ""
        perturbed = row.montage[-1].astype(np.float64)
        return amplify(perturbed - find_stimulus(image, size=perturbed.shape[0]).levels)

    def _map_of(self, encoder: int, row: Any, limit: float) -> QLabel:
        label = QLabel()
        if self._finished is not None:
            subject = load_subject(self._finished.sweep.config.encoders[encoder].subject)
            if can_draw(subject.surface):
                drawn = draw_map(subject.surface, subject.voxels, row.shift_map, limit=limit, tile=SMALL_TILE)
                label.setPixmap(picture_with_alpha(drawn))
        return label

    @Slot()
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


def colour_energy(energy: FloatArray) -> ByteArray:
    """An energy map (height, width) as colours (height, width, 3) uint8, the square root to show the weak parts."""
    return find_colormap("magma").look_up(np.sqrt(energy / max(float(energy.max()), 1e-12)))
