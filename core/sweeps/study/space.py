"""Reduced features, true axes in them, readouts and runnable encoders, for the study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.seeds import make_stream
from core.types import FloatArray

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder
    from core.networks.network import Network

ALPHAS = tuple(10.0**power for power in range(-2, 7))


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A layer's reduced features: the basis (mean, components) and the scores of train and test images."""

    mean: FloatArray
    components: FloatArray
    train: FloatArray
    test: FloatArray


def reduce_features(train: FloatArray, test: FloatArray, n_components: int) -> Space:
    """Principal components of pooled features (n, n_pooled), scaled to a mean variance of 1 together."""
    mean = train.mean(axis=0)
    _, size, right = np.linalg.svd(train - mean, full_matrices=False)
    scale = float(np.sqrt((size[:n_components] ** 2).mean() / len(train))) or 1.0
    components = right[:n_components].T / scale
    return Space(mean, components, (train - mean) @ components, (test - mean) @ components)


def draw_axes(space: Space, n_voxels: int, *words: str | int, seed: int) -> FloatArray:
    """True axes (n_components, n_voxels): random mixtures, each signal of SD 1 over the training images."""
    axes = make_stream(seed, "axes", *words).standard_normal((space.train.shape[1], n_voxels))
    return np.asarray(axes / (space.train @ axes).std(axis=0))


def fit_readout(space: Space, responses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ridge with a penalty a voxel by leave-one-out: weights (n_components, n_voxels), intercept (n_voxels,)."""
    from sklearn.linear_model import RidgeCV

    fitted = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(space.train, responses)
    return np.asarray(fitted.coef_.T), np.asarray(fitted.intercept_)


def make_encoder(network: Network, space: Space, weights: FloatArray, intercept: FloatArray) -> Encoder:
    """A runnable encoder of these numbers."""
    from core.encoders.card import EncoderCard, EncoderData
    from core.encoders.config import EncoderConfig
    from core.encoders.encoder import Encoder

    unknown = np.full(weights.shape[1], np.nan, dtype=np.float32)
    covariance = np.cov(space.train.T, bias=True)
    sd = np.sqrt(np.einsum("rv,rs,sv->v", weights, covariance, weights)).astype(np.float32)
    config = EncoderConfig("study", network.spec.id, network.layer, pool=1, n_components=weights.shape[0])
    card = EncoderCard(
        config=config,
        sha256="",
        network_sha256=network.sha256,
        response_unit="z (simulated)",
        n_train=len(space.train),
        n_test=len(space.test),
        reference_sd=sd,
        alpha=unknown,
        cv_r=unknown,
        r=unknown,
        r2=unknown,
        r2_ceiling=unknown,
        noise_ceiling=unknown,
    )
    numbers = (space.mean, space.components, weights, intercept, covariance)
    mean, components, own, shifted, spread = (np.asarray(values, dtype=np.float32) for values in numbers)
    return Encoder(network, EncoderData(card, mean, components, own, shifted, spread))
