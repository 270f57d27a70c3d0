"""Ridge regression with a penalty per voxel, by one eigendecomposition, and the reduction of features before it.

    minimise ||Y - X W - 1 b||^2 + sum_v alpha_v ||w_v||^2

The smaller of X^T X (primal) and X X^T (dual) is decomposed, in float64; one decomposition then serves every penalty
and every voxel (Hastie & Tibshirani 2004, doi:10.1093/biostatistics/kxh010). Principal components come from the same
decomposition up to `EXACT_SIDE` images or features, beyond from block iteration, which never forms a Gram matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.encoders.card import FloatMatrix, FloatVector
from core.types import FloatArray

NULL_EIGENVALUE = 1e-12
"""Eigenvalues under this part of the largest are rounding noise and are dropped."""


@dataclass(frozen=True, slots=True)
class RidgeBasis:
    """Centred features decomposed once: features - mean = left diag(sqrt(eigenvalues)) axes^T.

    mean (n_features,), axes (n_features, k) orthonormal, eigenvalues (k,) above 0, left (n_images, k) orthonormal.
    """

    mean: FloatArray
    axes: FloatArray
    eigenvalues: FloatArray
    left: FloatArray


def decompose(features: FloatArray, *, n_kept: int = 0, wants_left: bool = True) -> RidgeBasis:
    """Decompose features (n_images, n_features) through the smaller of their two Gram matrices.

    Parameters
    ----------
    features : (n_images, n_features)
    n_kept : At most so many leading axes; 0 for all.
    wants_left : Whether `left` is needed; without it, it has no columns.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    kept = slice(None, n_kept or None)
    if centred.shape[0] < centred.shape[1]:
        eigenvalues, left = decompose_gram(centred @ centred.T)
        eigenvalues, left = eigenvalues[kept], left[:, kept]
        return RidgeBasis(mean, centred.T @ left / np.sqrt(eigenvalues), eigenvalues, left)
    eigenvalues, axes = decompose_gram(centred.T @ centred)
    eigenvalues, axes = eigenvalues[kept], axes[:, kept]
    left = centred @ axes / np.sqrt(eigenvalues) if wants_left else np.empty((len(features), 0))
    return RidgeBasis(mean, axes, eigenvalues, left)


def shrink(basis: RidgeBasis, aligned: FloatArray, alphas: FloatArray) -> FloatArray:
    """The ridge weights along `basis.axes`, (k, n_voxels).

    `aligned` (k, n_voxels): the centred responses along `basis.left`: left^T (Y - mean). `alphas` (n_voxels,) or ().
    """
    root = np.sqrt(basis.eigenvalues)[:, np.newaxis]
    return np.asarray(root / (root**2 + alphas) * aligned)


