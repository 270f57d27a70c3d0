"""One readout, prepared for any number of voxels: reducer, reduced training images, folds. Never sees a whole brain.

Everything that depends on the features alone is computed once; `solve_batch` then takes voxels a batch at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from core.encoders.config import EncoderConfig
from core.encoders.crossval import FoldBasis, choose_in_batch, make_folds, prepare_folds
from core.encoders.reduce import Reducer, centre_only, fit_reducer
from core.encoders.ridge import decompose, round_basis, solve_with
from core.encoders.scores import is_constant, spread_of
from core.encoders.sparse import correlate_with, descend, prepare_sparse, silencing_alpha
from core.errors import Cancelled
from core.progress import ShouldStop, never_stop
from core.types import FloatArray

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
    reduced : (n_train, rank)
        Reduced training features, divided by `reducer.scale`.
    folds : tuple of FoldBasis
    basis : RidgeBasis or SparseBasis
        Of all training rows.
    spread : (k, rank)
        spread^T spread is the covariance of the reduced training features as the encoder has them: its triangular root,
        or, where the images are fewer, the centred features themselves.
    """

    reducer: Reducer
    reduced: FloatArray
    folds: tuple[FoldBasis, ...]
    basis: Any
    spread: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class BatchSolution:
    """alpha, cv_r, intercept, reference_sd (n_batch,) and weights (rank, n_batch), as the encoder stores them."""

    alpha: FloatArray
    cv_r: FloatArray
    weights: FloatArray
    intercept: FloatArray
    reference_sd: FloatArray


def learn_reducer(config: EncoderConfig, features: FloatArray) -> Reducer:
    """The reducer of the config, learned from training features (n_train, n_inputs)."""
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

    Raises
    ------
    BadInputError
        If there are fewer distinct images than folds.
    Cancelled
        As soon as `should_stop()` is true, between two decompositions.
    """
    folds = make_folds(images, config.n_folds, seed=config.seed)
    reducer = learn_reducer(config, features) if reducer is None else reducer
    plain = reducer.apply(features)
    reduced = plain / np.float32(reducer.scale) if reducer.scale != 1.0 else plain
    _look(should_stop)
    if not config.is_sparse:
        dtype: type[np.floating[Any]] = np.float64 if reduced.size <= EXACT_NUMBERS else np.float32
        bases = prepare_folds(reduced, folds, dtype=dtype)
        _look(should_stop)
        return Design(reducer, reduced, bases, round_basis(decompose(reduced), dtype), find_spread(plain))
    prepared = []
    for left_out in folds:
        _look(should_stop)
        kept = np.setdiff1d(np.arange(len(reduced)), left_out)
        basis = prepare_sparse(reduced[kept])
        prepared.append(FoldBasis(kept, left_out, basis, reduced[left_out] - basis.mean))
    return Design(reducer, reduced, tuple(prepared), prepare_sparse(reduced), find_spread(plain))


def solve_batch(
    config: EncoderConfig, design: Design, responses: FloatArray, *, should_stop: ShouldStop = never_stop
) -> BatchSolution:
    """Choose penalties and solve for training responses (n_train, n_batch); constant voxels get no weights.

    Raises
    ------
    Cancelled
        As soon as `should_stop()` is true, between two penalties.
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


def _look(should_stop: ShouldStop) -> None:
    if should_stop():
        raise Cancelled
