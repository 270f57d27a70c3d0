"""Pooling against torch's own adaptive pooling, dividing and not dividing the map."""

from __future__ import annotations

import pytest
import torch

from core.encoders.pooling import count_pooled, pool_features
from core.errors import BadInputError


@pytest.mark.parametrize("pool", [1, 2, 3, 4, 5, 6])
def test_equals_adaptive_pooling(pool: int) -> None:
    features = torch.rand(2, 5, 6, 6, generator=torch.Generator().manual_seed(0))
    pooled = pool_features(features, pool)
    wanted = torch.nn.AdaptiveAvgPool2d(pool)(features).flatten(1)
    torch.testing.assert_close(pooled, wanted)
    assert pooled.shape[1] == count_pooled((5, 6, 6), pool)


def test_no_grid_keeps_everything_and_vectors_pass_through() -> None:
    features = torch.rand(2, 5, 6, 6)
    assert torch.equal(pool_features(features, 0), features.flatten(1))
    vectors = torch.rand(2, 7)
    assert torch.equal(pool_features(vectors, 3), vectors)
    assert count_pooled((7,), 3) == 7


def test_a_grid_finer_than_the_map_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"`pool` must be at most the side of the feature map, 6, got 7"):
        count_pooled((5, 6, 6), 7)
