"""What a running probe has shown so far, gathered from its records for drawing."""

from __future__ import annotations

import numpy as np

from app.look.numbers import NORM_SIGNS, digits_for, format_signed, write_epsilon
from core.figures.curve import CurveData
from core.probes.probe import ProbeConfig, ProbeProgress
from core.types import FloatArray

ATTACK_STAGE = "attack"


class LiveSteps:
    """The steps of one run in the order taken; a record of a step already known replaces it."""

    def __init__(self, config: ProbeConfig, unit: str, reference_sd: FloatArray | None) -> None:
        self.config = config
        self.unit = unit
        self.reference_sd = reference_sd
        self.response_shift: FloatArray | None = None
        self._taken: dict[int, tuple[float, float]] = {}
        self.n_planned = 0

    @property
    def told_unit(self) -> str:
        """Unit of the shifts told: the response's, unless the objective has one of its own."""
        return self.config.objective.unit(self.unit)

    def add(self, progress: ProbeProgress) -> None:
        """Take one record; only those of the attack are steps."""
        if progress.stage != ATTACK_STAGE:
            return
        self.n_planned = progress.n_steps
        self._taken[progress.step] = (progress.epsilon, progress.shift)
        self.response_shift = progress.responses - progress.clean

    @property
    def n_steps(self) -> int:
        """Steps taken so far."""
        return len(self._taken)

    @property
    def epsilon(self) -> FloatArray:
        """(n_steps,) the budget in force."""
        return np.asarray([epsilon for epsilon, _ in self._taken.values()])

    @property
    def shift(self) -> FloatArray:
        """(n_steps,) the target's shift."""
        return np.asarray([shift for _, shift in self._taken.values()])

    def curve(self) -> CurveData:
        """The newest shift under each budget reached."""
        newest = dict(self._taken.values())
        budgets = sorted(newest)
        return CurveData(
            norm=self.config.attack.norm,
            direction=self.config.direction,
            unit=self.told_unit,
            epsilon=np.asarray(budgets),
            shift=np.asarray([newest[epsilon] for epsilon in budgets]),
            budget=self.config.attack.epsilon,
        )

    def describe(self) -> str:
        """The newest step in words: "step 12 of 40 · L₂ ε 0.75 · +0.42 % signal change"."""
        step, (epsilon, shift) = next(reversed(self._taken.items()))
        budget = f"{NORM_SIGNS[self.config.attack.norm]} ε {write_epsilon(epsilon, self.config.attack.norm)}"
        moved = format_signed(shift, digits_for(abs(shift)))
        return f"step {step} of {self.n_planned} · {budget} · {moved} {self.told_unit}"
