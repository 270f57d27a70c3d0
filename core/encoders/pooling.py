"""Averages a feature map over a grid of regions and flattens it, differentiably."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from core.checks import refusal


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

    Raises
    ------
    BadInputError
        If the grid is finer than the map.
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
