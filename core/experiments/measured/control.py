"""How well each encoder controls its target, from level sets: measured response against wanted level.

Pure functions of arrays and of what was measured. Seeds, the natural images that levels were made from, are drawn
together with all their levels; encoders are compared on the same draws of the seeds and targets both have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from core.experiments.measured.bootstrap import (
    LEAST_ITEMS,
    interval_of_r,
    interval_t,
    mean_repeats,
    resample_rows,
    summarise_pairs,
)
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.experiments.measured.planned import PlannedProbe
from core.probes.target import Target
from core.seeds import make_stream
from core.statistics import Interval
from core.types import FloatArray, IntArray

Floats = npt.NDArray[np.float64]
LEAST_LEVELS = 3
REACHED = 0.05
"""SDs; farther from its wanted level a stimulus has not reached it."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One encoder's level set of one target.

    Parameters
    ----------
    level : (n_stimuli,). Wanted, in SDs of the predicted response from its mean over the clean reference images.
    measured : (n_stimuli,). Mean measured response.
    seeds : (n_stimuli,). The seed image of each, a place in `natural`.
    natural : (n_seeds,). Mean measured response to each seed image itself; NaN where it was not measured.
    """

    level: Floats
    measured: Floats
    seeds: IntArray
    natural: Floats


@dataclass(frozen=True, slots=True)
class ControlScore:
    """One encoder's control of one target.

    `r`, `slope` (measured unit for each SD wanted) and `reach` (SDs of the measured natural images between the highest
    and the lowest level) have intervals over seeds. `halves` is r between the halves of the repeats, `reachable` the
    largest r of the whole mean with anything that never varies, sqrt(2 r / (1 + r)); NaN without repeats.
    `n_unreached` stimuli do not have their wanted level by their own encoder.
    """

    network: str
    target: str
    n_stimuli: int
    n_levels: int
    n_seeds: int
    n_unreached: int
    r: Interval
    slope: Interval
    reach: Interval
    halves: float
    reachable: float


@dataclass(frozen=True, slots=True)
class ControlDifference:
    """How much better the first encoder controls than the second, over the targets and seeds of both."""

    first: str
    second: str
    n_targets: int
    n_seeds: int
    r: Interval
    slope: Interval
    reach: Interval

    @property
    def better(self) -> str:
        """The encoder whose r is higher; "" where the interval holds 0 or is unknown."""
        return self.first if self.r.low > 0 else self.second if self.r.high < 0 else ""


Sets = dict[tuple[str, Target], Levels]
"""The level set of each encoder and target; of one target all have the same seeds, in one order."""


def gather_levels(measured: Measured) -> Sets:
    """The level sets of what was measured; empty arrays where nothing of one was."""
    groups = _group(measured)
    seeds = list(dict.fromkeys(one.perturbed.row.source_image for group in groups.values() for one in group))
    return {key: _gather(measured, group, seeds) for key, group in groups.items()}


def _group(measured: Measured) -> dict[tuple[str, Target], list[PlannedProbe]]:
    probes: dict[tuple[str, Target], list[PlannedProbe]] = {}
    for probe in measured.plan.probes:
        if probe.perturbed.row.level is not None:
            probes.setdefault((probe.perturbed.network, probe.perturbed.target), []).append(probe)
    return probes


def score_control(
    measured: Measured, sets: Sets, config: CompareConfig
) -> tuple[tuple[ControlScore, ...], tuple[ControlDifference, ...], tuple[str, ...]]:
    """The scores of every encoder and target with a level set, their differences, and what a reader must know."""
    probes = _group(measured)
    scores = tuple(
        _score(measured, key, levels, probes=probes[key], config=config)
        for key, levels in sets.items()
        if len(levels.level)
    )
    lost = [f"{network}, {target.label}" for (network, target), levels in sets.items() if not len(levels.level)]
    notes = [f"No stimulus of the level set of {name} was measured." for name in lost]
    return scores, _compare_all(sets, config), (*notes, *(note for one in scores for note in _warn(one)))


def score_levels(levels: Levels, config: CompareConfig) -> list[Interval]:
    """r, slope and reached range with their intervals over seeds."""
    own = np.unique(levels.seeds)

    def summarise(weights: Floats) -> Floats:
        spread = np.zeros((len(weights), len(levels.natural)))
        spread[:, own] = weights
        return summarise_levels(spread, levels)

    return _bootstrap(summarise, len(own), config)


def summarise_levels(weights: FloatArray, levels: Levels) -> Floats:
    """r, slope and reached range under weights of the seeds (n_weightings, n_seeds): (3, n_weightings).

    reach = (mean at the highest level - mean at the lowest) / SD of the natural images, which divides by n - 1.
    """
    each, x, y = weights[:, levels.seeds], levels.level, levels.measured
    found = summarise_pairs(each, x, y, signed=y, noise=np.ones(len(y)))
    with np.errstate(invalid="ignore", divide="ignore"):
        top, bottom = (each * (x == end) @ y / (each * (x == end)).sum(axis=1) for end in (x.max(), x.min()))
        known = np.isfinite(levels.natural)
        counts, natural = weights[:, known], levels.natural[known]
        total = counts.sum(axis=1)
        mean = counts @ natural / total
        variance = (counts * (natural - mean[:, np.newaxis]) ** 2).sum(axis=1) / (total - 1)
        reach = np.where(variance > 0, (top - bottom) / np.sqrt(variance), np.nan)
    return np.stack([found[3], found[4], reach])


def _gather(measured: Measured, probes: Sequence[PlannedProbe], seeds: Sequence[str]) -> Levels:
    means = mean_repeats(measured.repeats[probes[0].perturbed.target])
    natural = np.full(len(seeds), np.nan)
    for probe in probes:
        natural[seeds.index(probe.perturbed.row.source_image)] = means[measured.picture_of[probe.original.id]]
    y = means[[measured.picture_of[one.perturbed.id] for one in probes]]
    known = np.isfinite(y)
    level = np.asarray([one.perturbed.row.level for one in probes], dtype=np.float64)
    places = np.asarray([seeds.index(one.perturbed.row.source_image) for one in probes])
    return Levels(level[known], y[known], places[known], natural)


def _score(
    measured: Measured,
    key: tuple[str, Target],
    levels: Levels,
    *,
    probes: Sequence[PlannedProbe],
    config: CompareConfig,
) -> ControlScore:
    network, target = key
    found = dict(zip(("r", "slope", "reach"), score_levels(levels, config), strict=True))
    repeats = measured.repeats[target][[measured.picture_of[one.perturbed.id] for one in probes]]
    rows = [one.perturbed.row for one in probes]
    halves = correlate_halves(repeats)
    return ControlScore(
        network=network,
        target=target.label,
        n_stimuli=len(levels.level),
        n_levels=len(set(levels.level)),
        n_seeds=len(set(levels.seeds)),
        n_unreached=sum(
            row.level_reached is None or row.level is None or abs(row.level_reached - row.level) > REACHED
            for row in rows
        ),
        halves=halves,
        reachable=float(np.sqrt(2 * halves / (1 + halves))) if halves > 0 else float("nan"),
        **found,
    )


def correlate_halves(repeats: FloatArray) -> float:
    """Pearson r between the means of odd and of even repeats, over stimuli shown at least twice; NaN below three.

    `repeats` (n_stimuli, most_repeats): NaN where there is none.
    """
    several = repeats[np.isfinite(repeats).sum(axis=1) > 1]
    if len(several) < LEAST_ITEMS:
        return float("nan")
    known = [row[np.isfinite(row)] for row in several]
    halves = np.asarray([[row[::2].mean(), row[1::2].mean()] for row in known])
    return float(np.corrcoef(halves.T)[0, 1]) if (halves.std(axis=0) > 0).all() else float("nan")


def _compare_all(sets: Sets, config: CompareConfig) -> tuple[ControlDifference, ...]:
    """Every two encoders with a target and at least three seeds in common; intervals hold for all pairs at once."""
    pairs = list(combinations(dict.fromkeys(network for network, _ in sets), 2))
    found = [_compare(sets, first, second, config=config, n_pairs=len(pairs)) for first, second in pairs]
    return tuple(one for one in found if one is not None)


def _compare(sets: Sets, first: str, second: str, *, config: CompareConfig, n_pairs: int) -> ControlDifference | None:
    shared = [target for network, target in sets if network == first and (second, target) in sets]
    common = [(sets[first, target], sets[second, target]) for target in shared]
    own = [set(one.seeds) & set(other.seeds) for one, other in common]
    seeds = np.asarray(sorted(set.intersection(*own)) if own else [], dtype=np.int64)
    if len(seeds) < LEAST_ITEMS:
        return None
    kept = [tuple(_keep(one, seeds) for one in two) for two in common]

    def summarise(weights: Floats) -> Floats:
        spread = np.zeros((len(weights), len(kept[0][0].natural)))
        spread[:, seeds] = weights
        found = [summarise_levels(spread, one) - summarise_levels(spread, other) for one, other in kept]
        return np.asarray(np.mean(found, axis=0))

    rows = _bootstrap(summarise, len(seeds), config, n_pairs=n_pairs)
    return ControlDifference(first, second, len(shared), len(seeds), *rows)


def _keep(levels: Levels, seeds: IntArray) -> Levels:
    """The stimuli of some seeds."""
    kept = np.isin(levels.seeds, seeds)
    return Levels(levels.level[kept], levels.measured[kept], levels.seeds[kept], levels.natural)


def _bootstrap(
    summarise: Callable[[Floats], Floats], n_seeds: int, config: CompareConfig, *, n_pairs: int = 0
) -> list[Interval]:
    """Intervals of r, slope and reached range, or of their differences between `n_pairs` of encoders at once."""
    stream = make_stream(config.seed, "seed images", n_seeds)
    confidence, most = 1 - (1 - config.confidence) / max(n_pairs, 1), 2 if n_pairs else 1
    found, resampled = resample_rows(summarise, n_seeds, count=config.n_bootstrap, stream=stream)
    r, *others = zip(found, resampled, strict=True)
    linear = [interval_t(float(value), drawn, n_seeds, confidence=confidence) for value, drawn in others]
    return [interval_of_r(*r, n_seeds, confidence=confidence, most=most), *linear]


def _warn(score: ControlScore) -> list[str]:
    name = f"The level set of {score.network}, {score.target}"
    lines = []
    if score.n_levels < LEAST_LEVELS:
        lines.append(
            f"{name} has {score.n_levels} level(s): a slope over fewer than 3 says nothing of what lies between."
        )
    if score.n_seeds < LEAST_ITEMS:
        lines.append(f"{name} has {score.n_seeds} seed image(s): it takes 3 for an interval, 10 for one to rely on.")
    if not np.isfinite(score.halves):
        lines.append(f"{name} has no ceiling: fewer than 3 of its stimuli were measured twice, or they do not vary.")
    if score.n_unreached:
        lines.append(f"{name}: {score.n_unreached} stimuli do not reach their wanted level by their own encoder.")
    return lines
