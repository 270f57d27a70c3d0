"""Which of two encoders is right, from controversial probes: those that they predict to move opposite ways.

Pure functions of arrays and of what `measure_shifts` found. Images are counted and drawn, not probes: mirrored probes
of one image share its original, and what moves one up in a third encoder moves the other down there. A wins where the
exact sign test holds (Holm over pairs of encoders) and the bootstrap interval of r_A - r_B excludes 0 on the same side.
"Neither" is a claim of its own, never the lack of one, by equivalence tests (Schuirmann 1987, doi:10.1007/BF01068419):
both encoders must be shown to move the target by less than `least_slope` SDs for each SD they predict, with the
smallest SD of natural images that the originals allow; or to explain less than a quarter of what is reliable in the
measured shifts, where that is at least half of their variance. Everything else is undecided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy import special

from core.checks import refusal
from core.experiments.measured.bootstrap import (
    bootstrap_rows,
    count_signs,
    find_ceiling,
    fit_line,
    number_names,
    sign_test,
)
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.experiments.measured.shifts import Shifts
from core.probes.target import Target
from core.statistics import Interval, mean_over_known
from core.sweeps.statistics import holm
from core.types import BoolArray, FloatArray, IntArray

LEAST_CEILING, LEAST_EXPLAINED = 0.5, 0.25


class Verdict(StrEnum):
    """What controversial probes say of two encoders."""

    FIRST = "first"
    SECOND = "second"
    NEITHER = "neither"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Winner:
    """Two encoders on their controversial probes.

    `n_first` of `n_signed` images moved, summed over their probes, as the first predicts, and so against the second.
    Slopes are in SDs of natural images, which have at least the SD taken, for each SD predicted; `explained` is the
    largest share of the reliable variance of the measured shifts that either may explain. Both are NaN without repeats.
    `n_as_both` of `n_agreeing` probes that both predict alike moved so.
    """

    first: str
    second: str
    n_probes: int
    n_images: int
    n_first: int
    n_signed: int
    share: Interval
    p_sign: float
    p_holm: float
    r_first: Interval
    r_second: Interval
    difference: Interval
    slope_first: Interval
    slope_second: Interval
    explained: tuple[float, float]
    n_agreeing: int = 0
    n_as_both: int = 0
    verdict: Verdict = Verdict.UNDECIDED

    @property
    def most(self) -> tuple[float, float]:
        """Upper ends of the slopes."""
        return self.slope_first.high, self.slope_second.high

    @property
    def name(self) -> str:
        """The encoder that wins; "" if none does."""
        return {Verdict.FIRST: self.first, Verdict.SECOND: self.second}.get(self.verdict, "")


def check_subjects(subjects: Sequence[str]) -> None:
    """Raise BadInputError if level sets or controversial probes were made for several subjects: no brain has both."""
    if len(several := list(dict.fromkeys(subjects))) > 1:
        advice = "Compare encoders of one subject: make a set for each."
        raise refusal("set", allowed="of one subject", got=", ".join(several), advice=advice)


def find_winners(
    measured: Measured, shifts: Shifts, config: CompareConfig
) -> tuple[tuple[Winner, ...], tuple[str, ...]]:
    """The answer for every pair of encoders with controversial probes, and what a reader must know."""
    probes = [one.perturbed for one in shifts.probes]
    pairs = [(*sorted((one.network, one.row.against)),) if one.row.against else () for one in probes]
    spread = {target: np.nanstd(mean_over_known(own, axis=1)) or 1.0 for target, own in measured.repeats.items()}
    natural = {target: natural_sd(measured, shifts, target, config.confidence) for target in spread}
    scale = np.asarray([spread[one.target] for one in probes])
    floor = np.asarray([natural[one.target] for one in probes]) / scale
    y, error = shifts.measured[0] / scale, shifts.error[0] / scale
    images = np.asarray([one.row.source_image for one in probes])
    asked = np.asarray([one.row.direction != one.row.against_direction for one in probes])
    winners, notes = list[Winner](), list[str]()
    for names in filter(None, dict.fromkeys(pairs)):
        own = np.asarray([one == names for one in pairs])
        (a, a_in_sds), (b, b_in_sds) = (_predict(shifts, name, own) for name in names)
        opposed, alike = (own & (sign * a * b * np.isfinite(y) > 0) for sign in (-1, 1))
        moved = (np.sign(a) * y)[alike & (y != 0)]
        as_both, of_both = int((moved > 0).sum()), f"{len(moved)} probes moved as {' and '.join(names)} both predict"
        notes += _warn(a[opposed], int((own & asked).sum()), " and ".join(names))
        if sign_test(as_both, len(moved), confidence=config.confidence)[1].high < 0.5:
            notes.append(f"Only {as_both} of {of_both}: is the sign of the measured responses right?")
        if opposed.any():
            known, numbers = y[opposed], number_names(images[opposed])
            least = floor[opposed] if a_in_sds and b_in_sds else np.nan
            ceiling = find_ceiling(known, error[opposed])
            winner = judge_pair(
                a[opposed], b[opposed], known, numbers, config, natural=least, ceiling=ceiling, names=names
            )
            winners.append(replace(winner, n_agreeing=int(alike.sum()), n_as_both=as_both))
    return settle(winners, config), tuple(notes)


def _warn(opposed: FloatArray, n_asked: int, names: str) -> list[str]:
    """Of a pair's probes; `opposed` are the first's predictions of those that can be judged."""
    n_lost = n_asked - len(opposed)
    lines = (
        (
            not n_asked,
            f"The set has only agreeing probes of {names}, which say nothing of which is right: that takes "
            "controversial ones, which raise one and lower the other.",
        ),
        (
            n_lost > 0,
            f"{n_lost} of {n_asked} controversial probes of {names} were left out: not measured, not predicted by "
            "both, or predicted to move the same way once saved.",
        ),
        (
            len(set(np.sign(opposed))) == 1,
            f"All controversial probes of {names} go one way: a response that any change moves that way would look "
            "like a winner. Add the mirrored probes.",
        ),
    )
    return [line for is_so, line in lines if is_so]


def judge_pair(
    first: FloatArray,
    second: FloatArray,
    y: FloatArray,
    images: IntArray,
    config: CompareConfig,
    *,
    natural: FloatArray | float = 1.0,
    ceiling: float = float("nan"),
    names: Sequence[str] = ("first", "second"),
) -> Winner:
    """Sign test, r with each prediction and their difference, slopes; Holm's p and the verdict are for `settle`.

    Parameters
    ----------
    first, second : (n_probes,). Predicted shifts, in each encoder's own SDs.
    y : (n_probes,). Measured shifts.
    images : (n_probes,). The original of each, numbered from 0.
    natural : (n_probes,). Smallest SD of the measured natural images that the data allow; NaN where it is unknown.
    ceiling : Share of the variance of the measured shifts that is not noise of the repeats; NaN where it is unknown.
    """
    n_first, n_signed = count_signs(np.sign(first) * y, images)
    p_sign, share = sign_test(n_first, n_signed, confidence=config.confidence)

    def summarise(weights: FloatArray) -> FloatArray:
        r = [fit_line(weights, x, y)[0] for x in (first, second)]
        return np.stack([*r, r[0] - r[1], *(fit_line(weights, x, y / natural)[1] for x in (first, second))])

    r_first, r_second, difference, *slopes = bootstrap_rows(
        summarise, images, config, key=("winner", len(y)), most=(1, 1, 2)
    )
    reliable = ceiling if ceiling >= LEAST_CEILING else float("nan")
    return Winner(
        first=names[0],
        second=names[1],
        n_probes=len(y),
        n_images=int(images.max()) + 1,
        n_first=n_first,
        n_signed=n_signed,
        share=share,
        p_sign=p_sign,
        p_holm=p_sign,
        r_first=r_first,
        r_second=r_second,
        difference=difference,
        slope_first=slopes[0],
        slope_second=slopes[1],
        explained=(
            float(np.maximum(r_first.high, 0)) ** 2 / reliable,
            float(np.maximum(r_second.high, 0)) ** 2 / reliable,
        ),
    )


def settle(winners: Sequence[Winner], config: CompareConfig) -> tuple[Winner, ...]:
    """Holm's p over the pairs, and the verdict of each."""
    p = holm(np.asarray([one.p_sign for one in winners]))
    corrected = [replace(one, p_holm=float(value)) for one, value in zip(winners, p, strict=True)]
    return tuple(replace(one, verdict=_decide(one, config)) for one in corrected)


