"""What the plots of a probe's shift show, for print and for the window: series, names, units, ticks.

Curve and steps come from a probe, or from a run still going. With a second encoder every shift is in SDs, each of its
own encoder's: two units have no axis in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.attacks.config import GREY_LEVELS
from core.figures.probe_maps import SD_UNIT
from core.probes.probe import Probe, ProbeConfig
from core.templates import read_formulas
from core.types import Direction, FloatArray, NormName

ATTACK, SECOND, SECOND_CONTROL = "attack", "second encoder", "second control"
CURVES = read_formulas("curve")
"""Each line of the curve and its formula."""


@dataclass(frozen=True, slots=True)
class CurveData:
    """Everything the curve, or the plot of the steps, shows.

    Parameters
    ----------
    unit : Of all shifts.
    epsilon : (n_budgets,) or (n_steps,). In [0, 1] pixel units.
    lines : As many each. Shifts by the names of `CURVES`, those that are known; "attack" always is.
    linearity : (n_budgets,), optional. Shift / first-order shift.
    target_sd : Of the target's clean reference responses, in `unit`; NaN where it is unknown, or `unit` is SD.
    budget : The full epsilon asked for.
    scale : The axis's unit in the response's: 1, or the target's SD.
    names : What lines are called that have another name than their key.
    sizes : Realised sizes (n_budgets,) of the perturbations by norm, where they are known.
    """

    norm: NormName
    direction: Direction
    unit: str
    epsilon: FloatArray
    lines: Mapping[str, FloatArray]
    linearity: FloatArray | None = None
    target_sd: float = float("nan")
    budget: float = 0.0
    scale: float = 1.0
    names: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[NormName, FloatArray] = field(default_factory=dict)

    def name(self, line: str) -> str:
        """What a line is called."""
        return self.names.get(line, line)

    def in_sds(self) -> CurveData:
        """The same in the target's SDs; as it is where these are not known, or it is already."""
        if not self.target_sd > 0:
            return self
        lines = {name: values / self.target_sd for name, values in self.lines.items()}
        return replace(self, unit=SD_UNIT, lines=lines, target_sd=float("nan"), scale=self.scale * self.target_sd)

    def on_axes_of(self, other: CurveData) -> tuple[FloatArray, FloatArray] | None:
        """Budgets and shifts (n_budgets,) on another curve's axes, at their realised sizes if its norm is another.

        None where its unit is another, or these sizes are not known.
        """
        sizes = self.epsilon if self.norm is other.norm else self.sizes.get(other.norm)
        if sizes is None or self.unit != other.unit:
            return None
        return other.factor * sizes, self.lines[ATTACK]

    @property
    def encoders(self) -> tuple[FloatArray, ...]:
        """The target's shift in the probe's own encoder, and in the second where there is one."""
        return tuple(self.lines[line] for line in (ATTACK, SECOND) if line in self.lines)

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
    curve, second = probe.curve, probe.second
    has_slope = bool(np.isfinite(curve.first_order).any())
    first_order = {"first order": curve.first_order} if has_slope else {}
    lines = {ATTACK: curve.shift} | first_order
    lines |= {"random control": curve.control_shift, "sign flip": curve.sign_flip_shift}
    there = {} if second is None else {SECOND: second.shift, SECOND_CONTROL: second.control_shift}
    in_sds = {} if second is None else {name: values / second.target_sd for name, values in there.items()}
    sizes, linearity = {NormName.L2: curve.l2, NormName.LINF: curve.linf}, curve.linearity if has_slope else None
    return _describe(probe, curve.epsilon, lines, in_sds, linearity=linearity, sizes=sizes)


def steps_of(probe: Probe) -> CurveData:
    """Every attack step of a finished probe; those in the second encoder where its file holds them."""
    history = probe.history
    there = {SECOND: history.second_shift_sd} if np.isfinite(history.second_shift_sd).any() else {}
    return _describe(probe, history.epsilon, {ATTACK: history.shift}, there)


def describe_run(
    config: ProbeConfig, response_unit: str, epsilon: FloatArray, lines: Mapping[str, FloatArray], **more: Any
) -> CurveData:
    """Lines of any probe, in the unit of its axis: SD with a second encoder, else that of its objective."""
    unit, names = config.objective.unit(response_unit), dict[str, str]()
    if config.against is not None:
        unit, names = SD_UNIT, dict(zip((ATTACK, SECOND), config.encoder_names, strict=True))
        names[SECOND_CONTROL] = f"random control, {names[SECOND]}"
    attack = config.attack
    return CurveData(attack.norm, config.direction, unit, epsilon, lines, budget=attack.epsilon, names=names, **more)


def _describe(
    probe: Probe, epsilon: FloatArray, own: Mapping[str, FloatArray], second: Mapping[str, FloatArray], **more: Any
) -> CurveData:
    """Lines of a finished probe: its `own` in the response's unit, those of the `second` encoder in SDs."""
    config = probe.config
    scale = 1.0 if config.against is None else probe.target_sd
    has_sd = config.against is None and not config.objective.kind.is_pattern
    more |= {"target_sd": probe.target_sd if has_sd else float("nan"), "scale": scale}
    lines = {name: values / scale for name, values in own.items()} | dict(second)
    return describe_run(config, probe.response_unit, epsilon, lines, **more)
