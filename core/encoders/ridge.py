"""Ridge regression with a penalty per voxel, by one eigendecomposition.

    minimise ||Y - X W - 1 b||^2 + sum_v alpha_v ||w_v||^2

The smaller of X^T X (primal) and X X^T (dual) is decomposed, in float64; one decomposition then serves every penalty
and every voxel (Hastie & Tibshirani 2004, doi:10.1093/biostatistics/kxh010).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
    n_kept : int
        At most so many leading axes; 0 for all.
    wants_left : bool
        Whether `left` is needed; without it, it has no columns.
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

    Parameters
    ----------
    aligned : (k, n_voxels)
        The centred responses along `basis.left`: left^T (Y - mean).
    alphas : (n_voxels,) or ()
    """
    root = np.sqrt(basis.eigenvalues)[:, np.newaxis]
    return np.asarray(root / (root**2 + alphas) * aligned)


def solve_ridge(features: FloatArray, responses: FloatArray, alphas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights (n_features, n_voxels) and intercept (n_voxels,), float64, the intercept not penalised.

    Parameters
    ----------
    features : (n_images, n_features)
    responses : (n_images, n_voxels)
    alphas : (n_voxels,)
        Above 0.

    Examples
    --------
    >>> features, responses = np.array([[-1.0], [1.0]]), np.array([[-3.0], [5.0]])
    >>> weights, intercept = solve_ridge(features, responses, alphas=np.array([2.0]))
    >>> weights.round(6), intercept.round(6)  # 8 / (2 + alpha), and the mean response
    (array([[2.]]), array([1.]))
    """
    return solve_with(decompose(features), responses, alphas)


def solve_with(basis: RidgeBasis, responses: FloatArray, alphas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights and intercept as `solve_ridge`, of features decomposed before."""
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
