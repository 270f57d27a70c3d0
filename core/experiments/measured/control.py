"""How well each encoder controls its target, from level sets: measured response against wanted level.

Seeds, the natural images that levels were made from, are drawn together with all their levels; encoders are compared on
the same draws of the stimuli both have.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from core.experiments.measured.bootstrap import LEAST_ITEMS, bootstrap_rows, fit_line, known_spread, number_names
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.statistics import Interval, mean_over_known
from core.sweeps.statistics import correlate_pairs
from core.types import FloatArray, IntArray

if TYPE_CHECKING:
    from pandas import DataFrame

LEAST_LEVELS = 3
REACHED = 0.05
"""SDs; farther from its wanted level a stimulus has not reached it."""
COLUMNS = ("network", "target", "level", "reached", "seed", "picture", "measured", "natural")


@dataclass(frozen=True, slots=True)
class ControlScore:
    """One encoder's control of one target.

    `r`, `slope` (measured unit for each SD wanted) and `reach` (SDs of the measured natural images between the highest
    and the lowest level) have intervals over seeds. `halves` is r between the halves of the repeats, `reachable` the
    largest r of the mean over all of them with anything that never varies, sqrt(2 r / (1 + r)); NaN without repeats.
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
    """How much better the first encoder controls than the second, over the targets and seeds of both.

    `r_first` and `r_second` are each one's r there, the mean over targets.
    """

    first: str
    second: str
    n_targets: int
    n_seeds: int
    r: Interval
    slope: Interval
    reach: Interval
    r_first: float
    r_second: float

    @property
    def better(self) -> str:
        """The encoder whose r is higher; "" where the interval holds 0 or is unknown, or no r is above 0."""
        if max(self.r_first, self.r_second) <= 0:
            return ""
        return self.first if self.r.low > 0 else self.second if self.r.high < 0 else ""


def gather_levels(measured: Measured) -> DataFrame:
    """Every stimulus of the level sets: the columns of `COLUMNS`, with mean measured responses, NaN where not measured.

    `level` is wanted and `reached` what its own encoder says, in SDs of the predicted response from its mean over the
    clean reference images; `natural` the response to the seed image itself; `picture` a row of `measured.repeats`.
    """
    import pandas as pd  # kept from the window's start

    means = {target: mean_over_known(repeats, axis=1) for target, repeats in measured.repeats.items()}
    rows = []
    for probe in measured.plan.probes:
        made, row = probe.perturbed, probe.perturbed.row
        if row.level is not None:
            picture, clean = (measured.picture_of[one.id] for one in (made, probe.original))
            answers = means[made.target][[picture, clean]]
            rows.append((made.network, made.target, row.level, row.level_reached, row.source_image, picture, *answers))
    return pd.DataFrame(rows, columns=COLUMNS)


def score_control(
    measured: Measured, config: CompareConfig
) -> tuple[DataFrame, tuple[ControlScore, ...], tuple[ControlDifference, ...], tuple[str, ...]]:
    """The level sets, each one's score, the differences of their encoders, and what a reader must know."""
    found = gather_levels(measured)
    scores, differences, notes = list[ControlScore](), list[ControlDifference](), list[str]()
    for (network, target), members in found.groupby(["network", "target"], sort=False):
        known = members.dropna(subset="measured")
        if lost := len(members) - len(known):
            name = f"{network}, {target.label}"
            notes.append(f"{lost} of {len(members)} stimuli of the level set of {name} were not measured.")
        if len(known):
            repeats = measured.repeats[target][members.picture]
            scores.append(_score(network, target.label, members, correlate_halves(repeats), config))
    pairs = list(combinations(found.network.unique(), 2))
    for first, second in pairs:
        if (difference := _compare(found, first, second, config=config, n_pairs=len(pairs))) is not None:
            differences.append(difference)
        else:
            notes.append(
                f"{first} and {second} are not compared in control: it takes a target of which both have the same "
                f"{LEAST_LEVELS} levels measured of the same {LEAST_ITEMS} seed images."
            )
    return found, tuple(scores), tuple(differences), (*notes, *(note for one in scores for note in _warn(one)))


def score_levels(
    level: FloatArray, measured: FloatArray, seeds: IntArray, natural: FloatArray, config: CompareConfig
) -> list[Interval]:
    """r, slope and reached range with their intervals over seeds; see `summarise_levels`."""

    def summarise(weights: FloatArray) -> FloatArray:
        return summarise_levels(weights, level, measured, seeds, natural)

    return bootstrap_rows(summarise, seeds, config, key=("seed images", len(set(seeds))), most=(1,))


