"""What the plots of a probe's shift show, for print and for the window: series, names, units, ticks.

The curve comes from a probe, or from a run still going.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.attacks.config import GREY_LEVELS
from core.probes.probe import Probe
from core.types import Direction, FloatArray, NormName

ATTACK = "attack"
CURVES = {
    ATTACK: "f(x + δ) − f(x): the shift of the target's predicted response, recomputed from the delivered pixels",
    "first order": "ε ‖∇f‖₂ under L₂, ε ‖∇f‖₁ under L∞: the shift a linear encoder would show",
    "random control": "the shift under a random perturbation of the same realised size",
    "sign flip": "f(x − δ) − f(x): the shift under the same perturbation turned round",
}
"""Each line of the curve and its formula."""


@dataclass(frozen=True, slots=True)
class CurveData:
    """Everything the curve shows.

    Parameters
    ----------
    unit : Of all shifts.
    epsilon : (n_budgets,). In [0, 1] pixel units.
    lines : (n_budgets,) each. Shifts by the names of `CURVES`, those that are known; "attack" always is.
    linearity : (n_budgets,), optional. Shift / first-order shift.
    target_sd : Of the target's clean reference responses, in `unit`; NaN where it is unknown.
    budget : The full epsilon asked for.
    """

    norm: NormName
    direction: Direction
    unit: str
    epsilon: FloatArray
    lines: Mapping[str, FloatArray]
    linearity: FloatArray | None = None
    target_sd: float = float("nan")
    budget: float = 0.0

    @property
    def factor(self) -> float:
        """What budgets are multiplied by on an axis, which has Linf in grey levels: 255, or 1 for L2."""
        return GREY_LEVELS if self.norm is NormName.LINF else 1.0

    @property
    def x(self) -> FloatArray:
        """The budgets as the axis has them, (n_budgets,)."""
        return self.factor * self.epsilon


def curve_of(probe: Probe) -> CurveData:
    """The whole curve of a finished probe; without its first order where there is none, as of a cosine."""
    curve, objective = probe.curve, probe.config.objective
    has_slope = bool(np.isfinite(curve.first_order).any())
    first_order = {"first order": curve.first_order} if has_slope else {}
    controls = {"random control": curve.control_shift, "sign flip": curve.sign_flip_shift}
    return CurveData(
        probe.config.attack.norm,
        probe.config.direction,
        objective.unit(probe.response_unit),
        curve.epsilon,
        {ATTACK: curve.shift} | first_order | controls,
        linearity=curve.linearity if has_slope else None,
        target_sd=float("nan") if objective.kind.is_pattern else probe.target_sd,
        budget=probe.config.attack.epsilon,
    )
