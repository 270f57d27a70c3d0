"""Scores against numpy, and their summary by ROI."""

from __future__ import annotations

import numpy as np
import pytest

from core.encoders.card import EncoderCard
from core.encoders.config import EncoderConfig
from core.encoders.scores import correlate, explained, over_ceiling, summarise_by_roi
from core.types import VoxelTable


def test_r_equals_numpy() -> None:
    predicted, measured = np.random.default_rng(0).normal(size=(2, 25, 4)) + 7.0
    wanted = [np.corrcoef(predicted[:, voxel], measured[:, voxel])[0, 1] for voxel in range(4)]
    np.testing.assert_allclose(correlate(predicted, measured), wanted, atol=1e-12)


def test_a_constant_voxel_has_no_r() -> None:
    measured = np.random.default_rng(0).normal(size=(10, 1))
    assert correlate(np.ones((10, 1)), measured).tolist() == [0.0]


def test_an_inverted_prediction_explains_nothing() -> None:
    np.testing.assert_allclose(explained(np.array([0.5, -0.5])), [0.25, 0.0])


def test_no_ratio_where_the_ceiling_is_near_zero() -> None:
    ratio = over_ceiling(np.array([0.25, 0.25]), np.array([0.5, 0.01]))
    assert ratio[0] == pytest.approx(0.5)
    assert np.isnan(ratio[1])


def test_summary_by_roi() -> None:
    r = np.array([0.1, 0.9, 0.2, 0.3, 0.5], dtype=np.float32)
    ceiling = np.array([0.5, 0.01, 0.5, 0.5, 0.4], dtype=np.float32)
    r2 = r**2
    card = EncoderCard(
        EncoderConfig("s", "n", "l"), "", "", "z", 10, 5, r, r, r, r2, over_ceiling(r2, ceiling), r, ceiling
    )
    zeros = np.zeros(5, dtype=np.int32)
    table = VoxelTable(zeros.astype(np.int8), zeros, ("V2", "V1", "V2", "V2", ""), ceiling, np.zeros((0, 3), np.int32))
    v2, v1, none = summarise_by_roi(card, table)
    assert (v2.roi, v2.n_voxels, v1.roi, none.roi) == ("V2", 3, "V1", "(none)")
    assert (v2.r_median, v2.r_q25, v2.r_q75) == pytest.approx((0.2, 0.15, 0.25))
    assert v2.r2_ceiling_median == pytest.approx(0.04 / 0.5)
    assert np.isnan(v1.r2_ceiling_median)
