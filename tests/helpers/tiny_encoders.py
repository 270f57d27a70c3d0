"""Small encoders with known weights: real `Network` and `Encoder` objects around bodies checked by hand. No files."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from core.attacks.config import AttackConfig
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.encoder import Encoder
from core.encoders.scored import ScoredImages
from core.encoders.solve import iter_solve
from core.images.stimulus import Stimulus, make_stimulus
from core.networks.network import Network
from core.networks.spec import NetworkSpec
from core.probes.probe import ProbeConfig
from core.probes.target import Target, target_voxel
from core.types import Direction, FloatArray, VoxelTable

SIDE = 8
"""Side of the tiny stimuli, in pixels."""

NETWORK_SHA256 = "a" * 64
NAMES = ("tiny_subject", "tiny", "body")


def fit_encoder(config: EncoderConfig, data: ScoredImages, scoring: ScoringConfig | None = None) -> EncoderData:
    """Run a fit of features at hand to its end and give the encoder."""
    *_, last = iter_solve(config, data, scoring=scoring or ScoringConfig())
    assert last.result is not None
    return last.result


def make_table(n_voxels: int) -> VoxelTable:
    """Voxels on the left, the first half in V1."""
    index = np.arange(n_voxels, dtype=np.int32)
    roi = tuple("V1" if voxel < n_voxels / 2 else "FFA" for voxel in range(n_voxels))
    side = np.zeros(n_voxels, dtype=np.int8)
    return VoxelTable(
        side, index, roi, np.full(n_voxels, 0.5, np.float32), np.stack([side, index, index], 1).astype(np.int32)
    )


def make_spec(side: int, mean: float = 0.0, std: float = 1.0) -> NetworkSpec:
    """A catalogue entry of no catalogue; by default without normalisation."""
    return NetworkSpec(
        id=NAMES[1],
        title="Tiny",
        family="torchvision",
        architecture="none",
        weights="",
        sha256="",
        input_size=side,
        mean=(mean,) * 3,
        std=(std,) * 3,
        layers=(NAMES[2],),
        default_layer=NAMES[2],
        robust=False,
        licence="",
        source="",
        note="",
    )


def make_encoder(body: nn.Module, *, rank: int, n_voxels: int, side: int = SIDE, seed: int = 0) -> Encoder:
    """An encoder with random components and readout on top of any body."""
    with torch.no_grad():
        shape = tuple(body(torch.zeros(1, 3, side, side)).shape[1:])
    network = Network(body, make_spec(side), layer=NAMES[2], sha256=NETWORK_SHA256, feature_shape=shape)
    generator = np.random.default_rng(seed)
    n_features = int(np.prod(shape))
    components = generator.standard_normal((n_features, rank)) / np.sqrt(n_features)
    weights = generator.standard_normal((rank, n_voxels)) / np.sqrt(rank)
    return Encoder(network, make_data(components, weights, generator=generator))


def make_data(components: FloatArray, weights: FloatArray, *, generator: np.random.Generator) -> EncoderData:
    """Encoder numbers of the given factors, with random offsets and a unit covariance."""
    n_features, rank = components.shape
    n_voxels = weights.shape[1]
    return EncoderData(
        card=make_card(n_voxels),
        mean=generator.standard_normal(n_features).astype(np.float32),
        components=components.astype(np.float32),
        weights=weights.astype(np.float32),
        intercept=generator.standard_normal(n_voxels).astype(np.float32),
        covariance=np.eye(rank, dtype=np.float32),
    )


def make_card(n_voxels: int) -> EncoderCard:
    """Identity and made-up scores."""
    half = np.full(n_voxels, 0.5, dtype=np.float32)
    return EncoderCard(
        config=EncoderConfig(*NAMES),
        sha256="b" * 64,
        network_sha256=NETWORK_SHA256,
        response_unit="z",
        n_train=10,
        n_test=5,
        alpha=half,
        cv_r=half,
        r=half,
        r2=half,
        r2_ceiling=half,
        reference_sd=half,
        noise_ceiling=half,
    )


def make_linear_encoder(n_voxels: int = 3, *, side: int = SIDE, seed: int = 0) -> Encoder:
    """Responses are an affine function of the pixels; `pixel_weights` gives its weights."""
    return make_encoder(nn.Flatten(), rank=n_voxels, n_voxels=n_voxels, side=side, seed=seed)


def pixel_weights(encoder: Encoder, voxel: int = 0) -> FloatArray:
    """d response / d pixels of a linear encoder, (3, side, side) float64, multiplied out by hand."""
    side = encoder.network.input_size
    weights = encoder.components.double() @ encoder.weights[:, voxel].double()
    return np.asarray(weights.numpy().reshape(3, side, side))


def make_conv_encoder(n_voxels: int = 5, *, rank: int = 4, side: int = SIDE, seed: int = 0) -> Encoder:
    """A small convolutional network with smooth nonlinearities, so that attacks and gradients are not trivial."""
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(8, 6, 3), nn.Tanh())
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.mul_(3.0)
    return make_encoder(body, rank=rank, n_voxels=n_voxels, side=side, seed=seed)


def make_photo(side: int = SIDE, *, seed: int = 0, low: int = 0, high: int = 256) -> Stimulus:
    """Random grey levels in [low, high)."""
    levels = np.random.default_rng(seed).integers(low, high, (side, side, 3)).astype(np.uint8)
    return make_stimulus(f"photo_{seed}", levels)


def make_mid_grey(side: int = SIDE) -> Stimulus:
    """A picture with the most room in both directions."""
    return make_stimulus("grey", np.full((side, side, 3), 128, dtype=np.uint8))


def make_config(
    encoder: Encoder, attack: AttackConfig, *, voxel: int = 0, direction: Direction = Direction.RAISE
) -> ProbeConfig:
    """A probe of one voxel of a tiny encoder."""
    return ProbeConfig(*NAMES, make_target(encoder, voxel), direction, attack)


def make_target(encoder: Encoder, voxel: int = 0) -> Target:
    """One voxel of a tiny encoder."""
    return target_voxel(make_table(encoder.n_voxels), voxel)
