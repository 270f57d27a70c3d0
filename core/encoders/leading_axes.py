"""The leading principal axes of very many features of very many images. Never forms a Gram matrix of either.

Block subspace iteration (Halko, Martinsson & Tropp 2011, doi:10.1137/090771806) over row blocks of the features: memory
beyond the features themselves is one block and two thin matrices. Seeded, so that a repeated fit is the same fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.types import FloatArray

ROWS_AT_ONCE = 1024
OVERSAMPLING = 24
"""Axes carried beyond those wanted: they take the error of the last wanted ones."""
MOST_PASSES = 16
ENOUGH = 1e-6
"""Passes end once the captured variance grows by less than this part of itself."""


@dataclass(frozen=True, slots=True, eq=False)
class LeadingAxes:
    """mean (n_features,), axes (n_features, k) orthonormal columns, eigenvalues (k,) of the centred Gram matrix."""

    mean: FloatArray
    axes: FloatArray
    eigenvalues: FloatArray


def find_leading_axes(features: FloatArray, n_axes: int, *, seed: int = 0) -> LeadingAxes:
    """The first `n_axes` principal axes of features (n_images, n_features), float32 inside, float64 where it matters.

    Parameters
    ----------
    features : (n_images, n_features)
        Read in blocks of rows; never copied whole, so a memory map is welcome.
    n_axes : int
        Fewer than both sides.
    seed : int
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
        left = _rotate(_multiply_right(features, mean, np.linalg.qr(right)[0]))
    return _finish(mean, _multiply_left(features, mean, left), n_axes)


def _rotate(columns: FloatArray) -> FloatArray:
    """An orthonormal basis of the columns, the directions of largest spread first."""
    return np.asarray(np.linalg.svd(columns, full_matrices=False)[0])


def _finish(mean: FloatArray, right: FloatArray, n_axes: int) -> LeadingAxes:
    eigenvalues, vectors = np.linalg.eigh(right.T.astype(np.float64) @ right)
    kept = np.argsort(eigenvalues)[::-1][:n_axes]
    axes = right @ (vectors[:, kept] / np.sqrt(eigenvalues[kept]))
    return LeadingAxes(mean.astype(np.float64), axes, eigenvalues[kept])


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