def summarise_levels(
    weights: FloatArray, level: FloatArray, measured: FloatArray, seeds: IntArray, natural: FloatArray
) -> FloatArray:
    """r, slope and reached range under weights of the stimuli (n_weightings, n_stimuli), alike for a seed's: (3, ...).

    reach = (mean at the highest level - mean at the lowest) / SD of the natural images, which divides by n - 1.

    Parameters
    ----------
    level, measured : (n_stimuli,). Wanted level, mean measured response.
    seeds : (n_stimuli,) int. The seed image of each.
    natural : (n_stimuli,). Mean measured response to the seed image itself; NaN where it was not measured.
    """
    r, slope, _ = fit_line(weights, level, measured)
    first = np.unique(seeds, return_index=True)[1]
    first = first[np.isfinite(natural[first])]
    counts, originals = weights[:, first], natural[first]
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = (level == end for end in (level.max(), level.min()))
        top, bottom = (weights[:, end] @ measured[end] / weights[:, end].sum(axis=1) for end in ends)
        total = counts.sum(axis=1)
        mean = counts @ originals / total
        variance = (counts * (originals - mean[:, np.newaxis]) ** 2).sum(axis=1) / (total - 1)
        return np.stack([r, slope, (top - bottom) / np.sqrt(known_spread(variance, originals))])


def _score(network: str, target: str, members: DataFrame, halves: float, config: CompareConfig) -> ControlScore:
    known = members.dropna(subset="measured").assign(seed=lambda own: number_names(own.seed))
    level, answers, seeds, natural = known[["level", "measured", "seed", "natural"]].to_numpy(float).T
    r, slope, reach = score_levels(level, answers, seeds.astype(int), natural, config)
    return ControlScore(
        network=network,
        target=target,
        n_stimuli=len(known),
        n_levels=known.level.nunique(),
        n_seeds=known.seed.nunique(),
        n_unreached=int((~((members.reached - members.level).abs() <= REACHED)).sum()),
        r=r,
        slope=slope,
        reach=reach,
        halves=halves,
        reachable=float(np.sqrt(2 * halves / (1 + halves))) if halves > 0 else float("nan"),
    )


def correlate_halves(repeats: FloatArray) -> float:
    """Pearson r between the means of odd and of even repeats, over stimuli shown at least twice; NaN below three.

    `repeats` (n_stimuli, most_repeats): NaN where there is none.
    """
    known = [row[np.isfinite(row)] for row in repeats if np.isfinite(row).sum() > 1]
    first, second = (np.asarray([row[start::2].mean() for row in known]) for start in (0, 1))
    return correlate_pairs(first, second)


def _compare(
    found: DataFrame, first: str, second: str, *, config: CompareConfig, n_pairs: int
) -> ControlDifference | None:
    """On the stimuli that both have, by target, level and seed; None where these are too few for an interval."""
    one, other = (found[found.network == name].dropna(subset="measured") for name in (first, second))
    shared = one.merge(other, on=["target", "level", "seed"], suffixes=("_first", "_second"))
    enough = shared.groupby("target", sort=False)[["seed", "level"]].transform("nunique").to_numpy()
    shared = shared[(enough >= (LEAST_ITEMS, LEAST_LEVELS)).all(axis=1)]
    if shared.empty:
        return None
    shared = shared.assign(number=number_names(shared.seed)).reset_index(drop=True)
    names = [("level", f"measured_{one}", "number", f"natural_{one}") for one in ("first", "second")]
    sets = [
        [(own.index, *(own[name].to_numpy(float) for name in part)) for part in names]
        for _, own in shared.groupby("target", sort=False)
    ]

    def summarise(weights: FloatArray) -> FloatArray:
        """Of the differences, and r of each: (5, n_weightings), means over targets."""
        both = np.mean([[summarise_levels(weights[:, own], *one) for own, *one in pair] for pair in sets], axis=0)
        return np.concatenate([both[0] - both[1], both[:, 0]])

    n_seeds, confidence = shared.seed.nunique(), 1 - (1 - config.confidence) / n_pairs  # all pairs hold at once
    items, key = shared.number.to_numpy(), ("seed images", n_seeds)
    r, slope, reach, *each = bootstrap_rows(summarise, items, config, key=key, most=(2,), confidence=confidence)
    return ControlDifference(first, second, len(sets), n_seeds, r, slope, reach, *(one.value for one in each))


def _warn(score: ControlScore) -> list[str]:
    name, lines = (
        f"The level set of {score.network}, {score.target}",
        (
            (
                score.n_levels < LEAST_LEVELS,
                f" has {score.n_levels} level(s): a slope over fewer than 3 says nothing of what lies between.",
            ),
            (
                score.n_seeds < LEAST_ITEMS,
                f" has {score.n_seeds} seed image(s): it takes 3 for an interval, 10 for one to rely on.",
            ),
            (
                np.isnan(score.reach.value),
                " has no range reached: fewer than 2 seed images were measured, or their responses do not vary.",
            ),
            (score.r.high < 0, ": responses fall as levels rise. Is the sign of the measured responses right?"),
            (
                np.isnan(score.halves),
                " has no ceiling: fewer than 3 of its stimuli were measured twice, or they do not vary.",
            ),
            (score.n_unreached, f": {score.n_unreached} stimuli do not reach their wanted level by their own encoder."),
        ),
    )
    return [name + line for is_so, line in lines if is_so]
