"""Lasso and elastic net of many voxels at once, by coordinate descent on the Gram matrix.

    minimise 1/(2n) ||Y - X W - 1 b||^2 + sum_v alpha_v (q ||w_v||_1 + (1 - q)/2 ||w_v||_2^2),   q the share of l1

The iterates are those of cyclic coordinate descent (Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01),
every coordinate of all voxels together; the gradient of a block of coordinates is one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.progress import ShouldStop, check_stop, never_stop
from core.types import FloatArray

BLOCK = 64
"""Coordinates whose gradient is computed by one product."""
TOLERANCE = 1e-7
"""A voxel is done once no weight moves its prediction's SD by more than this part of the response's SD in a sweep."""
MOST_SWEEPS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class SparseBasis:
    """Centred features prepared for any number of voxels: mean (k,), centred (n_images, k), gram (k, k) = X^T X / n."""

    mean: FloatArray
    centred: FloatArray
    gram: FloatArray


def prepare_sparse(features: FloatArray) -> SparseBasis:
    """Centre features (n_images, k) and form their Gram matrix, in float64."""
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    return SparseBasis(mean, centred, centred.T @ centred / len(features))


def correlate_with(basis: SparseBasis, responses: FloatArray) -> FloatArray:
    """X^T Y / n of centred features and responses (n_images, n_voxels): (k, n_voxels)."""
    return np.asarray(basis.centred.T @ (responses - responses.mean(axis=0, dtype=np.float64)) / len(responses))


def silencing_alpha(correlation: FloatArray, l1_share: float) -> FloatArray:
    """The smallest penalty at which every weight of a voxel is 0, (n_voxels,): max |X^T y| / (n q)."""
    return np.asarray(np.abs(correlation).max(axis=0) / l1_share)


def descend(
    basis: SparseBasis,
    correlation: FloatArray,
    alphas: FloatArray,
    *,
    l1_share: float,
    scale: FloatArray,
    start: FloatArray | None = None,
    tolerance: float = TOLERANCE,
    should_stop: ShouldStop = never_stop,
) -> FloatArray:
    """Weights (k, n_voxels) of the minimum.

    Parameters
    ----------
    correlation : (k, n_voxels). From `correlate_with`.
    alphas : (n_voxels,)
    l1_share : q, in (0, 1].
    scale : (n_voxels,). SD of the responses, the unit of `tolerance`.
    start : (k, n_voxels), optional. Weights to start from, such as those of a larger penalty.

    Raises Cancelled as soon as `should_stop()` is true, between two sweeps.
    """
    weights = np.zeros_like(correlation) if start is None else start.copy()
    active = np.flatnonzero((scale > 0) & (alphas < silencing_alpha(correlation, l1_share)))
    weights[:, np.setdiff1d(np.arange(weights.shape[1]), active)] = 0.0
    for _ in range(MOST_SWEEPS):
        if not active.size:
            break
        check_stop(should_stop)
        part = np.ascontiguousarray(weights[:, active])
        moved = _sweep(basis.gram, correlation[:, active], part, alphas=alphas[active], l1_share=l1_share)
        weights[:, active] = part
        active = active[moved > tolerance * scale[active]]
    return weights


def _sweep(
    gram: FloatArray, correlation: FloatArray, weights: FloatArray, *, alphas: FloatArray, l1_share: float
) -> FloatArray:
    """Move every coordinate of weights (k, n_voxels) once, in place; the largest move of each voxel, in responses."""
    threshold, shrinkage = alphas * l1_share, alphas * (1 - l1_share)
    largest = np.zeros(weights.shape[1])
    for first in range(0, len(gram), BLOCK):
        block = slice(first, first + BLOCK)
        residual = correlation[block] - gram[block] @ weights
        for row in range(len(residual)):
            number = first + row
            curvature = gram[number, number]
            if curvature <= 0:
                continue
            old = weights[number]
            slope = residual[row] + curvature * old
            new = np.sign(slope) * np.maximum(np.abs(slope) - threshold, 0.0) / (curvature + shrinkage)
            change = new - old
            if not change.any():
                continue
            residual[row + 1 :] -= gram[number, first + row + 1 : first + BLOCK][:, np.newaxis] * change
            weights[number] = new
            np.maximum(largest, np.abs(change) * np.sqrt(curvature), out=largest)
    return largest
