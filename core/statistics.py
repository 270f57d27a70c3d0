"""Pearson r in bootstrap resamples, and intervals of what is resampled. Pure functions of arrays.

Everything that resamples images and correlates again does so here: encoders' scores, sweeps, measured responses.

Where a resample has no r (one image drawn over and over, or images that share one value) it is left out: 0 would pull
the interval towards 0, and the quotient of two rounding errors may be anything. Where more than half of the resamples
have none, the interval is not known: NaN. A variable that never varies over all images has r = 0 throughout, as in
`core.encoders.scores.correlate`: a constant prediction explains nothing. Nearly constant resamples are computed again
from deviations from their own means, so that r is right, and in [-1, 1], there too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from core.types import FloatArray, IntArray

Floats = npt.NDArray[np.float64]

NEARLY_CONSTANT = 1e-6
"""Variances of standardised values below this are computed again: weighted sums of squares have lost their digits."""

LEAST_KNOWN = 0.5
"""An interval needs this part of its resamples."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its percentile bootstrap interval."""

    value: float
    low: float
    high: float

    def describe(self, pattern: str = ".3g") -> str:
        """Text for tables: "0.41 [0.38, 0.44]"."""
        return f"{self.value:{pattern}} [{self.low:{pattern}}, {self.high:{pattern}}]"


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def mean_over_known(values: FloatArray, *, axis: int | tuple[int, ...]) -> Floats:
    """The mean of what is finite, such as of the repeats that were measured; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0).sum(axis=axis, dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0))


def count_draws(draws: IntArray, size: int) -> Floats:
    """How often each of `size` things was drawn: (n_resamples, size) of indices (n_resamples, n_draws)."""
    counts = np.zeros((len(draws), size))
    np.add.at(counts, (np.arange(len(draws))[:, np.newaxis], draws), 1.0)
    return counts


def correlate_resamples(first: FloatArray, second: FloatArray, counts: FloatArray) -> Floats:
    """Pearson r in every resample, (n_resamples, n_voxels), in [-1, 1]; NaN where a resample has none.

    `first`, `second` (n_images, n_voxels). `counts` (n_resamples, n_images): how often each image was drawn, or weights
    in proportion to that; none negative.
    """
    weights = counts / counts.sum(axis=1, keepdims=True)
    x, y = _standardise(first), _standardise(second)
    mean_x, mean_y = weights @ x, weights @ y
    var_x, var_y = weights @ x**2 - mean_x**2, weights @ y**2 - mean_y**2
    rough = (var_x < NEARLY_CONSTANT) | (var_y < NEARLY_CONSTANT)
    scale = np.sqrt(np.where(rough, 1.0, var_x * var_y))
    r = np.asarray((weights @ (x * y) - mean_x * mean_y) / scale)
    r[rough] = np.nan
    several = (counts > 0).sum(axis=1) > 1
    for row in np.flatnonzero(rough.any(axis=1) & several):
        drawn, voxels = counts[row] > 0, rough[row]
        r[row, voxels] = _correlate_drawn(x[drawn][:, voxels], y[drawn][:, voxels], weights[row, drawn])
    r[:, (x == 0).all(axis=0) | (y == 0).all(axis=0)] = 0.0
    return np.asarray(np.clip(r, -1.0, 1.0))


def _correlate_drawn(x: Floats, y: Floats, weights: Floats) -> Floats:
    """The same of one resample, (n_voxels,), from deviations from its own means."""
    deviations = []
    for values in (x, y):
        centred = values - weights @ values
        centred[:, (values == values[:1]).all(axis=0)] = 0.0  # whose mean may be off by rounding
        largest = np.abs(centred).max(axis=0)
        deviations.append(centred / np.where(largest > 0, largest, np.nan))
    one, two = deviations
    return np.asarray(weights @ (one * two) / np.sqrt((weights @ one**2) * (weights @ two**2)))


def percentiles(resampled: FloatArray, confidence: float) -> Floats:
    """Lower and upper end (2, ...) of a percentile interval (Efron & Tibshirani 1993) of resampled (n_resamples, ...).

    What is not finite is left out; NaN where less than `LEAST_KNOWN` of the resamples are.
    """
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    shape = np.shape(resampled)
    columns = np.asarray(resampled, dtype=np.float64).reshape(shape[0], math.prod(shape[1:]))
    known = np.isfinite(columns)
    whole = known.all(axis=0)
    ends = np.full((2, columns.shape[1]), np.nan)
    if len(columns):
        ends[:, whole] = np.quantile(columns[:, whole], tails, axis=0)
        for column in np.flatnonzero(~whole & (known.mean(axis=0) >= LEAST_KNOWN)):
            ends[:, column] = np.quantile(columns[known[:, column], column], tails)
    return ends.reshape(2, *shape[1:])


def interval_of(value: float, resampled: FloatArray, confidence: float) -> Interval:
    """A value with the percentile interval of its resamples (n_resamples,); see `percentiles`.

    Examples
    --------
    >>> interval_of(50.0, np.arange(101.0), confidence=0.9).describe()
    '50 [5, 95]'
    """
    low, high = percentiles(resampled, confidence)
    return Interval(float(value), float(low), float(high))


def interval_bc(value: float, resampled: FloatArray, n_items: int, *, confidence: float, bend: float = 0.0) -> Interval:
    """The bias-corrected interval (Efron 1981, doi:10.2307/3314608), with its acceleration `bend` BCa (Efron 1987).

    At the level that Hesterberg 2015 (doi:10.1080/00031305.2015.1089789) widens for n items: the tail a becomes
    Phi(sqrt(n / (n - 1)) t_(n - 1)(a)), since a sample's SD is too small. Resamples that are not finite are left out.
    """
    known = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or not known.size:
        return Interval(value, math.nan, math.nan)
    below = (np.mean(known < value) + np.mean(known <= value)) / 2
    bias = special.ndtri(np.clip(below, 1 / (known.size + 1), known.size / (known.size + 1)))
    reach = np.sqrt(n_items / (n_items - 1)) * special.stdtrit(n_items - 1, (1 + confidence) / 2)
    ends = bias + np.asarray([-reach, reach])
    low, high = np.quantile(known, special.ndtr(bias + ends / (1 - bend * ends)))
    return Interval(value, float(low), float(high))


def _standardise(values: FloatArray) -> Floats:
    """Values (n_images, n_voxels) at mean 0 and SD 1; all 0 where they never vary."""
    centred = values - values.mean(axis=0, dtype=np.float64)
    centred[:, (values == values[:1]).all(axis=0)] = 0.0
    spread = np.sqrt((centred**2).mean(axis=0))
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))
