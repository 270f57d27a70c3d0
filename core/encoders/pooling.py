"""Averages a feature map over a grid of regions and flattens it, differentiably. Never learns anything."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from core.checks import describe_refusal
from core.errors import BadInputError


def pool_features(features: torch.Tensor, pool: int) -> torch.Tensor:
    """Pool features (n, channels, height, width) to (n, channels * pool * pool); vectors (n, channels) pass through.

    Where the grid divides the map, plain average pooling is used: its gradient is deterministic on every device, that
    of adaptive pooling is not on CUDA. pool = 0 keeps every position.
    """
    if features.ndim == 4 and pool:
        height, width = features.shape[2:]
        if height % pool == 0 and width % pool == 0:
            features = functional.avg_pool2d(features, (height // pool, width // pool))
        else:
            features = functional.adaptive_avg_pool2d(features, pool)
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
        raise BadInputError(describe_refusal("pool", allowed=allowed, got=pool, advice="0 keeps every position."))
    return feature_shape[0] * pool * pool
