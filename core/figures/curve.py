"""What the plots of a probe's shift show, for print and for the window: series, names, units, ticks.

The curve comes from a probe, or from a run still going.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.attacks.config import GREY_LEVELS, NORM_SIGNS, NORM_UNITS, write_epsilon
from core.probes.probe import Probe
from core.types import Direction, FloatArray, NormName

NOTHING = np.zeros(0)
MOST_TICKS = 7
CURVES = {
    "attack": "f(x + δ) − f(x): the shift of the target's predicted response, recomputed from the delivered pixels",
    "first order": "ε ‖∇f‖₂ under L₂, ε ‖∇f‖₁ under L∞: the shift a linear encoder would show",
    "random control": "the shift under a random perturbation of the same realised size",
    "sign flip": "f(x − δ) − f(x): the shift under the same perturbation turned round",
}
"""Each line of the curve and its formula."""


@dataclass(frozen=True, slots=True)
class CurveData:
    """Everything the curve shows; all shifts in `unit`, epsilon in [0, 1] pixel units, (n_budgets,) each.

    `budget` is the full epsilon asked for. A running probe has `epsilon` and `shift` only; the other arrays are then
    empty and `target_sd` NaN.
    """

    norm: NormName
    direction: Direction
    unit: str
    epsilon: FloatArray
    shift: FloatArray
    first_order: FloatArray = field(default_factory=NOTHING.copy)
    control: FloatArray = field(default_factory=NOTHING.copy)
    sign_flip: FloatArray = field(default_factory=NOTHING.copy)
    linearity: FloatArray = field(default_factory=NOTHING.copy)
    target_sd: float = float("nan")
    budget: float = 0.0

    @property
    def series(self) -> dict[str, FloatArray]:
        """The lines by name; one that is not known is empty."""
        return dict(zip(CURVES, (self.shift, self.first_order, self.control, self.sign_flip), strict=True))

    @property
    def largest_epsilon(self) -> float:
        """The last budget reached."""
        return float(self.epsilon[-1]) if self.epsilon.size else 0.0

    def in_sds(self, shift: float) -> float:
        """A shift in SDs of the target's clean reference responses; NaN where that SD is 0 or unknown."""
        return shift / self.target_sd if self.target_sd > 0 else float("nan")


def curve_of(probe: Probe) -> CurveData:
    """The whole curve of a finished probe; without its first order where there is none, as of a cosine."""
    curve, objective = probe.curve, probe.config.objective
    has_slope = bool(np.isfinite(curve.first_order).any())
    return CurveData(
        norm=probe.config.attack.norm,
        direction=probe.config.direction,
        unit=objective.unit(probe.response_unit),
        epsilon=curve.epsilon,
        shift=curve.shift,
        first_order=curve.first_order if has_slope else NOTHING,
        control=curve.control_shift,
        sign_flip=curve.sign_flip_shift,
        linearity=curve.linearity if has_slope else NOTHING,
        target_sd=float("nan") if objective.kind.is_pattern else probe.target_sd,
        budget=probe.config.attack.epsilon,
    )


@dataclass(frozen=True, slots=True)
class EpsilonScale:
    """How budgets are written on an axis: Linf in grey levels."""

    norm: NormName

    @property
    def factor(self) -> float:
        """What a budget is multiplied by: 255 for Linf, 1 for L2."""
        return GREY_LEVELS if self.norm is NormName.LINF else 1.0

    @property
    def title(self) -> str:
        """The name of the axis, with its unit."""
        return f"ε, {NORM_SIGNS[self.norm]} ({NORM_UNITS[self.norm]})"

    def ticks(self, epsilon: FloatArray) -> list[tuple[float, str]]:
        """Marks at the budgets of a logarithmic axis, every other one left out where there are too many."""
        budgets = self.factor * epsilon[epsilon > 0][::-1]
        return [(float(budget), f"{budget:.3g}") for budget in budgets[:: max(1, -(-len(budgets) // MOST_TICKS))]]


def budget_stretches(epsilon: FloatArray, norm: NormName) -> tuple[FloatArray, list[tuple[float, str]]]:
    """Where the budget changes along the attack's steps, counted from 1, and each budget at the middle of its stretch.

    `epsilon` (n_steps,) is the budget in force.
    """
    starts = np.flatnonzero(np.diff(epsilon, prepend=np.nan) != 0) if len(epsilon) else np.zeros(0, dtype=int)
    ends = [*starts[1:].tolist(), len(epsilon)]
    middles = [((start + end + 1) / 2, start) for start, end in zip(starts.tolist(), ends, strict=False)]
    return starts[1:] + 0.5, [(middle, write_epsilon(float(epsilon[start]), norm)) for middle, start in middles]
