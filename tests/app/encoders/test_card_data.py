"""What the card's plots draw, checked by counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.encoders.card_data import (
    ALL,
    MOST_POINTS,
    alpha_bars,
    describe_difference,
    layer_lines,
    nearest,
    offered_scores,
    ridge_rows,
    roi_groups,
    thin,
)
from core.encoders.card import LayerScore
from tests.helpers.tiny_encoders import make_card, make_table

TABLE = make_table(10)
CARD = make_card(10)


def test_every_histogram_counts_its_rois_voxels() -> None:
    values = np.array([0.1, 0.1, 0.1, 0.5, np.nan, 0.9, 0.9, 0.2, 0.2, 0.2], dtype=np.float32)
    first, second = ridge_rows(values, TABLE)
    assert (first.roi, second.roi) == ("V1", "FFA")
    assert first.median == pytest.approx(0.1)
    assert second.median == pytest.approx(0.2)
    assert first.heights.max() == 1
    assert sorted(first.heights[first.heights > 0].tolist()) == pytest.approx([1 / 3, 1.0])
    assert np.array_equal(first.edges, second.edges)


def test_unknown_scores_have_no_histogram_and_are_not_offered() -> None:
    unknown = np.full(10, np.nan, dtype=np.float32)
    assert ridge_rows(unknown, TABLE) == ()
    names = [choice.name for choice in offered_scores(replace(CARD, cv_r=unknown))]
    assert names == ["r", "r2", "r2_ceiling"]


def test_voxels_outside_every_roi_are_a_group_of_their_own() -> None:
    groups = roi_groups(replace(TABLE, roi=("V1",) * 9 + ("",)))
    assert {name: len(voxels) for name, voxels in groups.items()} == {"V1": 9, "(none)": 1}


def test_the_bars_are_the_shares_of_each_penalty() -> None:
    grid = CARD.config.alphas
    alpha = np.array([grid[0]] * 2 + [grid[4]] * 5 + [grid[-1]] * 3, dtype=np.float32)
    bars = alpha_bars(replace(CARD, alpha=alpha), np.arange(10))
    assert bars is not None
    assert bars.share.tolist() == pytest.approx([0.2, 0.5, 0.3])
    assert bars.exponent.tolist() == pytest.approx(np.log10([grid[0], grid[4], grid[-1]]).tolist(), abs=1e-6)
    assert bars.is_edge == (True, False, True)
    assert bars.edge_share == pytest.approx(0.5)
    assert bars.span == pytest.approx((np.log10(grid[0]), np.log10(grid[-1])))
    assert bars.step == pytest.approx(0.5)


def test_penalties_that_are_not_known_have_no_bars() -> None:
    assert alpha_bars(replace(CARD, alpha=np.full(10, np.nan, np.float32)), np.arange(10)) is None


def test_lines_follow_the_networks_order_and_take_medians() -> None:
    late = replace(CARD, config=replace(CARD.config, layer="late"), r=np.linspace(0, 0.9, 10, dtype=np.float32))
    early = replace(CARD, config=replace(CARD.config, layer="early"))
    other = replace(make_card(4), config=replace(CARD.config, layer="middle"))
    lines = layer_lines((late, early, other), TABLE, ("early", "middle", "late"))
    assert lines.layers == ("early", "late")
    assert lines.medians[ALL].tolist() == pytest.approx([0.5, 0.45])
    assert lines.medians["FFA"].tolist() == pytest.approx([0.5, 0.7])
    assert lines.tried == {}


def test_a_search_over_layers_is_drawn_beside_the_fitted_ones() -> None:
    curve = (LayerScore("a", "V1", 0.1), LayerScore("body", "V1", 0.3))
    lines = layer_lines((replace(CARD, layer_curve=curve),), TABLE, ("a", "body"))
    assert lines.layers == ("a", "body")
    assert lines.tried["V1"].tolist() == pytest.approx([0.1, 0.3])
    assert np.isnan(lines.medians[ALL][0])


def test_thinning_is_even_and_keeps_small_sets_whole() -> None:
    assert thin(7).tolist() == list(range(7))
    many = thin(10 * MOST_POINTS)
    assert len(many) == MOST_POINTS
    assert set(np.diff(many).tolist()) == {10}


def test_the_nearest_point_is_found_within_reach_only() -> None:
    x, y = np.array([0.0, 1.0, np.nan]), np.array([0.0, 1.0, 0.0])
    assert nearest(x, y, at=(0.9, 1.05), reach=(0.2, 0.2)) == 1
    assert nearest(x, y, at=(0.5, 0.5), reach=(0.2, 0.2)) is None
    assert nearest(x[:0], y[:0], at=(0, 0), reach=(1, 1)) is None


def test_a_comparison_is_said_in_numbers() -> None:
    first = np.array([0.1, 0.2, 0.3, np.nan], dtype=np.float32)
    text = describe_difference(first, first + np.float32(0.1))
    assert text.startswith("Median difference +0.100; higher in 100% of 3 voxels")
    assert "1.00" in text
    assert describe_difference(first[3:], first[3:]) == "No voxel has both scores."
