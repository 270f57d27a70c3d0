"""Bootstrap intervals over images and targets, Holm's correction, pairwise comparison. Pure functions of arrays.

Efron & Tibshirani 1993; Holm 1979, Scandinavian Journal of Statistics 6:65-70.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.checks import refusal
from core.seeds import make_stream
from core.statistics import LEAST_KNOWN
from core.statistics import Interval as Interval
from core.statistics import count_draws as count_draws
from core.statistics import interval_of as interval_of
from core.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Resamples:
    """Indices drawn with replacement: images (n_resamples, n_images) and targets (n_resamples, n_targets)."""

    images: IntArray
    targets: IntArray

    def __len__(self) -> int:
        return len(self.images)


def draw_resamples(n_images: int, n_targets: int, *, count: int, seed: int) -> Resamples:
    """Draw images and targets independently of each other, the same for the same seed."""
    stream = make_stream(seed, "bootstrap", n_images, n_targets)
    return Resamples(stream.integers(0, n_images, (count, n_images)), stream.integers(0, n_targets, (count, n_targets)))


def resample_means(values: FloatArray, resamples: Resamples) -> FloatArray:
    """The mean of values (..., n_targets, n_images) in every resample: (n_resamples, ...).

    Counts stand in for the drawn copies: mean = u^T V w / (n_targets n_images), u and w how often each was drawn.
    """
    n_targets, n_images = values.shape[-2:]
    of_images, of_targets = count_draws(resamples.images, n_images), count_draws(resamples.targets, n_targets)
    inner = np.asarray(values) @ of_images.T / n_images
    return np.asarray(np.einsum("...tb,bt->b...", inner, of_targets) / n_targets)


def interval_of_rows(values: FloatArray, confidence: float) -> Interval:
    """The interval of a statistic as it is, then in every resample: (1 + n_resamples,)."""
    return interval_of(float(values[0]), values[1:], confidence)


def bootstrap(
    statistic: Callable[[FloatArray], float], values: FloatArray, *, count: int, confidence: float, seed: int
) -> Interval:
    """The interval of any statistic over the last axis of values (..., n_items).

    Examples
    --------
    >>> bootstrap(np.mean, np.full(5, 2.0), count=100, confidence=0.95, seed=0)
    Interval(value=2.0, low=2.0, high=2.0)
    """
    draws = make_stream(seed, "bootstrap", values.shape[-1]).integers(0, values.shape[-1], (count, values.shape[-1]))
    resampled = np.asarray([statistic(values[..., draw]) for draw in draws])
    return interval_of(statistic(values), resampled, confidence)


def holm(p: FloatArray) -> FloatArray:
    """Holm's adjusted p values of p (n,): max over j <= i of min(1, (n - j + 1) p_(j)), in the given order.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * np.asarray(p)[order]), 1.0)
    return adjusted


def compare_pairs(resampled: FloatArray, *, level: float) -> tuple[FloatArray, BoolArray]:
    """Which encoders differ, from their statistic in the same resamples (n_resamples, n_encoders).

    p = 2 (min(#(d <= 0), #(d >= 0)) + 1) / (n + 1), at most 1, d the difference of a pair in one resample: paired,
    since both members see the same images and targets; n the resamples where it is known, p = 1 where these are few.

    Returns
    -------
    Holm-adjusted p and whether it is below `level`, both (n_pairs,), pairs as in `numpy.triu_indices`.
    """
    first, second = np.triu_indices(resampled.shape[1], k=1)
    difference = resampled[:, first] - resampled[:, second]
    tail = np.minimum((difference <= 0).sum(axis=0), (difference >= 0).sum(axis=0))
    known = np.isfinite(difference).sum(axis=0)
    p = np.minimum(2 * (tail + 1) / (known + 1), 1.0)
    p[known < LEAST_KNOWN * len(resampled)] = 1.0  # a statistic that is unknown differs from none
    adjusted = holm(p)
    return adjusted, adjusted < level


def count_for_pairs(n_encoders: int, wanted: int, *, level: float = 0.05) -> int:
    """Resamples enough for the smallest p to survive Holm's correction over all pairs, and at least `wanted`."""
    n_pairs = n_encoders * (n_encoders - 1) // 2
    return max(wanted, int(np.ceil(2 * n_pairs / level)))


def correlate_pairs(first: FloatArray, second: FloatArray) -> float:
    """Pearson r of two vectors; NaN where fewer than three pairs are finite or one never varies."""
    if np.shape(first) != np.shape(second):
        raise refusal("second", allowed=f"of shape {np.shape(first)}", got=np.shape(second))
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3 or np.ptp(first[known]) == 0 or np.ptp(second[known]) == 0:
        return float("nan")
    return float(np.corrcoef(first[known], second[known])[0, 1])
