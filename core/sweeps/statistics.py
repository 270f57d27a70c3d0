"""Means over crossed targets and images, pairs of encoders that differ, Holm's correction. Pure functions of arrays.

Every target meets every image, and both are drawn from many, so a mean over both has the variance

    V = V_targets + V_images - V_both, never below the larger of the first two,

of a two-way table without repeats, with the degrees of freedom of Satterthwaite 1946 (doi:10.2307/3002019). Below
`LEAST_FOR_SATTERTHWAITE` targets or images that approximation is liberal (levels of .15 at 2 x 8, .07 at 4 x 8): there
the smaller number less one is taken. One target, or image, is taken as it is: all variance is then the other's.
`tests/benchmarks/bench_statistics.py` prints the levels and coverages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from core.checks import refusal
from core.seeds import make_stream
from core.statistics import UNKNOWN as UNKNOWN
from core.statistics import Interval as Interval
from core.statistics import count_draws as count_draws
from core.statistics import interval_bc
from core.statistics import mean_over_known as mean_over_known
from core.types import BoolArray, FloatArray, IntArray

LEAST_FOR_SATTERTHWAITE = 6
LARGEST_T = 10.0
"""Standard errors that a difference may have to exceed; where it takes more, there are too few targets or images."""


@dataclass(frozen=True, slots=True, eq=False)
class Variances:
    """Variances of a mean over targets and images, (3, ...): due to targets, to images, to both; degrees of freedom."""

    parts: FloatArray
    freedom: FloatArray

    def error(self) -> tuple[FloatArray, FloatArray]:
        """Variance of the mean and its degrees of freedom, both (...); NaN where neither varies."""
        error = np.maximum(self.parts[0] + self.parts[1] - self.parts[2], self.parts[:2].max(axis=0))
        spent = (self.parts**2 / np.maximum(self.freedom, 1)).sum(axis=0)
        freedom = np.divide(error**2, spent, out=np.ones_like(error), where=spent > 0)
        return error, freedom

    def pool(self) -> Variances:
        """Those of encoders' (last axis) deviations from their mean; unequal variances cost degrees of freedom."""
        n_encoders = self.parts.shape[-1]
        total, squares = self.parts.sum(axis=-1), (self.parts**2).sum(axis=-1)
        alike = np.divide(total**2, squares, out=np.ones_like(total), where=squares > 0) / n_encoders
        return Variances(total / (n_encoders - 1), self.freedom[..., 0] * alike * (n_encoders - 1))


def split_variance(values: FloatArray) -> Variances:
    """The variances of the mean of values (..., n_targets, n_images)."""
    n_targets, n_images = values.shape[-2:]
    by_target, by_image = values.mean(axis=-1), values.mean(axis=-2)
    mean = by_target.mean(axis=-1)
    rest = values - by_target[..., np.newaxis] - by_image[..., np.newaxis, :] + mean[..., np.newaxis, np.newaxis]
    freedom = np.asarray([n_targets - 1, n_images - 1, (n_targets - 1) * (n_images - 1)], dtype=np.float64)
    squares = (
        ((by_target - mean[..., np.newaxis]) ** 2).sum(axis=-1) / n_targets,
        ((by_image - mean[..., np.newaxis]) ** 2).sum(axis=-1) / n_images,
        (rest**2).sum(axis=(-2, -1)) / (n_targets * n_images),
    )
    shaped = freedom.reshape(3, *[1] * mean.ndim)
    if not freedom.any():
        return Variances(np.full((3, *mean.shape), np.nan), shaped)
    return Variances(np.stack(squares) / np.maximum(shaped, 1), np.broadcast_to(shaped, (3, *mean.shape)))


