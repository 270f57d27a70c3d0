"""Discriminability: how well a measure separates encoders, by five statistics with intervals. Pure numbers.

Both measures are values (n_encoders, n_targets, n_images), sensitivity of the probed images and the parts of r of the
held-out ones, and are treated alike. Intervals of the spread of these encoders invert the noncentral F distribution
(Steiger 2004, doi:10.1037/1082-989X.9.2.164), so that they hold 0 where encoders may be equal; that of the ICC takes
encoders as drawn from many (McGraw & Wong 1996, doi:10.1037/1082-989X.1.1.30). The error is that of encoder means over
crossed targets and images, `core.sweeps.statistics`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import special

from core.sweeps.gather import Sweep
from core.sweeps.predictivity import interval_of_r, measure_predictivity
from core.sweeps.statistics import UNKNOWN, Interval, compare_pairs, explain_too_few, interval_of_mean, split_variance
from core.types import FloatArray

VARIATION, VARIANCE, SPARSENESS = "coefficient of variation", "normalised variance", "Treves-Rolls sparseness"
ICC, PAIRS = "ICC", "pairs that differ"


@dataclass(frozen=True, slots=True, eq=False)
class Discrimination:
    """How one measure separates the encoders.

    `statistics` by name, with "pairs that differ" (without interval; NaN where `note` says that there are too few
    targets or images); `adjusted_p` (n_pairs,) Holm-corrected, pairs as in `numpy.triu_indices`; `means` an interval an
    encoder.
    """

    measure: str
    unit: str
    means: tuple[Interval, ...]
    statistics: dict[str, Interval]
    adjusted_p: FloatArray
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Discriminability:
    """Both measures, for each statistic the interval of sensitivity minus predictivity, and a control.

    `control` is the sensitivity to a random perturbation of equal norm: what the encoders' gains alone tell apart.
    """

    labels: tuple[str, ...]
    sensitivity: Discrimination
    predictivity: Discrimination
    difference: dict[str, Interval]
    control: Discrimination


def analyse_discriminability(sweep: Sweep) -> Discriminability:
    """Answer the question from a finished sweep, at its highest budget."""
    confidence = sweep.config.confidence
    rate = partial(interval_of_mean, least=0.0)
    first = discriminate("sensitivity", "SD", sweep.sensitivity()[..., -1], rate, confidence)
    control = discriminate("random control", "SD", sweep.random_sensitivity()[..., -1], rate, confidence)
    second = discriminate("predictivity", "r", measure_predictivity(sweep).table(), interval_of_r, confidence)
    difference = {
        name: subtract(first.statistics[name], second.statistics[name]) for name in first.statistics if name != PAIRS
    }
    return Discriminability(sweep.labels, first, second, difference, control)


def discriminate(
    measure: str, unit: str, values: FloatArray, rate: Callable[[FloatArray, float], Interval], confidence: float
) -> Discrimination:
    """Every statistic of a measure (n_encoders, n_targets, n_images) beside its encoder means, which `rate` gives."""
    adjusted, differs = compare_pairs(values, level=1 - confidence)
    note = explain_too_few(*values.shape, level=1 - confidence)
    statistics = spread(values, confidence)
    statistics[PAIRS] = Interval(float("nan") if note else float(differs.mean()), np.nan, np.nan)
    return Discrimination(measure, unit, tuple(rate(one, confidence) for one in values), statistics, adjusted, note)


def spread(values: FloatArray, confidence: float) -> dict[str, Interval]:
    """The four statistics of the spread of encoder means, of values (n_encoders, n_targets, n_images).

    With V the coefficient of variation, K encoders and s the encoder means, Treves & Rolls 1991's sparseness
    1 - (mean |s|)^2 / mean(s^2) is 1 - 1 / (1 + V^2 (K - 1) / K), V that of |s|: 0 if all are alike.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return dict.fromkeys((VARIATION, VARIANCE, SPARSENESS, ICC), UNKNOWN)
    share = (len(values) - 1) / len(values)
    variation = coefficient_of_variation(values, confidence)
    signs = np.sign(values.mean(axis=(1, 2)))[:, np.newaxis, np.newaxis]
    of_sizes = coefficient_of_variation(values * signs, confidence)
    return {
        VARIATION: variation,
        VARIANCE: _transform(variation, lambda v: v**2),
        SPARSENESS: _transform(of_sizes, lambda v: 1 - 1 / (1 + v**2 * share)),
        ICC: intraclass(values, confidence),
    }


