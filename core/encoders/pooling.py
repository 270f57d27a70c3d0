"""Averages a feature map over a grid of regions and flattens it; projects it at random, from a seed alone.

    projected = P features,    P (n_projected, n_features) with entries 0 and +-1 / sqrt(c)

The projected features form c blocks; in each block every feature has one entry of random sign, and the features are
dealt out evenly at random. Squared distances keep their mean exactly, with a relative SD of about sqrt(2 / n_projected)
(Kane & Nelson 2014, doi:10.1145/2559902, the block construction). Even dealing makes forward and backward pass a plain
permutation and a sum: both steps are differentiable, and the same on every run of a GPU.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from core.checks import refusal
from core.encoders.config import PROJECTION_BLOCKS, EncoderConfig
from core.seeds import derive_seed
from core.types import FloatArray, IntArray

if TYPE_CHECKING:
    from core.networks.network import Network


def pool_features(features: torch.Tensor, pool: int) -> torch.Tensor:
    """Pool features (n, channels, height, width) to (n, channels * pool * pool); vectors (n, channels) pass through.

    pool = 0 keeps every position. Where the grid does not divide the map, regions overlap as in torch's adaptive
    pooling, but as two matrix products: adaptive pooling's gradient is not deterministic on CUDA, theirs is.
    """
    if features.ndim == 4 and pool:
        height, width = features.shape[2:]
        if height % pool == 0 and width % pool == 0:
            features = functional.avg_pool2d(features, (height // pool, width // pool))
        else:
            rows, columns = _average_over(height, pool, like=features), _average_over(width, pool, like=features)
            features = rows @ features @ columns.T
    return features.flatten(1)


def count_pooled(feature_shape: tuple[int, ...], pool: int) -> int:
    """Number of features after pooling a map (channels, height, width) or a vector (channels,).

    Raises BadInputError if the grid is finer than the map.
    """
    if len(feature_shape) != 3 or not pool:
        return math.prod(feature_shape)
    if pool > min(feature_shape[1:]):
        allowed = f"at most the side of the feature map, {min(feature_shape[1:])}"
        raise refusal("pool", allowed=allowed, got=pool, advice="0 keeps every position.")
    return feature_shape[0] * pool * pool


def _average_over(size: int, pool: int, *, like: torch.Tensor) -> torch.Tensor:
    """Matrix (pool, size) that averages positions floor(i size / pool) to ceil((i + 1) size / pool) into region i."""
    matrix = torch.zeros(pool, size)
    for region in range(pool):
        start, stop = region * size // pool, -(-(region + 1) * size // pool)
        matrix[region, start:stop] = 1 / (stop - start)
    return matrix.to(like)


SIGN_BIT = np.uint64(63)


class SparseProjection(torch.nn.Module):
    """Projects features (n, n_features) to (n, n_projected), differentiably.

    Parameters
    ----------
    n_features, n_projected : `n_projected` is a multiple of `PROJECTION_BLOCKS`.
    seed : The same seed and sizes give the same projection everywhere: the draws are raw words of PCG64, a stream that
        numpy promises never to change.

    Raises BadInputError if there are not more features than projected ones.
    """

    order: torch.Tensor
    signs: torch.Tensor

    def __init__(self, n_features: int, n_projected: int, *, seed: int) -> None:
        super().__init__()
        if n_projected >= n_features:
            allowed = f"below the number of pooled features, {n_features}"
            advice = "Use the reducer 'none' or 'pca' instead."
            raise refusal("n_projected", allowed=allowed, got=n_projected, advice=advice)
        self.n_features, self.n_projected = n_features, n_projected
        order, signs = draw_projection(n_features, n_projected, seed=seed)
        self.register_buffer("order", torch.from_numpy(order), persistent=False)
        self.register_buffer("signs", torch.from_numpy(signs), persistent=False)

    @property
    def sha256(self) -> str:
        """Hash of its entries, by which a file can be checked against this program's draw."""
        drawn = hashlib.sha256(self.order.cpu().numpy().tobytes())
        drawn.update(np.sign(self.signs.cpu().numpy()).astype(np.int8).tobytes())
        return drawn.hexdigest()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project features (n, n_features); one block after another, so that memory stays at one copy of them."""
        n_padded = self.order.shape[1]
        padded = torch.nn.functional.pad(features, (0, n_padded - self.n_features))
        shape = (len(features), self.n_projected // PROJECTION_BLOCKS, -1)
        blocks = [
            (padded.index_select(1, order) * signs).view(shape).sum(dim=2)
            for order, signs in zip(self.order, self.signs, strict=True)
        ]
        return torch.cat(blocks, dim=1)


class LayerProjection(torch.nn.Module):
    """Projects the features of each joined layer on its own; those of a layer that has too few stand as they are."""

    def __init__(self, widths: tuple[int, ...], projected: tuple[int, ...], *, seed: int) -> None:
        super().__init__()
        self.widths, self.n_projected = widths, sum(projected)
        sizes = zip(widths, projected, strict=True)
        made = [SparseProjection(*one, seed=seed) if one[1] < one[0] else torch.nn.Identity() for one in sizes]
        self.parts = torch.nn.ModuleList(made)
        drawn = [one.sha256 if isinstance(one, SparseProjection) else "" for one in made]
        self.sha256 = hashlib.sha256("\n".join(drawn).encode()).hexdigest()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project features (n, n_features)."""
        split = torch.split(features, list(self.widths), dim=1)
        return torch.cat([part(one) for part, one in zip(self.parts, split, strict=True)], dim=1)


def share_inputs(network: Network, config: EncoderConfig) -> tuple[int, ...]:
    """How many inputs of the reducer come of each joined layer that is balanced, or of all features together."""
    if not config.balanced:
        return (config.n_projected or count_pooled(network.feature_shape, config.pool),)
    each = config.n_projected // len(network.widths) // PROJECTION_BLOCKS * PROJECTION_BLOCKS
    return tuple(min(width, max(each, PROJECTION_BLOCKS)) if config.n_projected else width for width in network.widths)


def make_projection(network: Network, config: EncoderConfig) -> SparseProjection | LayerProjection | None:
    """The projection of a config over the features of a network, on its device; None where it has none."""
    if not config.n_projected:
        return None
    if config.balanced:
        return LayerProjection(network.widths, share_inputs(network, config), seed=config.seed).to(network.device)
    n_pooled = count_pooled(network.feature_shape, config.pool)
    return SparseProjection(n_pooled, config.n_projected, seed=config.seed).to(network.device)


def draw_projection(n_features: int, n_projected: int, *, seed: int) -> tuple[IntArray, FloatArray]:
    """Order and signs of the features in each block, (PROJECTION_BLOCKS, n_padded) int64 and float32.

    Projected feature i of a block sums the i-th run of equally many entries; entries past `n_features` are padding.
    """
    side = n_projected // PROJECTION_BLOCKS
    n_padded = -(-n_features // side) * side
    source = np.random.PCG64(derive_seed(seed, "projection", n_features, n_projected))
    words = source.random_raw((2 * PROJECTION_BLOCKS, n_padded))
    order = np.argsort(words[:PROJECTION_BLOCKS], axis=1, kind="stable")
    signs = np.where(words[PROJECTION_BLOCKS:] >> SIGN_BIT, 1.0, -1.0) / math.sqrt(PROJECTION_BLOCKS)
    return order, signs.astype(np.float32)
