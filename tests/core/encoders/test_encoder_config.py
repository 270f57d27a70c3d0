"""What may be asked of an encoder, and the grid proposed for a feature map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.encoders.config import DEFAULT_FRACTIONS, LARGEST_POOLED, EncoderConfig, encoder_stem, suggest_pool
from core.errors import BadInputError


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"pool": -1}, "`pool` must be a whole number of at least 0, got -1"),
        ({"n_components": 2.5}, "`n_components` must be a whole number"),
        ({"n_folds": 1}, "`n_folds` must be a whole number of at least 2, got 1"),
        ({"alphas": ()}, "`alphas` must be one or more ascending penalties"),
        ({"alphas": (10.0, 1.0)}, "ascending"),
        ({"alphas": (0.0, 1.0)}, "`alphas` must be a finite number above 0, got 0.0"),
        ({"alphas": (float("nan"),)}, "got nan"),
    ],
)
def test_refuses(change: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInputError, match=text):
        replace(EncoderConfig("s", "n", "l"), **change)


def test_describes_itself() -> None:
    config = EncoderConfig("simulated", "mobilenet_v2", "features.18", pool=7, n_components=100)
    assert config.describe() == "simulated · mobilenet_v2 features.18 · 7 x 7 pooled, up to 100 components"
    assert encoder_stem("simulated", "vit", "blocks/3") == "simulated-vit-blocks_3"


@pytest.mark.parametrize("shape", [(32, 112, 112), (96, 14, 14), (1280, 7, 7), (4096,), (24, 56, 56), (9000, 3, 3)])
def test_proposed_grid_is_the_finest_that_is_small_enough(shape: tuple[int, ...]) -> None:
    side = suggest_pool(shape)
    kept = shape[0] * side * side if side else shape[0] * (shape[1] * shape[2] if len(shape) == 3 else 1)
    assert kept <= LARGEST_POOLED or side == 1
    assert len(shape) == 1 or side <= shape[1]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"reducer": "pcs"}, "`reducer` must be one of pca, projection, none, got 'pcs'. Did you mean 'pca'"),
        ({"readout": "laso"}, "Did you mean 'lasso'"),
        ({"n_projected": 6}, "`n_projected` must be a multiple of 4, got 6"),
        ({"reducer": "projection"}, "`n_projected` must be above 0 with the reducer 'projection', got 0"),
        ({"reducer": "none", "n_projected": 8}, "`n_projected` must be 0 with the reducer 'none', got 8"),
        ({"l1_ratio": 1.0}, r"`l1_ratio` must be in \(0, 1\), got 1.0. 1 is the lasso"),
        ({"readout": "lasso", "alphas": (0.5, 2.0)}, "`alphas` must be at most 1 for a sparse readout"),
        ({"regions": (("V1", 0.5, -1, 0.1, 1),)}, "`regions` must be ROI, left < right"),
        ({"regions": (("V1", 0, -1, 2, 1),)}, "all edges in"),
        ({"regions": (("V1", 0, -1, 1, 1),), "n_projected": 8}, "`regions` must be empty with a projection"),
    ],
)
def test_refuses_reducers_and_readouts_that_do_not_exist(change: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInputError, match=text):
        replace(EncoderConfig("s", "n", "l"), **change)


def test_a_sparse_readout_gets_penalties_of_its_own() -> None:
    config = EncoderConfig("s", "n", "l", readout="lasso", reducer="projection", n_projected=64)
    assert config.alphas == DEFAULT_FRACTIONS and config.alphas[-1] == 1.0
    assert config.describe() == "s · n l · not pooled, 64 random projections, lasso"
