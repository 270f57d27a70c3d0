"""The target's shift along epsilon as the curve draws it, from a probe or from a run still going. Never touches Qt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from app.look.numbers import GREY_LEVELS
from core.probes.probe import Probe
from core.types import Direction, FloatArray, NormName

NOTHING = np.zeros(0)


@dataclass(frozen=True, slots=True)
class CurveData:
    """Everything the curve shows; all shifts in `unit`, epsilon in [0, 1] pixel units, (n_rungs,) each.

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
    def largest_epsilon(self) -> float:
        """The last rung reached."""
        return float(self.epsilon[-1]) if self.epsilon.size else 0.0

    @property
    def slope(self) -> float:
        """First-order shift per epsilon: the gradient's dual norm, signed by the direction; NaN while unknown."""
        if not self.first_order.size or self.largest_epsilon <= 0:
            return float("nan")
        return float(self.first_order[-1]) / self.largest_epsilon

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
    """How budgets become positions: Linf in grey levels, either axis linear or logarithmic (octaves)."""

    norm: NormName
    is_log: bool

    @property
    def factor(self) -> float:
        """What a budget is multiplied by before it is written: 255 for Linf, 1 for L2."""
        return GREY_LEVELS if self.norm is NormName.LINF else 1.0

    def position(self, epsilon: FloatArray | float) -> FloatArray:
        """Where budgets lie on the axis; 0 has no place on a logarithmic one and becomes NaN."""
        scaled = self.factor * np.asarray(epsilon, dtype=np.float64)
        if not self.is_log:
            return scaled
        return np.log2(np.where(scaled > 0, scaled, np.nan))

    def budget(self, position: float) -> float:
        """The budget at a position."""
        return float((2.0**position if self.is_log else position) / self.factor)

    def ticks(self, epsilon: FloatArray, most: int) -> list[tuple[float, str]]:
        """Marks at the rungs of a logarithmic axis, every other one left out where there are too many."""
        rungs = epsilon[epsilon > 0][::-1]
        stride = max(1, -(-len(rungs) // most))
        return [(float(self.position(rung)), f"{rung * self.factor:.3g}") for rung in rungs[::stride]]