def coefficient_of_variation(values: FloatArray, confidence: float) -> Interval:
    """SD over encoders of the encoder means u over |their mean|; of values (n_encoders, n_targets, n_images).

    V^2 over the error variance of u / mean(u) is distributed as noncentral F; the interval holds V itself too.
    """
    means = values.mean(axis=(1, 2))
    if not means.mean():
        return UNKNOWN
    relative = means / means.mean()
    observed = float(relative.var(ddof=1))
    rest = (values - relative[:, np.newaxis, np.newaxis] * values.mean(axis=0)) / means.mean()
    error, freedom = (float(one) for one in split_variance(rest).pool().error())
    if not error:
        return Interval(observed**0.5, observed**0.5, observed**0.5)
    df = len(values) - 1
    tails = np.asarray([1 + confidence, 1 - confidence]) / 2
    ends = np.sqrt(special.ncfdtrinc(df, freedom, tails, observed / error) * error / df)
    return Interval(observed**0.5, float(min(ends[0], observed**0.5)), float(max(ends[1], observed**0.5)))


def intraclass(values: FloatArray, confidence: float) -> Interval:
    """ICC = between / (between + within), absolute agreement of single targets, ICC(A,1) of McGraw & Wong 1996.

    between = variance of encoder means less their error, within = mean variance over targets inside an encoder. For one
    image it is their two-way formula; several images add their error. Below 0 encoders differ less than chance lets
    them. Needs two targets.
    """
    n_encoders, n_targets = values.shape[:2]
    if n_targets < 2:
        return UNKNOWN
    table, df = values.mean(axis=2), n_encoders - 1
    observed = float(table.mean(axis=1).var(ddof=1))
    pooled = split_variance(values - values.mean(axis=0)).pool()
    error = float(pooled.error()[0])
    by_target, rest = n_encoders * float(table.mean(axis=0).var(ddof=1)), float(pooled.parts[0]) * n_targets
    within = (by_target + df * rest) / n_encoders
    if not within:
        return Interval(*[1.0 if observed else float("nan")] * 3)
    ratio = (observed - error) / within
    held = max(ratio, 0.0)
    parts = np.asarray(
        [held * by_target / n_encoders, rest * (held * df / n_encoders + 1 / n_targets), *pooled.parts[1:]]
    )
    spent = (parts**2 / np.maximum([n_targets - 1, *pooled.freedom], 1)).sum()
    freedom = (held * within + error) ** 2 / spent
    critical = special.fdtri(df, freedom, np.asarray([1 + confidence, 1 - confidence]) / 2)
    ends = (observed / critical - error) / within
    ends[1] = max(ends[1], 0.0)  # a variance between encoders is never below 0, only its estimate
    return _transform(Interval(ratio, *ends), lambda one: max(one, -0.5) / (1 + max(one, -0.5)))


def subtract(first: Interval, second: Interval) -> Interval:
    """The difference of two numbers from their intervals (Zou & Donner 2008, doi:10.1002/sim.3095)."""
    value = first.value - second.value
    low = value - np.hypot(first.value - first.low, second.high - second.value)
    high = value + np.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, float(low), float(high))


def _transform(interval: Interval, rule: Callable[[float], float]) -> Interval:
    """The same of a number that grows with it."""
    return Interval(*(float(rule(one)) for one in (interval.value, interval.low, interval.high)))