def solve_with(basis: RidgeBasis, responses: FloatArray, alphas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights (n_features, n_voxels) and intercept (n_voxels,), float64, the intercept not penalised.

    Parameters
    ----------
    basis : Of features (n_images, n_features), from `decompose`.
    responses : (n_images, n_voxels)
    alphas : (n_voxels,). Above 0.

    Examples
    --------
    >>> features, responses = np.array([[-1.0], [1.0]]), np.array([[-3.0], [5.0]])
    >>> weights, intercept = solve_with(decompose(features), responses, alphas=np.array([2.0]))
    >>> weights.round(6), intercept.round(6)  # 8 / (2 + alpha), and the mean response
    (array([[2.]]), array([1.]))
    """
    mean_response = responses.mean(axis=0, dtype=np.float64)
    weights = basis.axes @ shrink(basis, basis.left.T @ (responses - mean_response), alphas)
    return weights, mean_response - basis.mean @ weights


def round_basis(basis: RidgeBasis, dtype: type[np.floating[Any]]) -> RidgeBasis:
    """The same decomposition in another precision: half the memory and time of large problems."""
    names = ("mean", "axes", "eigenvalues", "left")
    return RidgeBasis(*(getattr(basis, name).astype(dtype, copy=False) for name in names))


def decompose_gram(gram: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues above rounding noise, descending, and their vectors as columns."""
    eigenvalues, vectors = np.linalg.eigh(gram)
    kept = np.flatnonzero(eigenvalues > NULL_EIGENVALUE * max(eigenvalues[-1], 0.0))[::-1]
    return eigenvalues[kept], vectors[:, kept]


EXACT_SIDE = 3000
"""An eigendecomposition of this side takes seconds; its time grows with the third power."""
COLUMNS_AT_ONCE = 512
ROWS_AT_ONCE = 1024
OVERSAMPLING = 24
"""Axes carried beyond those wanted: they take the error of the last wanted ones."""
MOST_PASSES = 16
ENOUGH = 1e-6
"""Passes end once the captured variance grows by less than this part of itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Reducer:
    """reduced = (features - mean) @ components, or (features - mean) * factors.

    mean (n_features,), components (n_features, rank) or None for the identity, both float32. Reduced features divided
    by `scale` have a mean variance of 1; with components it is 1, they hold it already, and the factors (n_features,).
    """

    mean: FloatVector
    components: FloatMatrix | None
    scale: float = 1.0
    factors: FloatVector | None = None

    def apply(self, features: FloatArray) -> FloatArray:
        """Reduce features (n_images, n_features) to (n_images, rank), with the numbers the encoder will use."""
        centred = features - self.mean
        if self.components is not None:
            return np.asarray(centred @ self.components)
        return centred if self.factors is None else centred * self.factors


def balance(features: FloatArray, widths: Sequence[int]) -> FloatVector:
    """Factors (n_features,) that give each block of so many columns the total variance 1; 0 for a constant one."""
    total = [part.var(axis=0, dtype=np.float64).sum() for part in np.split(features, np.cumsum(widths)[:-1], axis=1)]
    return np.repeat([1 / np.sqrt(one) if one > 0 else 0.0 for one in total], widths).astype(np.float32)


def fit_reducer(features: FloatArray, n_components: int) -> Reducer:
    """Principal components of centred features, unwhitened, on one common scale.

    reduced = (features - mean) V / g,  V the leading principal axes, g so that the mean variance of the reduced
    features is 1. Ridge on all components equals ridge on the features; the common scale only sets the penalty's unit.

    Features are not z-scored: on measured responses that predicted no better, and far worse for images unlike the
    training images, where z-scoring blows up features that hardly vary among the latter.

    `features` (n_images, n_features): of training images only. `n_components`: at most so many; 0 keeps all that the
    images span.
    """
    if n_components and min(features.shape) > max(EXACT_SIDE, n_components):
        mean, axes, eigenvalues = find_leading_axes(features, n_components)
    else:
        basis = decompose(features, n_kept=n_components, wants_left=False)
        mean, axes, eigenvalues = basis.mean, basis.axes, basis.eigenvalues
    scale = np.sqrt(eigenvalues.mean() / len(features))
    # The largest entry of each axis is positive, so that the same data always give the same components.
    largest = np.abs(axes).argmax(axis=0)
    components = axes * np.sign(axes[largest, np.arange(axes.shape[1])]) / scale
    return Reducer(mean.astype(np.float32), np.ascontiguousarray(components, dtype=np.float32))


def centre_only(features: FloatArray) -> Reducer:
    """The reducer that keeps every feature, with the scale that gives them a mean variance of 1."""
    mean = features.mean(axis=0, dtype=np.float64)
    blocks = range(0, features.shape[1], COLUMNS_AT_ONCE)
    total = sum(features[:, start : start + COLUMNS_AT_ONCE].var(axis=0, dtype=np.float64).sum() for start in blocks)
    scale = float(np.sqrt(total / features.shape[1])) or 1.0
    return Reducer(mean.astype(np.float32), None, scale)


def find_leading_axes(features: FloatArray, n_axes: int, *, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean (n_features,), orthonormal axes (n_features, n_axes), eigenvalues (n_axes,) of the centred Gram matrix.

    Block subspace iteration (Halko, Martinsson & Tropp 2011, doi:10.1137/090771806): float32 inside, float64 where it
    matters; memory beyond the features is one block of rows and two thin matrices. Seeded, so that a fit repeats.

    `features` (n_images, n_features): read in blocks of rows; never copied whole, so a memory map is welcome. `n_axes`:
    fewer than both sides.
    """
    n_images = len(features)
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    width = min(n_axes + OVERSAMPLING, n_images)
    start = np.random.default_rng(seed).standard_normal((n_images, width), dtype=np.float32)
    left, captured = np.linalg.qr(start)[0], 0.0
    for _ in range(MOST_PASSES):
        right = _multiply_left(features, mean, left)
        variance = float((right[:, :n_axes].astype(np.float64) ** 2).sum())
        if variance - captured <= ENOUGH * variance:
            break
        captured = variance
        columns = _multiply_right(features, mean, np.linalg.qr(right)[0])
        left = np.linalg.svd(columns, full_matrices=False)[0]  # the directions of largest spread first
    right = _multiply_left(features, mean, left)
    eigenvalues, vectors = np.linalg.eigh(right.T.astype(np.float64) @ right)
    kept = np.argsort(eigenvalues)[::-1][:n_axes]
    axes = right @ (vectors[:, kept] / np.sqrt(eigenvalues[kept]))
    return mean.astype(np.float64), axes, eigenvalues[kept]


def _multiply_left(features: FloatArray, mean: FloatArray, left: FloatArray) -> FloatArray:
    """centred^T left, (n_features, width)."""
    product = np.zeros((features.shape[1], left.shape[1]), dtype=np.float32)
    for start in range(0, len(features), ROWS_AT_ONCE):
        block = features[start : start + ROWS_AT_ONCE] - mean
        product += block.T @ left[start : start + ROWS_AT_ONCE]
    return product


def _multiply_right(features: FloatArray, mean: FloatArray, right: FloatArray) -> FloatArray:
    """centred right, (n_images, width)."""
    blocks = range(0, len(features), ROWS_AT_ONCE)
    return np.concatenate([(features[start : start + ROWS_AT_ONCE] - mean) @ right for start in blocks])
