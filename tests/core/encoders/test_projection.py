"""The sparse random projection: linear, sparse, repeatable, distance-preserving; and the affine chain behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.encoders.card import EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.encoder import Encoder
from core.encoders.pooling import SparseProjection
from core.errors import BadInputError
from tests.helpers.tiny_encoders import make_card


def dense(projection: SparseProjection) -> np.ndarray:
    """Its matrix (n_features, n_projected), read off the unit vectors."""
    return projection(torch.eye(projection.n_features)).numpy()


def test_each_feature_has_four_entries_of_one_half_in_blocks_of_their_own() -> None:
    matrix = dense(SparseProjection(50, 24, seed=0))
    blocks = matrix.reshape(50, 4, 6)
    assert ((blocks != 0).sum(axis=2) == 1).all()
    assert set(np.unique(matrix).tolist()) == {-0.5, 0.0, 0.5}
    assert np.count_nonzero(matrix, axis=0).max() <= 9  # dealt out evenly: 50 features over 6, rounded up


def test_it_is_the_product_with_its_matrix_and_so_is_its_gradient() -> None:
    projection = SparseProjection(37, 12, seed=4).double()
    features = torch.randn(5, 37, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    matrix = torch.from_numpy(dense(SparseProjection(37, 12, seed=4))).double()
    torch.testing.assert_close(projection(features), features @ matrix)
    assert torch.autograd.gradcheck(projection, (features,))


def test_squared_distances_keep_their_mean_with_the_predicted_spread() -> None:
    generator = np.random.default_rng(0)
    points = torch.from_numpy(generator.standard_normal((60, 3000)).astype(np.float32))
    projected = SparseProjection(3000, 400, seed=1)(points)
    first, second = np.triu_indices(60, 1)
    ratio = ((projected[first] - projected[second]) ** 2).sum(1) / ((points[first] - points[second]) ** 2).sum(1)
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.02)
    assert float(ratio.std()) == pytest.approx(np.sqrt(2 / 400), rel=0.2)


def test_the_draw_never_changes() -> None:
    first, again, other = (SparseProjection(40, 16, seed=seed).sha256 for seed in (7, 7, 8))
    assert first == again != other
    assert first == "ea9bb9819173c1f348c359cc690b8c10fe22a65858b62dda33c6bd67a631e916"


def test_a_projection_that_makes_nothing_fewer_is_refused() -> None:
    with pytest.raises(BadInputError, match="`n_projected` must be below the number of pooled features, 16, got 16"):
        SparseProjection(16, 16, seed=0)


@pytest.mark.parametrize(("reducer", "n_projected"), [("projection", 12), ("pca", 12), ("none", 0)])
def test_the_encoder_is_the_dense_product(tiny: Any, reducer: str, n_projected: int) -> None:
    generator = np.random.default_rng(0)
    config = EncoderConfig("someone", "tiny", "second", pool=3, reducer=reducer, n_projected=n_projected, seed=5)
    n_inputs = n_projected or 45
    rank = 6 if reducer == "pca" else n_inputs
    components = generator.standard_normal((n_inputs, rank)).astype(np.float32) if reducer == "pca" else None
    data = EncoderData(
        card=replace(make_card(3), config=config, network_sha256=tiny.sha256),
        mean=generator.standard_normal(n_inputs).astype(np.float32),
        components=components,
        weights=generator.standard_normal((rank, 3)).astype(np.float32),
        intercept=generator.standard_normal(3).astype(np.float32),
        covariance=np.eye(rank, dtype=np.float32),
    )
    encoder = Encoder(tiny, data)
    pixels = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.avg_pool2d(tiny(pixels), 2).flatten(1).numpy().astype(np.float64)
    matrix = dense(SparseProjection(45, n_projected, seed=5)) if n_projected else np.eye(45)
    mixing = np.eye(rank) if components is None else components
    wanted = (pooled @ matrix - data.mean) @ mixing @ data.weights + data.intercept
    np.testing.assert_allclose(encoder(pixels).numpy(), wanted, atol=2e-5)
    assert torch.autograd.gradcheck(encoder.double(), (pixels[:1].double().requires_grad_(),))
