"""The pictures of one compared probe, original, perturbed and control, with what was measured."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from app.widgets.basics import make_column, make_label
from core.experiments.measured.compare import Comparison, describe_budget, predict_shifts
from core.experiments.measured.compare_tables import predicted_unit
from core.experiments.measured.planned import Measure, PlannedStimulus

NAMES = ("Original", "Perturbed", "Control")
MOST_OTHERS = 6
"""Networks named beside the chosen one; the report's table holds all."""
EMPTY = "Click a point: its pictures appear here."


class ImageTile(QWidget):
    """One picture, as large as its square place allows."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self.setAccessibleName(f"{name} stimulus")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_file(self, path: str) -> bool:
        """Show a file, or nothing for ""; returns whether it could be read."""
        self._pixmap = QPixmap(path) if path else QPixmap()
        self.update()
        return not self._pixmap.isNull()

    def has_picture(self) -> bool:
        """Whether anything is shown."""
        return not self._pixmap.isNull()

    def heightForWidth(self, width: int) -> int:
        """A square."""
        return width

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the picture at its own proportions."""
        if self._pixmap.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter.drawPixmap(QRectF(0, 0, size.width(), size.height()), self._pixmap, QRectF(self._pixmap.rect()))
        painter.end()


class ProbePictures(QWidget):
    """Three pictures side by side with a caption each, the shifts under them, and what every network predicted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = make_label(EMPTY, "strong", wraps=True)
        self.pictures = [ImageTile(name) for name in NAMES]
        self.captions = [make_label("", "faint", wraps=True) for _ in NAMES]
        self.numbers = make_label("", "muted", wraps=True)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
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
        self.title.setText(f"{made.role.capitalize()} {made.target.roi or made.target.label}, {describe_budget(probe)}")
        self.title.setToolTip(made.pair_id)
        stimuli = (probe.original, made, probe.controls.get(shifts.control))
        for place, stimulus in enumerate(stimuli):
            self._fill(place, stimulus, int(shifts.counts[place, number]))
        unit, predicted = comparison.measured.unit, predicted_unit(comparison)
        lines = [f"{made.source_image}, made on {made.network}"]
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

    def clear(self) -> None:
        """Show nothing."""
        self.title.setText(EMPTY)
        self.numbers.setText("")
        for picture, caption in zip(self.pictures, self.captions, strict=True):
            picture.set_file("")
            caption.setText("")

    def _fill(self, place: int, stimulus: PlannedStimulus | None, repeats: int) -> None:
        if stimulus is None:
            self.pictures[place].set_file("")
            self.captions[place].setText(f"no {NAMES[place].lower()} in the set")
            return
        gone = "" if self.pictures[place].set_file(str(stimulus.file)) else ", file is missing"
        times = f"{repeats} ×" if repeats else "not measured"
        self.captions[place].setText(f"{NAMES[place]}, {times}{gone}")
        self.captions[place].setToolTip(stimulus.id)


def _format(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3g}".replace("-", "−")
