"""Folds that never split an image, and the ridge penalty of each voxel chosen over them. Never sees held-out images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.checks import refusal
from core.encoders.ridge import RidgeBasis, decompose, decompose_gram, round_basis, shrink
from core.encoders.scores import divide_or_zero, spread_of
from core.errors import Cancelled
from core.progress import ShouldStop, never_stop
from core.types import FloatArray, IntArray


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
        What identifies images: equal texts are repeats of one image.

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
        raise refusal("n_folds", allowed=f"at most the number of training images, {len(distinct)}", got=n_folds)
    shuffled = np.random.default_rng(seed).permutation(len(distinct))
    fold_of_image = np.empty(len(distinct), dtype=np.int64)
    fold_of_image[shuffled] = np.arange(len(distinct)) % n_folds
    return tuple(np.flatnonzero(fold_of_image[image_of_row] == fold) for fold in range(n_folds))


def check_disjoint(train: Sequence[str], test: Sequence[str]) -> None:
    """Raise BadInputError if an image is both trained on and held out."""
    shared = sorted(set(train) & set(test))
    if shared:
        allowed, got = "held-out images that are not trained on", f"{len(shared)} shared images"
        raise refusal("test", allowed=allowed, got=got, advice="Put all repeats and copies of an image on one side.")


@dataclass(frozen=True, slots=True, eq=False)
class FoldBasis:
    """One fold, ready for any number of voxels.

    Parameters
    ----------
    kept, left_out : arrays of row indices
    basis : RidgeBasis or SparseBasis
        Of the kept rows.
    projected : (n_left_out, k)
        The left-out rows along `basis.axes`, or centred as the kept ones.
    """

    kept: IntArray
    left_out: IntArray
    basis: Any
    projected: FloatArray


def prepare_folds(
    features: FloatArray, folds: Sequence[IntArray], *, dtype: type[np.floating[Any]] = np.float64
) -> tuple[FoldBasis, ...]:
    """Decompose the kept rows of every fold once, in float64; `dtype` is that of the work on voxels that follows."""
    if len(features) <= features.shape[1]:
        return tuple(_prepare_dual(features, folds, dtype))
    bases = []
    for left_out in folds:
        kept = np.setdiff1d(np.arange(len(features)), left_out)
        basis = decompose(features[kept])
        projected = ((features[left_out] - basis.mean) @ basis.axes).astype(dtype, copy=False)
        bases.append(FoldBasis(kept, left_out, round_basis(basis, dtype), projected))
    return tuple(bases)


def _prepare_dual(
    features: FloatArray, folds: Sequence[IntArray], dtype: type[np.floating[Any]]
) -> Iterator[FoldBasis]:
    """Bases of all folds from one Gram matrix of the images, centred again on each fold's kept rows.

    Axes and mean of the features are not needed to predict the left-out rows, and have no columns.
    """
    centred = features - features.mean(axis=0, dtype=np.float64)
    gram = centred @ centred.T
    for left_out in folds:
        kept = np.setdiff1d(np.arange(len(features)), left_out)
        inner, outer = gram[np.ix_(kept, kept)], gram[np.ix_(left_out, kept)]
        column_mean, grand_mean = inner.mean(axis=0), inner.mean()
        eigenvalues, left = decompose_gram(inner - column_mean - column_mean[:, np.newaxis] + grand_mean)
        across = outer - outer.mean(axis=1, keepdims=True) - column_mean + grand_mean
        projected = (across @ left / np.sqrt(eigenvalues)).astype(dtype, copy=False)
        basis = round_basis(RidgeBasis(np.empty(0), np.empty((0, 0)), eigenvalues, left), dtype)
        yield FoldBasis(kept, left_out, basis, projected)


def follow_ridge(fold: FoldBasis, responses: FloatArray, alphas: Sequence[float]) -> Iterator[tuple[int, FloatArray]]:
    """Number and prediction of the left-out rows of each penalty, from centred responses of the kept rows."""
    dtype = fold.projected.dtype
    aligned = fold.basis.left.T @ responses.astype(dtype, copy=False)
    for row, alpha in enumerate(alphas):
        yield row, fold.projected @ shrink(fold.basis, aligned, np.asarray(alpha, dtype=dtype))


def choose_in_batch(
    folds: Sequence[FoldBasis],
    responses: FloatArray,
    *,
    alphas: Sequence[float],
    follow: Callable[[FoldBasis, FloatArray, Sequence[float]], Iterator[tuple[int, FloatArray]]] = follow_ridge,
    should_stop: ShouldStop = never_stop,
) -> AlphaChoice:
    """Choose each voxel's penalty by the squared error summed over all left-out rows; ties go to the smaller penalty.

    Parameters
    ----------
    folds : sequence of FoldBasis
        Each is predicted from all the others; features and responses are centred on those others only.
    responses : (n_images, n_batch)
    alphas : sequence of float
    follow : callable
        Predicts a fold at every penalty, as `follow_ridge`.

    Raises
    ------
    Cancelled
        As soon as `should_stop()` is true, between two penalties.
    """
    sums = LeftOutSums.empty(len(alphas), responses.shape[1])
    # Sums of products of float32 numbers far from zero would lose what varies; a constant changes no penalty and no r.
    responses = responses - responses.mean(axis=0, dtype=np.float64)
    for fold in folds:
        kept = responses[fold.kept]
        mean = kept.mean(axis=0, dtype=np.float64)
        for row, predicted in follow(fold, kept - mean, alphas):
            if should_stop():
                raise Cancelled
            sums.add(row, predicted + mean.astype(predicted.dtype, copy=False), responses[fold.left_out])
    return sums.choose(alphas, responses)


@dataclass(frozen=True, slots=True)
class LeftOutSums:
    """Sums over left-out rows, (n_alphas, n_batch): squared error, prediction, its square, its product with truth."""

    error: FloatArray
    predicted: FloatArray
    squared: FloatArray
    product: FloatArray

    @classmethod
    def empty(cls, n_alphas: int, n_voxels: int) -> LeftOutSums:
        """No rows yet."""
        return cls(*(np.zeros((n_alphas, n_voxels)) for _ in range(4)))

    def add(self, row: int, predicted: FloatArray, truth: FloatArray) -> None:
        """Add the left-out rows of a fold, predicted and true (n_left_out, n_batch), at penalty number `row`."""
        self.error[row] += ((predicted - truth) ** 2).sum(axis=0)
        self.predicted[row] += predicted.sum(axis=0)
        self.squared[row] += (predicted**2).sum(axis=0)
        self.product[row] += (predicted * truth).sum(axis=0)

    def choose(self, alphas: Sequence[float], responses: FloatArray) -> AlphaChoice:
        """The penalty of the least error, and Pearson r there; 0 where prediction or response is constant."""
        best = self.error.argmin(axis=0)
        return AlphaChoice(alpha=np.asarray(alphas)[best], cv_r=_correlate(self, best, responses))


def _correlate(sums: LeftOutSums, best: IntArray, responses: FloatArray) -> FloatArray:
    """Pearson r of the left-out predictions at the chosen penalties, (n_voxels,); 0 where either is constant."""
    n_rows = len(responses)
    predicted, squared, product = (
        np.take_along_axis(part, best[np.newaxis], axis=0)[0] for part in (sums.predicted, sums.squared, sums.product)
    )
    mean = responses.mean(axis=0, dtype=np.float64)
    covariance = product / n_rows - predicted / n_rows * mean
    spread = np.sqrt(np.maximum(squared / n_rows - (predicted / n_rows) ** 2, 0.0))
    scale = spread * spread_of(responses)
    return divide_or_zero(covariance, scale)
