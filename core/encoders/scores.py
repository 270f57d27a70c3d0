"""How well predictions match held-out responses: r, r2, r2 over the noise ceiling, by voxel and ROI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.encoders.card import EncoderCard
from core.types import BoolArray, FloatArray, IntArray, VoxelTable

LEAST_CEILING = 0.05
"""Below this noise ceiling r2 / ceiling is not given: chance alone (r2 about 1 / n_images) would reach large values."""

VOXELS_AT_ONCE = 1024

NO_ROI = "(none)"
"""How the summary names the voxels outside every ROI."""


@dataclass(frozen=True, slots=True)
class RoiScore:
    """Held-out scores of one ROI: the median and quartiles of r, and the median of r2 / noise ceiling (NaN if none)."""

    roi: str
    n_voxels: int
    r_median: float
    r_q25: float
    r_q75: float
    r2_ceiling_median: float
    noise_ceiling_median: float


def correlate(predicted: FloatArray, measured: FloatArray, rows: IntArray | None = None) -> FloatArray:
    """Pearson r of each voxel over images, (n_voxels,) float64; 0 where either is constant.

    Parameters
    ----------
    predicted, measured : (n_images, n_voxels)
        Measured responses are read a batch of voxels at a time, so a memory map is welcome.
    rows : row indices of `measured` that were predicted; all by default

    Examples
    --------
    >>> predicted = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> measured = np.array([[2.0, 3.0], [4.0, 2.0], [6.0, 1.0]])
    >>> correlate(predicted, measured)
    array([ 1., -1.])
    """
    r = np.empty(predicted.shape[1])
    for start in range(0, len(r), VOXELS_AT_ONCE):
        voxels = slice(start, start + VOXELS_AT_ONCE)
        told, truth = predicted[:, voxels], np.asarray(measured[:, voxels])
        truth = truth if rows is None else truth[rows]
        first = told - told.mean(axis=0, dtype=np.float64)
        second = truth - truth.mean(axis=0, dtype=np.float64)
        scale = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
        scale[is_constant(told) | is_constant(truth)] = 0.0
        r[voxels] = divide_or_zero((first * second).sum(axis=0), scale)
    return r


def is_constant(values: FloatArray) -> BoolArray:
    """Whether each voxel of values (n_images, n_voxels) never varies: its mean may be off by rounding, it is not."""
    return np.asarray((values == values[:1]).all(axis=0))


def spread_of(values: FloatArray) -> FloatArray:
    """SD of each voxel over images, (n_voxels,) float64; exactly 0 where it never varies."""
    spread = values.std(axis=0, dtype=np.float64)
    spread[is_constant(values)] = 0.0
    return np.asarray(spread)


def divide_or_zero(product: FloatArray, scale: FloatArray) -> FloatArray:
    """product / scale, 0 where the scale is 0. Both (n_voxels,)."""
    return np.asarray(np.divide(product, scale, out=np.zeros_like(product), where=scale > 0))


def explained(r: FloatArray) -> FloatArray:
    """r2 of each voxel: r squared, and 0 where r is negative (a prediction that is inverted explains nothing)."""
    return np.asarray(np.maximum(r, 0.0) ** 2)


def over_ceiling(r2: FloatArray, noise_ceiling: FloatArray) -> FloatArray:
    """r2 / noise ceiling, NaN where the ceiling is below `LEAST_CEILING`. Both (n_voxels,)."""
    empty = np.full_like(r2, np.nan)
    return np.asarray(np.divide(r2, noise_ceiling, out=empty, where=noise_ceiling >= LEAST_CEILING))


def rate(r: FloatArray, noise_ceiling: FloatArray) -> dict[str, Any]:
    """r (n_voxels,) with its r2 and r2 / noise ceiling, by name, as a card holds them."""
    r2 = explained(r)
    scores = {"r": r, "r2": r2, "r2_ceiling": over_ceiling(r2, noise_ceiling)}
    return {name: np.asarray(values, dtype=np.float32) for name, values in scores.items()}


def summarise_by_roi(card: EncoderCard, voxels: VoxelTable) -> tuple[RoiScore, ...]:
    """The scores of every ROI, in the order of the voxel table; voxels outside every ROI last."""
    rois = np.asarray([name or NO_ROI for name in voxels.roi])
    scores = []
    for name in [*voxels.roi_names, *([NO_ROI] if NO_ROI in rois else [])]:
        chosen = np.flatnonzero(rois == name)
        low, median, high = _quantiles(card.r[chosen], (0.25, 0.5, 0.75))
        shares = (_quantiles(values[chosen], (0.5,))[0] for values in (card.r2_ceiling, card.noise_ceiling))
        scores.append(RoiScore(name, len(chosen), median, low, high, *shares))
    return tuple(scores)


def _quantiles(values: FloatArray, shares: tuple[float, ...]) -> list[float]:
    """Quantiles of what is finite; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return [float(part) for part in np.quantile(known, shares)] if known.size else [float("nan")] * len(shares)
