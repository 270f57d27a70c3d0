"""What the card's plots draw, checked by counting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.encoders.card_data import (
    ALL,
    MOST_POINTS,
    ROW_HEIGHT,
    SCORES,
    describe_difference,
    offered_scores,
    plot_alphas,
    plot_layers,
    plot_scores,
    roi_groups,
    thin,
)
from app.look.plotting import nearest
from core.encoders.card import LayerScore
from tests.helpers.tiny_encoders import make_card, make_table

TABLE = make_table(10)
CARD = make_card(10)


def test_every_histogram_counts_its_rois_voxels() -> None:
    values = np.array([0.1, 0.1, 0.1, 0.5, np.nan, 0.9, 0.9, 0.2, 0.2, 0.2], dtype=np.float32)
    shown = {one.name: one for one in plot_scores(replace(CARD, r=values), TABLE, SCORES[0], ALL).series}
    first, second = shown["V1"], shown["FFA"]
    assert (first.foot, second.foot) == (1, 0)
    assert shown["medians"].x == pytest.approx([0.1, 0.2])
    assert list(shown["medians"].y) == [first.foot, second.foot]
    heights = (np.asarray(first.y)[::2] - 1) / ROW_HEIGHT
    assert heights.max() == pytest.approx(1)
    assert sorted(heights[heights > 0].tolist()) == pytest.approx([1 / 3, 1.0])
    assert np.array_equal(first.x, second.x)


def test_unknown_scores_have_no_histogram_and_are_not_offered() -> None:
    unknown = np.full(10, np.nan, dtype=np.float32)
    nothing = plot_scores(replace(CARD, r=unknown), TABLE, SCORES[0], ALL)
    assert (nothing.series, nothing.empty) == ((), "No scores")
    names = [choice.name for choice in offered_scores(replace(CARD, cv_r=unknown))]
    assert names == ["r", "r2", "r2_ceiling"]


def test_voxels_outside_every_roi_are_a_group_of_their_own() -> None:
    groups = roi_groups(replace(TABLE, roi=("V1",) * 9 + ("",)))
    assert {name: len(voxels) for name, voxels in groups.items()} == {"V1": 9, "(none)": 1}


def test_the_bars_are_the_shares_of_each_penalty() -> None:
    grid = CARD.config.alphas
    alpha = np.array([grid[0]] * 2 + [grid[4]] * 5 + [grid[-1]] * 3, dtype=np.float32)
    plot = plot_alphas(replace(CARD, alpha=alpha), np.arange(10))
    inner, edge = plot.series
    assert list(inner.y) == pytest.approx([50])
    assert list(edge.y) == pytest.approx([20, 30])
    assert [*inner.x, *edge.x] == pytest.approx(np.log10([grid[4], grid[0], grid[-1]]).tolist(), abs=1e-6)
    assert (inner.ink, edge.ink) == ("accent", "warning")
    assert "50.0% at the edge of the grid" in plot.title
    assert plot.x_range == pytest.approx((np.log10(grid[0]) - 0.4, np.log10(grid[-1]) + 0.4))
    assert inner.bar == pytest.approx(0.8 * 0.5)


def test_penalties_that_are_not_known_have_no_bars() -> None:
    plot = plot_alphas(replace(CARD, alpha=np.full(10, np.nan, np.float32)), np.arange(10))
    assert plot.series == ()


def test_lines_follow_the_networks_order_and_take_medians() -> None:
    late = replace(CARD, config=replace(CARD.config, layer="late"), r=np.linspace(0, 0.9, 10, dtype=np.float32))
    early = replace(CARD, config=replace(CARD.config, layer="early"))
    other = replace(make_card(4), config=replace(CARD.config, layer="middle"))
    plot = plot_layers(late, (early, other), TABLE, ("early", "middle", "late"), roi=ALL)
    lines = {one.name: list(one.y) for one in plot.series}
    assert [name for _, name in plot.x_ticks] == ["early", "late ◂"]
    assert lines[ALL] == pytest.approx([0.5, 0.45])
    assert lines["FFA"] == pytest.approx([0.5, 0.7])
    assert "tried" not in lines


def test_a_search_over_layers_is_drawn_beside_the_fitted_ones() -> None:
    curve = (LayerScore("a", "V1", 0.1), LayerScore("body", "V1", 0.3))
    plot = plot_layers(replace(CARD, layer_curve=curve), (), TABLE, ("a", "body"), roi="V1")
    lines = {one.name: list(one.y) for one in plot.series}
    assert [name for _, name in plot.x_ticks] == ["a", "body ◂"]
    assert lines["tried"] == pytest.approx([0.1, 0.3])
    assert np.isnan(lines[ALL][0])


def test_thinning_is_even_and_keeps_small_sets_whole() -> None:
    assert thin(7).tolist() == list(range(7))
    many = thin(10 * MOST_POINTS)
    assert len(many) == MOST_POINTS
    assert set(np.diff(many).tolist()) == {10}


def test_the_nearest_point_is_found_within_reach_only() -> None:
    places = np.array([[0.0, 0.0], [1.0, 1.0], [np.nan, 0.0]])
    assert nearest(places, at=(0.9, 1.05), reach=np.array([0.2, 0.2])) == 1
    assert nearest(places, at=(0.5, 0.5), reach=np.array([0.2, 0.2])) is None
    assert nearest(places[:0], at=(0, 0), reach=np.ones(2)) is None


def test_a_comparison_is_said_in_numbers() -> None:
    first = np.array([0.1, 0.2, 0.3, np.nan], dtype=np.float32)
    text = describe_difference(first, first + np.float32(0.1))
    assert text.startswith("Median difference +0.100; higher in 100% of 3 voxels")
    assert "1.00" in text
    assert describe_difference(first[3:], first[3:]) == "No voxel has both scores."
