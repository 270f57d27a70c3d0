"""The trade-off between moving a target and sparing all other voxels: probes at several weights of the penalty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.checks import check_rules, refusal
from core.probes.probe import Probe, ProbeConfig, ProbeProgress, in_reference_sds
from core.types import BoolArray, FloatArray

WEIGHTS = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Of the penalty: 0 is the plain target; from about 30 on little moves."""


@dataclass(frozen=True, slots=True, eq=False)
class TradePoint:
    """The probe at one weight.

    `target_sd`: shift of the target in its SD, positive the way wanted; `spill_sd`: mean |shift| of the other voxels,
    each in its SD; `control_sd`: the same of the random control.
    """

    weight: float
    target_sd: float
    spill_sd: float
    control_sd: float
    probe: Probe


@dataclass(frozen=True, slots=True, eq=False)
class TradeOff:
    """Points by ascending weight; `done` of `total` probes were made for them, a part of one included."""

    points: tuple[TradePoint, ...]
    done: float
    total: int

    @property
    def result(self) -> TradeOff | None:
        """Itself once all weights are done."""
        return self if self.done == self.total else None

    @property
    def front(self) -> tuple[TradePoint, ...]:
        """The points that no other one beats in both, by ascending spill-over."""
        kept = find_front([one.target_sd for one in self.points], [one.spill_sd for one in self.points])
        found = (self.points[row] for row in np.flatnonzero(kept))
        return tuple(sorted(found, key=lambda one: (one.spill_sd, one.weight)))


def find_front(gain: Sequence[float], cost: Sequence[float]) -> BoolArray:
    """Which points (n,) are not dominated: no other has at least the gain at no more cost, and one of them better."""
    high, low = np.asarray(gain)[:, np.newaxis], np.asarray(cost)[:, np.newaxis]
    beats = (high >= high.T) & (low <= low.T) & ((high > high.T) | (low < low.T))
    return np.asarray(~beats.any(axis=0))


def iter_trade_off(
    run: Callable[[ProbeConfig], Iterable[ProbeProgress]],
    config: ProbeConfig,
    *,
    weights: Sequence[float] = WEIGHTS,
    quick: bool = False,
) -> Iterator[TradeOff]:
    """Make the probe at every weight; each record holds the points so far, the last one all.

    `run`: makes a probe, as `Engine.iter_probe` does. `quick`: a quick look at every weight comes first, where the
    attack has one.

    Raises BadInputError for weights that are not ascending, and for a config that has no such trade-off.
    """
    plan = list(zip(weights, plan_trade_off(config, weights), strict=True))
    if quick and (look := config.attack.quick_look()) is not None:
        plan = [(weight, replace(one, attack=look)) for weight, one in plan] + plan
    points: dict[float, TradePoint] = {}
    for number, (weight, one) in enumerate(plan):
        for progress in run(one):
            if progress.result is not None:
                points[weight] = measure_point(weight, progress.result)
            share = 1.0 if progress.result is not None else 0.99 * progress.step / max(progress.n_steps, 1)
            yield TradeOff(tuple(points[key] for key in sorted(points)), number + share, len(plan))


def plan_trade_off(config: ProbeConfig, weights: Sequence[float]) -> list[ProbeConfig]:
    """The probe's config at every weight. Raises as `iter_trade_off`."""
    ascending = len(weights) > 1 and list(weights) == sorted(set(weights))
    only = "Choose a voxel, an ROI or a set, one encoder and one budget."
    check_rules(
        (not ascending, "trade-off", "two or more weights, ascending", ",".join(f"{one:g}" for one in weights), ""),
        (config.objective.kind.is_pattern, "trade-off", "of a target, not a pattern", config.target.label, only),
        (config.against is not None, "trade-off", "of one encoder", ", ".join(config.encoder_names), only),
        (config.wanted_shift_sd, "trade-off", "at a budget, not a wanted shift", config.wanted_shift_sd, only),
    )
    forms = (ObjectiveConfig(ObjectiveKind.SELECTIVE, one) if one else ObjectiveConfig() for one in weights)
    return [replace(config, objective=form) for form in forms]


def measure_point(weight: float, probe: Probe) -> TradePoint:
    """What a finished probe gained and cost. Raises BadInputError if the target's SD, or every other, is not known."""
    others = np.isfinite(probe.reference_sd) & (probe.reference_sd > 0)
    others[list(probe.config.target.voxels)] = False
    if not others.any() or not probe.target_sd > 0:
        got = "no SD of the target" if others.any() else "no other voxel with one"
        raise refusal("trade-off", allowed="of a target and other voxels with known SDs", got=got)

    def spread(shift: FloatArray) -> float:
        return float(np.abs(in_reference_sds(shift, probe.reference_sd)[others].astype(np.float64)).mean())

    moved = probe.config.direction.sign * probe.of_target(probe.shift) / probe.target_sd
    return TradePoint(weight, moved, spread(probe.shift), spread(probe.control_shift), probe)
