"""From features and responses at hand to a fitted, scored, sealed encoder: pure numerics. Never runs a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.checks import describe_refusal
from core.encoders.card import EncoderCard, EncoderData, FloatMatrix
from core.encoders.config import EncoderConfig
from core.encoders.crossval import AlphaChoice, check_disjoint, choose_alphas, make_folds
from core.encoders.files import seal
from core.encoders.reduce import fit_reducer
from core.encoders.ridge import solve_ridge
from core.encoders.scores import correlate, explained, over_ceiling
from core.errors import BadInputError
from core.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ScoredImages:
    """What an encoder is fitted to and scored on.

    Parameters
    ----------
    features : (n_images, n_pooled) float32
        Pooled features of `network_sha256`.
    responses : (n_images, n_voxels)
        Mean over repeats, in `response_unit`.
    images : tuple of str, n_images long
        What tells images apart (the hash of the pixels): copies of one image never leave their fold.
    test : (n_images,) bool
        The held-out images.
    noise_ceiling : (n_voxels,)
        Of the held-out responses.
    """

    features: FloatMatrix
    responses: FloatArray
    images: tuple[str, ...]
    test: BoolArray
    noise_ceiling: FloatArray
    response_unit: str
    network_sha256: str


def fit_encoder(config: EncoderConfig, data: ScoredImages) -> EncoderData:
    """Fit on the training images, score on the held-out ones, from the very float32 numbers that are saved.

    The components come from all training images, without responses; the folds choose the penalties on those components.
    Seeded by `config.seed`.

    Raises
    ------
    BadInputError
        If an image is on both sides, or there are fewer training images than folds.
    """
    train, names = ~data.test, np.asarray(data.images)
    check_disjoint(names[train].tolist(), names[data.test].tolist())
    reducer = fit_reducer(data.features[train], config.n_components)
    reduced = reducer.apply(data.features)
    folds = make_folds(names[train].tolist(), config.n_folds, seed=config.seed)
    chosen = choose_alphas(reduced[train], data.responses[train], folds, alphas=config.alphas)
    exact_weights, exact_intercept = solve_ridge(reduced[train], data.responses[train], chosen.alpha)
    weights, intercept = exact_weights.astype(np.float32), exact_intercept.astype(np.float32)
    covariance = np.atleast_2d(np.cov(reduced[train], rowvar=False, bias=True, dtype=np.float64))
    predicted = reduced @ weights + intercept
    card = _make_card(config, data, chosen, predicted=predicted)
    unsealed = EncoderData(
        card, reducer.mean, reducer.components, weights, intercept, covariance=covariance.astype(np.float32)
    )
    return seal(unsealed)


def average_repeats(responses: FloatArray) -> FloatArray:
    """The mean over repeats, (n_images, n_voxels), of responses (n_images, n_repeats, n_voxels); NaN is missing.

    Raises
    ------
    BadInputError
        If the shape differs, or an image has no response at all in some voxel.
    """
    present = np.isfinite(responses)
    if responses.ndim != 3 or not present.any(axis=1).all():
        allowed = "an array (n_images, n_repeats, n_voxels) with at least one response of every voxel to every image"
        raise BadInputError(describe_refusal("responses", allowed=allowed, got=responses.shape))
    return np.asarray(np.where(present, responses, 0.0).sum(axis=1, dtype=np.float64) / present.sum(axis=1))


def _make_card(config: EncoderConfig, data: ScoredImages, chosen: AlphaChoice, *, predicted: FloatArray) -> EncoderCard:
    """The card of predictions (n_images, n_voxels) of all images, not yet sealed."""
    r = correlate(predicted[data.test], data.responses[data.test])
    r2 = explained(r)
    scores = {
        "alpha": chosen.alpha,
        "cv_r": chosen.cv_r,
        "r": r,
        "r2": r2,
        "r2_ceiling": over_ceiling(r2, data.noise_ceiling),
        "reference_sd": predicted[~data.test].std(axis=0, dtype=np.float64),
        "noise_ceiling": data.noise_ceiling,
    }
    vectors: dict[str, Any] = {name: np.asarray(values, dtype=np.float32) for name, values in scores.items()}
    return EncoderCard(
        config=config,
        sha256="",
        network_sha256=data.network_sha256,
        response_unit=data.response_unit,
        n_train=int((~data.test).sum()),
        n_test=int(data.test.sum()),
        **vectors,
    )
