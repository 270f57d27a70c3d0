"""Bootstrap intervals of Pearson r over images, all voxels and resamples by matrix products. Never refits.

The percentile interval (Efron & Tibshirani 1993): images are drawn with replacement, r is computed again from weighted
sums. The encoder stays as it is, so the interval holds for other held-out images, not for other training images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.scores import divide_or_zero, spread_of
from core.errors import Cancelled
from core.progress import ShouldStop, never_stop
from core.seeds import make_stream
from core.types import FloatArray, IntArray

VOXELS_AT_ONCE = 512
SMALLEST_SCALE = 1e-9
"""Below it a resample of standardised values is constant but for rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """low and high (n_voxels,) of r; `medians` (n_groups, 2) the interval of the median r of each group of voxels."""

    low: FloatArray
    high: FloatArray
    medians: FloatArray


def draw_counts(n_images: int, n_bootstrap: int, *, seed: int) -> FloatArray:
    """How often each image is drawn in each resample, (n_bootstrap, n_images) float64."""
    stream = make_stream(seed, "bootstrap", n_images)
    drawn = stream.integers(0, n_images, size=(n_bootstrap, n_images))
    counts = np.zeros((n_bootstrap, n_images))
    np.add.at(counts, (np.arange(n_bootstrap)[:, np.newaxis], drawn), 1.0)
    return counts


def resample_r(predicted: FloatArray, measured: FloatArray, counts: FloatArray) -> FloatArray:
    """Pearson r in every resample, (n_bootstrap, n_voxels); 0 where either is constant.

    Parameters
    ----------
    predicted, measured : (n_images, n_voxels)
    counts : (n_bootstrap, n_images)
        From `draw_counts`.
    """
    n_images = len(predicted)
    # Centred and scaled first: weighted sums of squares of numbers far from zero would lose their digits.
    first, second = (_standardise(values) for values in (predicted, measured))
    means = [counts @ values / n_images for values in (first, second)]
    variances = [counts @ values**2 / n_images - mean**2 for values, mean in zip((first, second), means, strict=True)]
    covariance = counts @ (first * second) / n_images - means[0] * means[1]
    scale = np.sqrt(np.maximum(variances[0], 0) * np.maximum(variances[1], 0))
    scale[scale < SMALLEST_SCALE] = 0.0
    return np.clip(divide_or_zero(covariance, scale), -1.0, 1.0)


def bootstrap_intervals(
    predicted: FloatArray,
    measured: FloatArray,
    groups: Sequence[IntArray],
    *,
    rows: IntArray | None = None,
    n_bootstrap: int,
    confidence: float,
    seed: int,
    should_stop: ShouldStop = never_stop,
) -> Intervals:
    """Intervals of every voxel's r and of the median r of groups of voxels, over the same resamples.

    Parameters
    ----------
    predicted, measured : (n_images, n_voxels)
    groups : sequence of voxel indices
    rows : row indices of `measured` that were predicted; all by default
    n_bootstrap : int
    confidence : float
    seed : int
    should_stop : callable

    Raises
    ------
    Cancelled
        As soon as `should_stop()` is true, between two batches of voxels.
    """
    counts = draw_counts(len(predicted), n_bootstrap, seed=seed)
    n_voxels, tails = predicted.shape[1], (0.5 - confidence / 2, 0.5 + confidence / 2)
    resampled = np.empty((n_bootstrap, n_voxels), dtype=np.float32)
    bounds = np.empty((2, n_voxels))
    for start in range(0, n_voxels, VOXELS_AT_ONCE):
        if should_stop():
            raise Cancelled
        voxels = slice(start, start + VOXELS_AT_ONCE)
        truth = np.asarray(measured[:, voxels])
        r = resample_r(predicted[:, voxels], truth if rows is None else truth[rows], counts)
        resampled[:, voxels], bounds[:, voxels] = r, np.quantile(r, tails, axis=0)
    medians = [np.quantile(np.median(resampled[:, group], axis=1), tails) for group in groups]
    return Intervals(bounds[0], bounds[1], np.asarray(medians).reshape(len(groups), 2))


def _standardise(values: FloatArray) -> FloatArray:
    centred = values - values.mean(axis=0, dtype=np.float64)
    spread = spread_of(values)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))
