"""Collects the steps of a running attack and keeps those of the runs that were delivered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.probes.probe import StepHistory
from core.types import ByteArray, FloatArray

MOST_STEPS = 400
"""Steps kept of a probe (60 MB of 224 x 224 pictures); longer attacks keep every k-th step and each run's last."""
MOST_RESPONSES = 2**25
"""Responses kept with them, 134 MB: of 330,000 voxels those to 101 steps."""


class RecordedStep(NamedTuple):
    """One step: its restart, budget, the target's shift, pixels (height, width, 3) uint8, responses (n_voxels,).

    Last the shift in a second encoder in SDs, NaN without one. After the restart in the order of `StepHistory`.
    """

    restart: int
    epsilon: float
    shift: float
    pixels: ByteArray
    responses: FloatArray
    second_shift_sd: float


class HistoryRecorder:
    """Takes every step of every budget and gives back the history of the kept runs.

    `steps_of_run`: steps of one run on one budget. `n_voxels`: of each step's responses.
    """

    def __init__(self, n_budgets: int, steps_of_run: int, *, n_voxels: int) -> None:
        self._stride = -(-n_budgets * steps_of_run // min(MOST_STEPS, max(1, MOST_RESPONSES // n_voxels)))
        self._steps_of_run = steps_of_run
        self._kept: list[RecordedStep] = []
        self._budget: list[RecordedStep] = []

    def add(self, step: RecordedStep, *, taken: int, ends_run: bool) -> None:
        """Record step `taken` (from 1) of the current budget, if it falls into the stride or ends a run."""
        within = (taken - 1) % self._steps_of_run + 1
        if within % self._stride == 0 or ends_run:
            self._budget.append(step)

    def end_run(self, restart: int) -> None:
        """Keep the steps of the run that found the best point so far and drop the other runs of this budget."""
        kept = max(restart, 0)  # No run here beat the warm start: the first run, which began there, is shown.
        self._budget = [step for step in self._budget if step.restart == kept]

    def end_budget(self) -> None:
        """Keep what is left of a budget whose last run ended."""
        self._kept += self._budget
        self._budget = []

    def finish(self) -> StepHistory:
        """The kept steps in the order taken."""
        _, *columns = zip(*self._kept, strict=True)
        return StepHistory(*(np.stack(column) for column in columns))
