"""The pictures of one compared probe, original, perturbed and control, with what was measured."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.widgets.basics import make_column, make_label
from app.widgets.image_view import PictureLabel
from core.attacks.config import write_budget
from core.experiments.measured.compare import Comparison, predict_shifts
from core.experiments.measured.compare_tables import predicted_unit
from core.experiments.measured.planned import Measure, PlannedStimulus
from core.types import NormName

NAMES = ("Original", "Perturbed", "Control")
LEAST, MOST_HEIGHT, GAP = (80, 80), 260, 8
MOST_OTHERS = 6
"""Networks named beside the chosen one; the report's table holds all."""
EMPTY = "Click a point: its pictures appear here."


class ProbePictures(QWidget):
    """Three pictures side by side with a caption each, the shifts under them, and what every network predicted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = make_label(EMPTY, "strong", wraps=True)
        self.pictures = [PictureLabel(f"{name} stimulus", least=LEAST) for name in NAMES]
        self.captions = [make_label("", "faint", wraps=True) for _ in NAMES]
        self.numbers = make_label("", "muted", wraps=True)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GAP)
        for place, (picture, caption) in enumerate(zip(self.pictures, self.captions, strict=True)):
            grid.addWidget(picture, 0, place)
            grid.addWidget(caption, 1, place)
            grid.setColumnStretch(place, 1)
        self.setLayout(make_column(self.title, grid, self.numbers, -1))

    def show_probe(self, comparison: Comparison, number: int, network: str) -> None:
        """Show a probe of a comparison, with what `network`, and then the others, predicted of it."""
        shifts = comparison.shifts
        probe = shifts.probes[number]
        made = probe.perturbed
        budget = write_budget(made.row.epsilon, NormName(made.row.norm))
        self.title.setText(f"{made.row.role.capitalize()} {made.target.name}, {budget}")
        self.title.setToolTip(made.row.pair_id)
        stimuli = (probe.original, made, probe.controls.get(shifts.control))
        for place, stimulus in enumerate(stimuli):
            self._fill(place, stimulus, int(shifts.counts[place, number]))
        unit, predicted = comparison.measured.unit, predicted_unit(comparison)
        lines = [f"{made.row.source_image}, made on {made.network}"]
        others = [name for name in shifts.predicted if name != network][:MOST_OTHERS]
        for measure in Measure:
            value, error = shifts.measured[measure.index, number], shifts.error[measure.index, number]
            spread = "" if math.isnan(error) else f" ± {_format(error)}"
            expected = _format(predict_shifts(shifts, network)[measure.index, number])
            lines.append(f"{measure.words}: {_format(value)}{spread} {unit}")
            lines.append(f"    predicted {expected} {predicted}")
            if measure is Measure.SHIFT:
                lines += [f"    {_format(shifts.predicted[name][0, number])} by {name}" for name in others]
        self.numbers.setText("\n".join(lines))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Square pictures, as large as the width allows."""
        super().resizeEvent(event)
        for picture in self.pictures:
            picture.setFixedHeight(min(MOST_HEIGHT, max(LEAST[1], self.width() // len(NAMES) - GAP)))

    def clear(self) -> None:
        """Show nothing."""
        self.title.setText(EMPTY)
        self.numbers.setText("")
        for picture, caption in zip(self.pictures, self.captions, strict=True):
            picture.show_image(QImage())
            caption.setText("")

    def _fill(self, place: int, stimulus: PlannedStimulus | None, repeats: int) -> None:
        if stimulus is None:
            self.pictures[place].show_image(QImage())
            self.captions[place].setText(f"no {NAMES[place].lower()} in the set")
            return
        image = QImage(str(stimulus.file))
        self.pictures[place].show_image(image)
        gone = ", file is missing" if image.isNull() else ""
        times = f"{repeats} ×" if repeats else "not measured"
        self.captions[place].setText(f"{NAMES[place]}, {times}{gone}")
        self.captions[place].setToolTip(stimulus.id)


def _format(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3g}".replace("-", "−")
