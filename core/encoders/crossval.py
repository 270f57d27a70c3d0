"""One readout: folds that never split an image, the penalty of each voxel chosen over them, the weights. Never sees
held-out images.

Everything that depends on the features alone is computed once; `solve_batch` then takes voxels a batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from core.checks import refusal
from core.encoders.config import EncoderConfig
from core.encoders.ridge import (
    Reducer,
    RidgeBasis,
    balance,
    centre_only,
    decompose,
    decompose_gram,
    fit_reducer,
    round_basis,
    shrink,
    solve_with,
)
from core.encoders.scores import divide_or_zero, is_constant, spread_of
from core.encoders.sparse import correlate_with, descend, prepare_sparse, silencing_alpha
from core.progress import ShouldStop, check_stop, never_stop
from core.types import FloatArray, IntArray


class AlphaChoice(NamedTuple):
    """alpha (n_voxels,), the penalty with the least left-out squared error, and cv_r (n_voxels,), Pearson r at it."""

    alpha: FloatArray
    cv_r: FloatArray


def make_folds(images: Sequence[str], n_folds: int, *, seed: int) -> tuple[IntArray, ...]:
    """Split rows into folds of nearly equal numbers of images; rows of the same image share a fold.

    `images` (sequence of str, one a row): what identifies images: equal texts are repeats of one image.

    Returns the rows of each fold, ascending; every row in exactly one.

    Raises BadInputError if there are fewer images than folds.
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
    basis : Of the kept rows.
    projected : (n_left_out, k). The left-out rows along `basis.axes`, or centred as the kept ones.
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
    folds : Each is predicted from all the others; features and responses are centred on those others only.
    responses : (n_images, n_batch)
    follow : Predicts a fold at every penalty, as `follow_ridge`.

    Raises Cancelled as soon as `should_stop()` is true, between two penalties.
    """
    # Over left-out rows: squared error, prediction, its square, its product with the truth; (4, n_alphas, n_batch).
    sums = np.zeros((4, len(alphas), responses.shape[1]))
    # Sums of products of float32 numbers far from zero would lose what varies; a constant changes no penalty and no r.
    responses = responses - responses.mean(axis=0, dtype=np.float64)
    for fold in folds:
        kept, truth = responses[fold.kept], responses[fold.left_out]
        mean = kept.mean(axis=0, dtype=np.float64)
        for row, centred in follow(fold, kept - mean, alphas):
            check_stop(should_stop)
            predicted = centred + mean.astype(centred.dtype, copy=False)
            parts = ((predicted - truth) ** 2, predicted, predicted**2, predicted * truth)
            sums[:, row] += [part.sum(axis=0) for part in parts]
    best = sums[0].argmin(axis=0)
    predicted, squared, product = np.take_along_axis(sums[1:], best[None, None], axis=1)[:, 0] / len(responses)
    spread = np.sqrt(np.maximum(squared - predicted**2, 0.0))
    covariance = product - predicted * responses.mean(axis=0, dtype=np.float64)
    return AlphaChoice(np.asarray(alphas)[best], divide_or_zero(covariance, spread * spread_of(responses)))


EXACT_NUMBERS = 2_000_000
"""Up to so many reduced training features all work on voxels is in float64; beyond, it is in float32 from float64 Gram
matrices: half the time and memory, and the penalties chosen hardly differ."""
PATH_TOLERANCE = 1e-5
"""Of the sparse readout inside the folds, where only the error is used."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What a batch of voxels is fitted with.

    Parameters
    ----------
    reduced : (n_train, rank). Reduced training features, divided by `reducer.scale`.
    basis : Of all training rows.
    spread : (k, rank). spread^T spread is the covariance of the reduced training features as the encoder has them: its
        triangular root, or, where the images are fewer, the centred features themselves.
    """

    reducer: Reducer
    reduced: FloatArray
    folds: tuple[FoldBasis, ...]
    basis: Any
    spread: FloatArray


class BatchSolution(NamedTuple):
    """alpha, cv_r, intercept, reference_sd (n_batch,) and weights (rank, n_batch), as the encoder stores them."""

    alpha: FloatArray
    cv_r: FloatArray
    weights: FloatArray
    intercept: FloatArray
    reference_sd: FloatArray


def learn_reducer(config: EncoderConfig, features: FloatArray, widths: Sequence[int] = ()) -> Reducer:
    """The reducer of the config, learned from training features (n_train, n_inputs); `widths` of balanced layers."""
    if config.balanced:
        factors = balance(features, widths)
        learned = learn_reducer(replace(config, balanced=False), features * factors)
        mean, components = features.mean(axis=0, dtype=np.float64).astype(np.float32), learned.components
        if components is None:
            return Reducer(mean, None, learned.scale, factors)
        return Reducer(mean, factors[:, np.newaxis] * components)
    return fit_reducer(features, config.n_components) if config.reducer == "pca" else centre_only(features)


def make_design(
    config: EncoderConfig,
    features: FloatArray,
    images: list[str],
    *,
    reducer: Reducer | None = None,
    should_stop: ShouldStop = never_stop,
) -> Design:
    """Prepare a readout of training features (n_train, n_inputs); rows with the same name in `images` share a fold.

    Raises BadInputError if there are fewer distinct images than folds; Cancelled as soon as `should_stop()` is true,
    between two decompositions.
    """
    folds = make_folds(images, config.n_folds, seed=config.seed)
    reducer = learn_reducer(config, features) if reducer is None else reducer
    plain = reducer.apply(features)
    reduced = plain / np.float32(reducer.scale) if reducer.scale != 1.0 else plain
    check_stop(should_stop)
    if not config.is_sparse:
        dtype: type[np.floating[Any]] = np.float64 if reduced.size <= EXACT_NUMBERS else np.float32
        bases = prepare_folds(reduced, folds, dtype=dtype)
        check_stop(should_stop)
        return Design(reducer, reduced, bases, round_basis(decompose(reduced), dtype), find_spread(plain))
    prepared = []
    for left_out in folds:
        check_stop(should_stop)
        kept = np.setdiff1d(np.arange(len(reduced)), left_out)
        basis = prepare_sparse(reduced[kept])
        prepared.append(FoldBasis(kept, left_out, basis, reduced[left_out] - basis.mean))
    return Design(reducer, reduced, tuple(prepared), prepare_sparse(reduced), find_spread(plain))


def solve_batch(
    config: EncoderConfig, design: Design, responses: FloatArray, *, should_stop: ShouldStop = never_stop
) -> BatchSolution:
    """Choose penalties and solve for training responses (n_train, n_batch); constant voxels get no weights.

    Raises Cancelled as soon as `should_stop()` is true, between two penalties.
    """
    solve = _solve_sparse if config.is_sparse else _solve_ridge
    alpha, cv_r, weights, intercept = solve(config, design, responses, should_stop)
    constant = is_constant(responses)
    weights[:, constant], intercept[constant] = 0.0, responses[0, constant]
    stored = (weights / design.reducer.scale).astype(np.float32)
    reference_sd = np.sqrt(((design.spread @ stored) ** 2).sum(axis=0, dtype=np.float64))
    return BatchSolution(alpha, cv_r, stored, intercept.astype(np.float32), reference_sd)


def find_spread(reduced: FloatArray) -> FloatArray:
    """A matrix S (k, rank), k the smaller side, with S^T S the covariance of reduced features (n_images, rank)."""
    centred = (reduced - reduced.mean(axis=0, dtype=np.float64)) / np.sqrt(len(reduced))
    tall = len(centred) > centred.shape[1]
    return np.asarray(np.linalg.qr(centred, mode="r") if tall else centred)


def _solve_ridge(
    config: EncoderConfig, design: Design, responses: FloatArray, should_stop: ShouldStop
) -> tuple[FloatArray, ...]:
    chosen = choose_in_batch(design.folds, responses, alphas=config.alphas, should_stop=should_stop)
    dtype = design.basis.left.dtype
    weights, intercept = solve_with(design.basis, responses.astype(dtype, copy=False), chosen.alpha.astype(dtype))
    return chosen.alpha, chosen.cv_r, weights, intercept


def _solve_sparse(
    config: EncoderConfig, design: Design, responses: FloatArray, should_stop: ShouldStop
) -> tuple[FloatArray, ...]:
    run: Any = partial(descend, l1_share=config.l1_share, should_stop=should_stop)

    def follow(fold: FoldBasis, kept: FloatArray, alphas: Sequence[float]) -> Iterator[tuple[int, FloatArray]]:
        """From the largest penalty to the smallest, each from the weights before."""
        correlation, scale, weights = correlate_with(fold.basis, kept), spread_of(kept), None
        largest = silencing_alpha(correlation, config.l1_share)
        for row in reversed(range(len(alphas))):
            alpha = alphas[row] * largest
            weights = run(fold.basis, correlation, alpha, scale=scale, start=weights, tolerance=PATH_TOLERANCE)
            yield row, fold.projected @ weights

    chosen = choose_in_batch(design.folds, responses, alphas=config.alphas, follow=follow, should_stop=should_stop)
    correlation = correlate_with(design.basis, responses)
    alpha = chosen.alpha * silencing_alpha(correlation, config.l1_share)
    weights = run(design.basis, correlation, alpha, scale=spread_of(responses))
    return alpha, chosen.cv_r, weights, responses.mean(axis=0, dtype=np.float64) - design.basis.mean @ weights