def _decide(one: Winner, config: CompareConfig) -> Verdict:
    if one.p_holm < 1 - config.confidence:
        if 2 * one.n_first > one.n_signed and one.difference.low > 0:
            return Verdict.FIRST
        if 2 * one.n_first < one.n_signed and one.difference.high < 0:
            return Verdict.SECOND
        return Verdict.UNDECIDED
    wrong = np.max(one.most) < config.least_slope or np.max(one.explained) < LEAST_EXPLAINED  # NaN is never below
    return Verdict.NEITHER if wrong else Verdict.UNDECIDED


def natural_sd(measured: Measured, shifts: Shifts, target: Target, confidence: float) -> float:
    """The smallest SD of a target's responses to natural images that its originals allow.

        sqrt(s^2 (n - 1) / chi^2_(n - 1) - mean(noise^2 / k)),  s the SD of n originals' means over k repeats

    NaN with fewer than three originals, without repeats, or where the repeats do not tell the originals apart.
    """
    own = [number for number, probe in enumerate(shifts.probes) if probe.perturbed.target == target]
    rows = measured.repeats[target][sorted({measured.picture_of[shifts.probes[one].original.id] for one in own})]
    counts, means = np.isfinite(rows).sum(axis=1), mean_over_known(rows, axis=1)
    n = int((counts > 0).sum())
    if n < 3:
        return float("nan")
    least = np.nanvar(means, ddof=1) * (n - 1) / special.chdtri(n - 1, (1 - confidence) / 2)
    variance = least - float(np.mean(shifts.noise[own[0]] ** 2 / counts[counts > 0]))
    return float(np.sqrt(variance)) if variance > 0 and np.nanmax(means) > np.nanmin(means) else float("nan")


def _predict(shifts: Shifts, network: str, own: BoolArray) -> tuple[FloatArray, bool]:
    """Predicted shifts (n_probes,) in the encoder's SDs, and whether these are known; else in its unit."""
    nothing = (np.nan, np.nan)
    both = np.asarray([probe.perturbed.shifts.get(network, nothing) for probe in shifts.probes])
    in_sds = bool((np.isfinite(both[own, 1]) | np.isnan(both[own, 0])).all())
    return both[:, int(in_sds)], in_sds
