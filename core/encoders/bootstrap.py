"""Bootstrap intervals of Pearson r over images, all voxels and resamples by matrix products. Never refits.

The percentile interval (Efron & Tibshirani 1993): images are drawn with replacement, r is computed again from weighted
sums. The encoder stays as it is, so the interval holds for other held-out images, not for other training images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import Cancelled
from core.progress import ShouldStop, never_stop
from core.seeds import make_stream
from core.statistics import correlate_resamples, count_draws, percentiles
from core.types import FloatArray, IntArray

VOXELS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """low and high (n_voxels,) of r; `medians` (n_groups, 2) the interval of the median r of each group of voxels.

    NaN where too few resamples have an r, as with two or three images.
    """

    low: FloatArray
    high: FloatArray
    medians: FloatArray


def draw_counts(n_images: int, n_bootstrap: int, *, seed: int) -> FloatArray:
    """How often each image is drawn in each resample, (n_bootstrap, n_images) float64."""
    stream = make_stream(seed, "bootstrap", n_images)
    return count_draws(stream.integers(0, n_images, size=(n_bootstrap, n_images)), n_images)


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
    confidence : float

    Raises
    ------
    Cancelled
        As soon as `should_stop()` is true, between two batches of voxels.
    """
    counts = draw_counts(len(predicted), n_bootstrap, seed=seed)
    n_voxels = predicted.shape[1]
    resampled = np.empty((n_bootstrap, n_voxels), dtype=np.float32)
    bounds = np.empty((2, n_voxels))
    for start in range(0, n_voxels, VOXELS_AT_ONCE):
        if should_stop():
            raise Cancelled
        voxels = slice(start, start + VOXELS_AT_ONCE)
        truth = np.asarray(measured[:, voxels])
        r = correlate_resamples(predicted[:, voxels], truth if rows is None else truth[rows], counts)
        resampled[:, voxels], bounds[:, voxels] = r, percentiles(r, confidence)
    medians = [percentiles(_medians(resampled[:, group]), confidence) for group in groups]
    return Intervals(bounds[0], bounds[1], np.asarray(medians).reshape(len(groups), 2))


def _medians(r: FloatArray) -> FloatArray:
    """The median over voxels of the r that are known, (n_bootstrap,); NaN where none is."""
    if not np.isnan(r).any():
        return np.asarray(np.median(r, axis=1))
    some = ~np.isnan(r).all(axis=1)
    found = np.full(len(r), np.nan)
    found[some] = np.nanmedian(r[some], axis=1)
    return found
