"""The pictures of one compared probe, original, perturbed and control, with what was measured."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_column, make_label
from app.widgets.picture_grid import PictureGrid
from core.attacks.config import write_budget
from core.experiments.measured.compare import Comparison, predict_shifts
from core.experiments.measured.compare_tables import predicted_unit
from core.experiments.measured.planned import Measure, PlannedStimulus
from core.reports.pictures import Picture
from core.stimuli.images import read_levels
from core.types import NormName

NAMES = ("Original", "Perturbed", "Control")
MOST_OTHERS = 6
"""Networks named beside the chosen one; the report's table holds all."""
EMPTY = "Click a point: its pictures appear here."


class StimulusGrid(PictureGrid):
    """Pictures of one probe, some of which a set may lack."""

    MISSING = "No picture"


class ProbePictures(QWidget):
    """Three pictures side by side with a caption each, the shifts under them, and what every network predicted."""

    def __init__(self) -> None:
        super().__init__()
        self.title = make_label(EMPTY, "strong", wraps=True)
        self.grid = StimulusGrid()
        self.numbers = make_label("", "muted", wraps=True)
        self.numbers.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setLayout(make_column(self.title, self.grid, self.numbers, -1))

    def show_probe(self, comparison: Comparison, number: int, network: str) -> None:
        """Show a probe of a comparison, with what `network`, and then the others, predicted of it."""
        shifts = comparison.shifts
        probe = shifts.probes[number]
        made = probe.perturbed
        budget = write_budget(made.row.epsilon, NormName(made.row.norm))
        self.title.setText(f"{made.row.role.capitalize()} {made.target.name}, {budget}")
        self.title.setToolTip(made.row.pair_id)
        stimuli = (probe.original, made, probe.controls.get(shifts.control))
        pictures = [
            _picture(name, stimulus, int(count))
            for name, stimulus, count in zip(NAMES, stimuli, shifts.counts[:, number], strict=True)
        ]
        self.grid.show_pictures([pictures])
        for caption, stimulus in zip(self.grid.captions, stimuli, strict=True):
            caption.setToolTip("" if stimulus is None else stimulus.id)
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

    def clear(self) -> None:
        """Show nothing."""
        self.title.setText(EMPTY)
        self.numbers.setText("")
        self.grid.show_pictures(())


def _picture(name: str, stimulus: PlannedStimulus | None, repeats: int) -> Picture:
    if stimulus is None:
        return Picture(None, f"no {name.lower()} in the set")
    times = f"{repeats} ×" if repeats else "not measured"
    try:
        return Picture(read_levels(stimulus.file), f"{name}, {times}")
    except OSError:
        return Picture(None, f"{name}, {times}, file cannot be read")


def _format(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3g}".replace("-", "−")
