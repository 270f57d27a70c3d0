"""How well each encoder controls its target, from level sets: measured response against wanted level.

Pure functions of arrays and of what was measured. Seeds, the natural images that levels were made from, are drawn
together with all their levels; encoders are compared on the same draws of the seeds and targets both have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from core.experiments.measured.bootstrap import (
    LEAST_ITEMS,
    fit_line,
    interval_of_r,
    interval_t,
    known_spread,
    mean_repeats,
    number_names,
    resample_rows,
)
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.probes.target import Target
from core.seeds import make_stream
from core.statistics import Interval
from core.sweeps.statistics import correlate_pairs
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
    n_lost : Stimuli that were not measured.
    n_unreached : Stimuli that do not have their wanted level by their own encoder.
    halves : r between the halves of the repeats; NaN without.
    """

    level: Floats
    measured: Floats
    seeds: IntArray
    natural: Floats
    n_lost: int = 0
    n_unreached: int = 0
    halves: float = float("nan")


@dataclass(frozen=True, slots=True)
class ControlScore:
    """One encoder's control of one target.

    `r`, `slope` (measured unit for each SD wanted) and `reach` (SDs of the measured natural images between the highest
    and the lowest level) have intervals over seeds. `reachable` is the largest r of the mean over all repeats with
    anything that never varies, sqrt(2 r / (1 + r)) of the r between halves; NaN without repeats.
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
"""The level set of each encoder and target; all have the same seeds, in one order."""


def gather_levels(measured: Measured) -> Sets:
    """The level sets of what was measured; empty arrays where nothing of one was."""
    probes = [one for one in measured.plan.probes if one.perturbed.row.level is not None]
    numbers = number_names([one.perturbed.row.source_image for one in probes])
    groups: dict[tuple[str, Target], list[int]] = {}
    for place, one in enumerate(probes):
        groups.setdefault((one.perturbed.network, one.perturbed.target), []).append(place)
    sets: Sets = {}
    for (network, target), own in groups.items():
        repeats, seeds = measured.repeats[target], numbers[own]
        pictures, originals = np.asarray(
            [
                [measured.picture_of[one.id] for one in (probes[place].perturbed, probes[place].original)]
                for place in own
            ]
        ).T
        means, natural = mean_repeats(repeats), np.full(max(numbers) + 1, np.nan)
        natural[seeds] = means[originals]
        rows = [probes[place].perturbed.row for place in own]
        level, reached = (
            np.asarray([getattr(row, name) for row in rows], float) for name in ("level", "level_reached")
        )
        known = np.isfinite(means[pictures])
        sets[network, target] = Levels(
            level=level[known],
            measured=means[pictures][known],
            seeds=seeds[known],
            natural=natural,
            n_lost=int((~known).sum()),
            n_unreached=int((~(np.abs(reached - level) <= REACHED)).sum()),
            halves=correlate_halves(repeats[pictures]),
        )
    return sets


def score_control(
    sets: Sets, config: CompareConfig
) -> tuple[tuple[ControlScore, ...], tuple[ControlDifference, ...], tuple[str, ...]]:
    """The scores of every encoder and target with a level set, their differences, and what a reader must know."""
    scores = [_score(*key, levels, config) for key, levels in sets.items() if len(levels.level)]
    notes = [
        f"{levels.n_lost} of {levels.n_lost + len(levels.level)} stimuli of the level set of {network}, {target.label} "
        "were not measured."
        for (network, target), levels in sets.items()
        if levels.n_lost
    ]
    pairs = list(combinations(dict.fromkeys(network for network, _ in sets), 2))
    differences = []
    for first, second in pairs:
        if (found := _compare(sets, first, second, config=config, n_pairs=len(pairs))) is not None:
            differences.append(found)
        else:
            notes.append(
                f"{first} and {second} are not compared in control: it takes a target of which both have the same "
                f"{LEAST_LEVELS} levels measured of the same {LEAST_ITEMS} seed images."
            )
    return tuple(scores), tuple(differences), (*notes, *(note for one in scores for note in _warn(one)))


def score_levels(levels: Levels, config: CompareConfig) -> list[Interval]:
    """r, slope and reached range with their intervals over seeds."""
    return _bootstrap(lambda weights: summarise_levels(weights, levels), levels.seeds, len(levels.natural), config)


def summarise_levels(weights: FloatArray, levels: Levels) -> Floats:
    """r, slope and reached range under weights of the seeds (n_weightings, n_seeds): (3, n_weightings).

    reach = (mean at the highest level - mean at the lowest) / SD of the natural images, which divides by n - 1.
    """
    each, x, y = weights[:, levels.seeds], levels.level, levels.measured
    r, slope, _ = fit_line(each, x, y)
    known = np.isfinite(levels.natural)
    counts, natural = weights[:, known], levels.natural[known]
    with np.errstate(invalid="ignore", divide="ignore"):
        top, bottom = (each * (x == end) @ y / (each * (x == end)).sum(axis=1) for end in (x.max(), x.min()))
        total = counts.sum(axis=1)
        mean = counts @ natural / total
        variance = (counts * (natural - mean[:, np.newaxis]) ** 2).sum(axis=1) / (total - 1)
        return np.stack([r, slope, (top - bottom) / np.sqrt(known_spread(variance, natural))])


def _score(network: str, target: Target, levels: Levels, config: CompareConfig) -> ControlScore:
    r, slope, reach = score_levels(levels, config)
    return ControlScore(
        network=network,
        target=target.label,
        n_stimuli=len(levels.level),
        n_levels=len(set(levels.level)),
        n_seeds=len(set(levels.seeds)),
        n_unreached=levels.n_unreached,
        r=r,
        slope=slope,
        reach=reach,
        halves=levels.halves,
        reachable=float(np.sqrt(2 * levels.halves / (1 + levels.halves))) if levels.halves > 0 else float("nan"),
    )


def correlate_halves(repeats: FloatArray) -> float:
    """Pearson r between the means of odd and of even repeats, over stimuli shown at least twice; NaN below three.

    `repeats` (n_stimuli, most_repeats): NaN where there is none.
    """
    known = [row[np.isfinite(row)] for row in repeats if np.isfinite(row).sum() > 1]
    first, second = (np.asarray([row[start::2].mean() for row in known]) for start in (0, 1))
    return correlate_pairs(first, second)


def _compare(sets: Sets, first: str, second: str, *, config: CompareConfig, n_pairs: int) -> ControlDifference | None:
    """On the stimuli that both have, by target, level and seed; None where these are too few for an interval."""
    shared = [
        _share(levels, sets[second, target])
        for (network, target), levels in sets.items()
        if network == first and (second, target) in sets
    ]
    kept = [two for two in shared if len(set(two[0].seeds)) >= LEAST_ITEMS and len(set(two[0].level)) >= LEAST_LEVELS]
    if not kept:
        return None

    def summarise(weights: Floats) -> Floats:
        found = [summarise_levels(weights, one) - summarise_levels(weights, other) for one, other in kept]
        return np.asarray(np.mean(found, axis=0))

    seeds = np.concatenate([one.seeds for one, _ in kept])
    rows = _bootstrap(summarise, seeds, len(kept[0][0].natural), config, n_pairs=n_pairs)
    return ControlDifference(first, second, len(kept), len(set(seeds)), *rows)


def _share(*both: Levels) -> list[Levels]:
    """The stimuli of two level sets with a level and a seed that both have."""
    keys = [list(zip(one.level, one.seeds, strict=True)) for one in both]
    shared = set(keys[0]) & set(keys[1])
    kept = [np.asarray([key in shared for key in own], bool) for own in keys]
    return [
        replace(one, level=one.level[own], measured=one.measured[own], seeds=one.seeds[own])
        for one, own in zip(both, kept, strict=True)
    ]


def _bootstrap(
    summarise: Callable[[Floats], Floats], seeds: IntArray, n_seeds: int, config: CompareConfig, *, n_pairs: int = 0
) -> list[Interval]:
    """Intervals of r, slope and reached range over some of the seeds, or of their differences in `n_pairs` at once."""
    own = np.unique(seeds)

    def spread(weights: Floats) -> Floats:
        everywhere = np.zeros((len(weights), n_seeds))
        everywhere[:, own] = weights
        return summarise(everywhere)

    stream = make_stream(config.seed, "seed images", len(own))
    confidence, most = 1 - (1 - config.confidence) / max(n_pairs, 1), 2 if n_pairs else 1
    r, *others = zip(*resample_rows(spread, len(own), count=config.n_bootstrap, stream=stream), strict=True)
    linear = [interval_t(float(value), drawn, len(own), confidence=confidence) for value, drawn in others]
    return [interval_of_r(*r, len(own), confidence=confidence, most=most), *linear]


def _warn(score: ControlScore) -> list[str]:
    name = f"The level set of {score.network}, {score.target}"
    lines = []
    if score.n_levels < LEAST_LEVELS:
        lines.append(
            f"{name} has {score.n_levels} level(s): a slope over fewer than 3 says nothing of what lies between."
        )
    if score.n_seeds < LEAST_ITEMS:
        lines.append(f"{name} has {score.n_seeds} seed image(s): it takes 3 for an interval, 10 for one to rely on.")
    if not np.isfinite(score.reach.value):
        lines.append(
            f"{name} has no range reached: fewer than 2 seed images were measured, or their responses do not vary."
        )
    if score.r.high < 0:
        lines.append(f"{name}: responses fall as levels rise. Is the sign of the measured responses right?")
    if not np.isfinite(score.halves):
        lines.append(f"{name} has no ceiling: fewer than 3 of its stimuli were measured twice, or they do not vary.")
    if score.n_unreached:
        lines.append(f"{name}: {score.n_unreached} stimuli do not reach their wanted level by their own encoder.")
    return lines
