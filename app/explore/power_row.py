"""Power of an experiment on the curve: where it would detect the shift, and how many repeats that takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout

from app.explore.curve_view import CurveView
from app.widgets.basics import make_column, make_label
from app.widgets.editors import CountBox, NumberBox
from app.widgets.form import Count, Flag, Form, Number
from core.attacks.config import write_budget
from core.experiments.measured.detect import ShiftPower, find_spans
from core.figures.curve import ATTACK, CurveData
from core.figures.probe_maps import SD_UNIT
from core.words import count

TIP = (
    "Shade the epsilons at which the experiment would detect the shift with a power of 0.8: the exact sign test of "
    "perturbed against original over images, p = Φ(slope · shift in SD · ncsnr · √(repeats / 2)) that one moves as "
    "predicted, every image taken to shift as this one. “How many repeats?” simulates a whole set"
)
BOX = 56
"""Pixels; three figures and their letter."""
ONE_ROW = 330
"""Pixels all fields take side by side."""
NEVER = "has no shift to detect"
TOO_FEW = "cannot be detected: no sign test of so few images can reach p < 0.05; it takes 6"
UNKNOWN = "Power is told of a finished probe whose shift is known in SDs."


class PowerRow(Form):
    """Repeats, images and noise of an experiment; it shades the curve it is made for."""

    shows = Flag("Power", TIP)
    n_repeats = Count("Repeats", "Times each stimulus is shown", first=4, least=1, most=999, width=BOX)
    n_images = Count(
        "Images",
        "Images, each shown clean and perturbed; those of the tray, 999 at most",
        first=12,
        least=1,
        most=999,
        width=BOX,
    )
    ncsnr = Number(
        "ncsnr",
        "SD of responses over images ÷ SD of the noise of single trials: the median over the target's voxels. The mean "
        "of many voxels is often less noisy",
        first=0.4,
        least=0.01,
        most=100,
        step=0.05,
    )
    slope = Number(
        "Slope",
        "SDs the brain moves for each SD predicted: held-out r ÷ √(noise ceiling) of the encoder, where both are "
        "known. Half of it needs four times the repeats",
        first=1,
        least=0.01,
        most=10,
        step=0.05,
    )

    def __init__(self, curve: CurveView) -> None:
        super().__init__()
        self._curve, self._usual = curve, (math.nan, math.nan)
        self.answer = make_label("", "muted", wraps=True)
        self.answer.setMinimumHeight(2 * self.answer.fontMetrics().lineSpacing())
        boxes: dict[str, CountBox | NumberBox]
        boxes = {"R ": self.n_repeats, "N ": self.n_images, "ncsnr ": self.ncsnr, "slope ": self.slope}
        for sign, box in boxes.items():
            box.setPrefix(sign)
        self._boxes, self._grid = tuple(boxes.values()), QGridLayout()
        self._grid.setSpacing(4)
        self.setLayout(make_column(self._grid, self.answer, gap=2))
        curve.more = self.shade
        curve.marked.connect(self.tell_repeats)
        self.take_edit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """All fields in one row where their numbers can be read, else in two."""
        super().resizeEvent(event)
        columns = len(self._boxes) if self.width() >= ONE_ROW else 2
        for place, box in enumerate(self._boxes):
            self._grid.addWidget(box, *divmod(place, columns))

    def set_usual(self, ncsnr: float, slope: float) -> None:
        """Noise and slope of the target, once when they change; NaN leaves the field as it is."""
        if (ncsnr, slope) == self._usual:
            return
        self._usual = (ncsnr, slope)
        for box, value in ((self.ncsnr, ncsnr), (self.slope, slope)):
            if math.isfinite(value) and value > 0:
                box.set_value(value)
        self.take_edit()

    def set_images(self, n_images: int) -> None:
        """The images of the tray; none leave the field as it is."""
        if n_images:
            self.n_images.set_value(n_images)
            self.take_edit()

    def shade(self, data: CurveData) -> dict[str, Any]:
        """What the plot of a curve shows beside its lines."""
        power, data = self._power(), data.in_sds()
        if power is None or data.unit != SD_UNIT or not data.epsilon.size:
            return {}
        x, y = (np.append(0.0, one) if data.x[0] > 0 else one for one in (data.x, np.abs(data.lines[ATTACK])))
        return {"shaded": tuple(find_spans(x, y, power.least_shift))}

    def take_edit(self, *_: object) -> None:
        """Show or hide the fields, and shade the curve anew."""
        self.setVisible(self.shows.isChecked())
        self._curve.redraw()
        self.tell_repeats()

    def tell_repeats(self) -> None:
        """Say what the epsilon that is marked takes."""
        data, marker, power = self._curve.data, self._curve.marker, self._power()
        if power is None or data is None or marker is None:
            return
        if data.in_sds().unit != SD_UNIT:
            self.answer.setText(UNKNOWN)
            return
        here = np.array([marker[1] if data.unit == SD_UNIT else marker[1] / data.target_sd])
        (needed,), (now,) = power.repeats_needed(here).tolist(), power.power(here).tolist()
        takes = TOO_FEW if power.least_agreeing > power.n_images else NEVER
        if needed < math.inf:
            takes = f"needs {count(int(needed), 'repeat')} for a power of 0.8; now {now:.2f}"
        self.answer.setText(f"{write_budget(marker[0], data.norm)} {takes}.")

    def _power(self) -> ShiftPower | None:
        return self.make_config(ShiftPower) if self.shows.isChecked() else None
