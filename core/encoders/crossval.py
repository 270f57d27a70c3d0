"""Folds that never split an image, and the ridge penalty of each voxel chosen over them. Never sees held-out images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.checks import describe_refusal
from core.encoders.ridge import decompose, shrink
from core.encoders.scores import divide_or_zero
from core.errors import BadInputError
from core.types import FloatArray, IntArray

VOXELS_AT_ONCE = 4096
"""Voxels predicted together: bounds the memory of one penalty's predictions."""


@dataclass(frozen=True, slots=True, eq=False)
class AlphaChoice:
    """alpha (n_voxels,), the penalty with the least left-out squared error, and cv_r (n_voxels,), Pearson r at it."""

    alpha: FloatArray
    cv_r: FloatArray


def make_folds(images: Sequence[str], n_folds: int, *, seed: int) -> tuple[IntArray, ...]:
    """Split rows into folds of nearly equal numbers of images; rows of the same image share a fold.

    Parameters
    ----------
    images : sequence of str, one a row
        What tells images apart: equal texts are repeats of one image.
    n_folds : int
    seed : int

    Returns
    -------
    tuple of arrays
        The rows of each fold, ascending; every row in exactly one.

    Raises
    ------
    BadInputError
        If there are fewer images than folds.
    """
    distinct, image_of_row = np.unique(np.asarray(images), return_inverse=True)
    if len(distinct) < n_folds:
        allowed = f"at most the number of training images, {len(distinct)}"
        raise BadInputError(describe_refusal("n_folds", allowed=allowed, got=n_folds))
    shuffled = np.random.default_rng(seed).permutation(len(distinct))
    fold_of_image = np.empty(len(distinct), dtype=np.int64)
    fold_of_image[shuffled] = np.arange(len(distinct)) % n_folds
    return tuple(np.flatnonzero(fold_of_image[image_of_row] == fold) for fold in range(n_folds))


def check_disjoint(train: Sequence[str], test: Sequence[str]) -> None:
    """Raise BadInputError if an image is both trained on and held out."""
    shared = sorted(set(train) & set(test))
    if shared:
        allowed, got = "held-out images that are not trained on", f"{len(shared)} shared images"
        advice = "Put all repeats and copies of an image on one side."
        raise BadInputError(describe_refusal("test", allowed=allowed, got=got, advice=advice))


def choose_alphas(
    features: FloatArray, responses: FloatArray, folds: Sequence[IntArray], *, alphas: Sequence[float]
) -> AlphaChoice:
    """Choose each voxel's penalty by the squared error summed over all left-out rows; ties go to the smaller penalty.

    Parameters
    ----------
    features : (n_images, n_features)
    responses : (n_images, n_voxels)
    folds : sequence of row indices
        Each is predicted from all the others; features and responses are centred on those others only.
    alphas : sequence of float
    """
    predictions = _Sums.empty(len(alphas), responses.shape[1])
    for left_out in folds:
        kept = np.setdiff1d(np.arange(len(features)), left_out)
        basis = decompose(features[kept])
        projected = (features[left_out] - basis.mean) @ basis.axes
        for start in range(0, responses.shape[1], VOXELS_AT_ONCE):
            voxels = slice(start, start + VOXELS_AT_ONCE)
            mean = responses[kept, voxels].mean(axis=0, dtype=np.float64)
            aligned = basis.left.T @ (responses[kept, voxels] - mean)
            for row, alpha in enumerate(alphas):
                predicted = projected @ shrink(basis, aligned, np.asarray(alpha)) + mean
                predictions.add(row, voxels, predicted, responses[left_out, voxels])
    best = predictions.error.argmin(axis=0)
    return AlphaChoice(alpha=np.asarray(alphas)[best], cv_r=_correlate(predictions, best, responses))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over left-out rows, (n_alphas, n_voxels): squared error, prediction, its square, its product with truth."""

    error: FloatArray
    predicted: FloatArray
    squared: FloatArray
    product: FloatArray

    @classmethod
    def empty(cls, n_alphas: int, n_voxels: int) -> _Sums:
        return cls(*(np.zeros((n_alphas, n_voxels)) for _ in range(4)))

    def add(self, row: int, voxels: slice, predicted: FloatArray, truth: FloatArray) -> None:
        self.error[row, voxels] += ((predicted - truth) ** 2).sum(axis=0)
        self.predicted[row, voxels] += predicted.sum(axis=0)
        self.squared[row, voxels] += (predicted**2).sum(axis=0)
        self.product[row, voxels] += (predicted * truth).sum(axis=0)


def _correlate(sums: _Sums, best: IntArray, responses: FloatArray) -> FloatArray:
    """Pearson r of the left-out predictions at the chosen penalties, (n_voxels,); 0 where either is constant."""
    n_rows = len(responses)
    predicted, squared, product = (
        np.take_along_axis(part, best[np.newaxis], axis=0)[0] for part in (sums.predicted, sums.squared, sums.product)
    )
    mean = responses.mean(axis=0, dtype=np.float64)
    covariance = product / n_rows - predicted / n_rows * mean
    spread = np.sqrt(np.maximum(squared / n_rows - (predicted / n_rows) ** 2, 0.0))
    scale = spread * responses.std(axis=0, dtype=np.float64)
    return divide_or_zero(covariance, scale)