def find_error(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Standard error of the mean of values (..., n_targets, n_images) and its degrees of freedom."""
    error, freedom = split_variance(values).error()
    fewest = min(size for size in (*values.shape[-2:], np.inf) if size > 1)
    freedom = np.full_like(freedom, fewest - 1) if fewest < LEAST_FOR_SATTERTHWAITE else np.maximum(freedom, fewest - 1)
    return np.sqrt(error), freedom


def interval_by_t(
    value: float, error: float, freedom: float, confidence: float, *, least: float = -np.inf, most: float = np.inf
) -> Interval:
    """value +- t error, cut where values end."""
    reach = error * float(special.stdtrit(freedom, (1 + confidence) / 2))
    return Interval(value, float(np.maximum(value - reach, least)), float(np.minimum(value + reach, most)))


def interval_of_mean(
    values: FloatArray, confidence: float, *, least: float = -np.inf, most: float = np.inf
) -> Interval:
    """The mean of what is known of values (n_targets, n_images); its interval is unknown where any of them is.

    Examples
    --------
    >>> interval_of_mean(np.asarray([[1.0, 2.0, 3.0]]), 0.95).describe(".2f")  # one target: 2 +- 4.30 x 1 / sqrt(3)
    '2.00 [-0.48, 4.48]'
    """
    error, freedom = find_error(values)
    mean = float(mean_over_known(values, axis=(0, 1)))
    return interval_by_t(mean, float(error), float(freedom), confidence, least=least, most=most)


def interval_of_ratio(above: FloatArray, below: FloatArray, confidence: float) -> FloatArray:
    """mean(above) / mean(below) over targets and images (..., n_targets, n_images): (3, ...), value, low, high.

    The error is that of (above - ratio below) / mean(below). NaN where that mean is 0.
    """
    mean = np.asarray(below.mean(axis=(-2, -1)))
    mean = np.where(mean != 0, mean, np.nan)
    ratio = above.mean(axis=(-2, -1)) / mean
    error, freedom = find_error(above - ratio[..., np.newaxis, np.newaxis] * below)
    reach = error / np.abs(mean) * special.stdtrit(freedom, (1 + confidence) / 2)
    return np.stack([ratio, ratio - reach, ratio + reach])


def holm(p: FloatArray) -> FloatArray:
    """Holm's adjusted p values of p (n,): max over j <= i of min(1, (n - j + 1) p_(j)), in the given order.

    NaN are no tests and stay. Holm 1979, Scandinavian Journal of Statistics 6:65-70.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    given = np.asarray(p, dtype=np.float64)
    order = np.argsort(given, kind="stable")[: np.isfinite(given).sum()]
    adjusted = np.full(len(given), np.nan)
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * given[order]), 1.0)
    return adjusted


def compare_pairs(values: FloatArray, *, level: float) -> tuple[FloatArray, BoolArray]:
    """Which encoders differ, by a t test of each pair's differences over the same targets and images.

    `values` (n_encoders, n_targets, n_images): an encoder with anything unknown differs from none.

    Returns Holm-adjusted p and whether it is below `level`, both (n_pairs,), pairs as in `numpy.triu_indices`.
    """
    first, second = np.triu_indices(len(values), k=1)
    difference = values[first] - values[second]
    error, freedom = find_error(difference)
    size = np.abs(difference.mean(axis=(1, 2)))
    t = np.divide(size, error, out=np.where(size > 0, np.inf, 0.0), where=error > 0)
    adjusted = holm(np.where(np.isfinite(error), 2 * special.stdtr(freedom, -t), 1.0))
    return adjusted, adjusted < level


def explain_too_few(n_encoders: int, n_targets: int, n_images: int, *, level: float) -> str:
    """Why no pair can be told apart after Holm's correction, with the number it takes; "" where pairs can."""
    n_pairs = max(n_encoders * (n_encoders - 1) // 2, 1)

    def needed(count: int) -> float:
        return float(special.stdtrit(count - 1, 1 - level / (2 * n_pairs)))

    fewest, what = min(
        (count, what) for count, what in ((n_targets, "targets"), (n_images, "images"), (10**6, "")) if count > 1
    )
    if needed(fewest) <= LARGEST_T:
        return ""
    enough = next(count for count in range(fewest, 10**6) if needed(count) <= LARGEST_T)
    return (
        f"{fewest} {what} are too few to compare {n_pairs} pairs: one would have to differ by {needed(fewest):.0f} "
        f"standard errors. Take at least {enough} targets and images."
    )


def draw_resamples(n_images: int, n_targets: int, *, count: int, seed: int) -> tuple[IntArray, IntArray]:
    """Draw images and targets with replacement, independently of each other, the same for the same seed.

    Returns the indices of images (count, n_images) and of targets (count, n_targets).
    """
    stream = make_stream(seed, "bootstrap", n_images, n_targets)
    return stream.integers(0, n_images, (count, n_images)), stream.integers(0, n_targets, (count, n_targets))


def interval_of_rows(values: FloatArray, n_items: int, confidence: float) -> Interval:
    """The bias-corrected interval of a statistic as it is, then in every resample: (1 + n_resamples,).

    `n_items`: the fewer of the things resampled. Rank correlations of few candidates need it: plain percentile
    intervals lean towards 0, and basic ones cover .7 to .8.
    """
    drawn = values[1:]
    if n_items < 2 or np.isfinite(drawn).sum() < len(drawn) / 2:
        return Interval(float(values[0]), float("nan"), float("nan"))
    return interval_bc(float(values[0]), drawn, n_items, confidence=confidence)


def correlate_pairs(first: FloatArray, second: FloatArray) -> float:
    """Pearson r of two vectors; NaN where fewer than three pairs are finite or one never varies."""
    if np.shape(first) != np.shape(second):
        raise refusal("second", allowed=f"of shape {np.shape(first)}", got=np.shape(second))
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return float("nan")
    return float(np.corrcoef(first[known], second[known])[0, 1])
