"""Trial orders against brute force: spacing, balance, repeats over runs, and exactly which wishes are impossible."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest

from core.errors import BadInputError
from core.experiments.packages.orders import (
    CatchKind,
    OrderConfig,
    Run,
    TrialKind,
    count_runs,
    make_orders,
    order_sources,
    widest_spacing,
)
from tests.helpers.stimulus_sets import ROLES, make_rows

SEEDS = range(12)


def sources(run: Run) -> list[str]:
    return [trial.row.source_image for trial in run if trial.kind is TrialKind.STIMULUS and trial.row]


def nearest_repeat(shown: list[str]) -> int:
    """The fewest things between two equal ones, over all pairs of places."""
    gaps = [b - a - 1 for a, b in itertools.combinations(range(len(shown)), 2) if shown[a] == shown[b]]
    return min(gaps, default=len(shown))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("n_images", "targets", "repeats", "runs", "spacing"), [(7, 1, 2, 2, 5), (12, 3, 3, 4, 5)])
def test_no_image_repeats_within_the_spacing(
    seed: int, n_images: int, targets: int, repeats: int, runs: int, spacing: int
) -> None:
    config = OrderConfig(runs=runs, repeats=repeats, spacing=spacing, catch_per_run=3, blanks_per_run=4, seed=seed)
    for run in make_orders(make_rows(n_images, targets=targets), config)[0]:
        assert nearest_repeat(sources(run)) >= spacing
        images = [trial.row.source_image if trial.row else f"none {index}" for index, trial in enumerate(run)]
        assert nearest_repeat(images) >= spacing


@pytest.mark.parametrize("spacing", [0, 1, 2, 3])
def test_the_widest_spacing_is_the_one_exhaustive_search_finds(spacing: int) -> None:
    for counts in itertools.product(range(1, 4), repeat=3):
        if sum(counts) > 7:
            continue
        names = [name for name, count in zip("abc", counts, strict=True) for _ in range(count)]
        possible = any(nearest_repeat(list(order)) >= spacing for order in set(itertools.permutations(names)))
        widest = widest_spacing(dict(zip("abc", counts, strict=True)))
        assert (widest is None or spacing <= widest) == possible, counts


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_is_found_even_where_it_is_as_tight_as_can_be(seed: int) -> None:
    counts = {"a": 6, "b": 6, "c": 5, "d": 5, "e": 1}
    spacing = widest_spacing(counts)
    order = order_sources(counts, spacing or 0, np.random.default_rng(seed))
    assert Counter(order) == counts and nearest_repeat(order) >= (spacing or 0) == 3


def test_a_wider_spacing_than_possible_is_refused_before_any_order_is_made() -> None:
    with pytest.raises(BadInputError, match=r"`spacing` must be at most 3, got 5.*'image.' 3 times among 12 stimuli"):
        make_orders(make_rows(4), OrderConfig(catch_per_run=0))
    runs = make_orders(make_rows(4), OrderConfig(catch_per_run=0, spacing=3))[0]
    assert nearest_repeat(sources(runs[0])) == 3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("n_pairs", "repeats", "runs"), [(6, 3, 3), (10, 4, 4), (9, 2, 6), (7, 5, 3), (8, 6, 6)])
def test_runs_hold_equally_many_pairs_and_repeats_go_to_different_runs(
    seed: int, n_pairs: int, repeats: int, runs: int
) -> None:
    config = OrderConfig(runs=runs, repeats=repeats, spacing=0, catch_per_run=0, seed=seed)
    made = make_orders(make_rows(n_pairs), config)[0]
    held = [Counter(trial.row.pair_id for trial in run if trial.row) for run in made]
    units = [sum(counts.values()) // len(ROLES) for counts in held]
    assert sum(units) == n_pairs * repeats and max(units) - min(units) <= 1
    for pair in {item.pair_id for item in make_rows(n_pairs)}:
        times = [counts[pair] // len(ROLES) for counts in held]
        assert sum(times) == repeats and max(times) - min(times) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_every_run_shows_every_role_equally_often(seed: int) -> None:
    made = make_orders(make_rows(9), OrderConfig(runs=3, repeats=2, spacing=2, seed=seed))[0]
    for run in made:
        counts = Counter(trial.row.role for trial in run if trial.kind is TrialKind.STIMULUS and trial.row)
        assert set(counts) == set(ROLES) and len(set(counts.values())) == 1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("n_images", "runs"), [(8, 2), (7, 2), (9, 3), (10, 4)])
def test_directions_targets_and_images_are_spread_over_the_runs(seed: int, n_images: int, runs: int) -> None:
    rows = tuple(
        dataclasses.replace(row, pair_id=f"{row.pair_id}-{way}", id=f"{row.id}-{way}")
        for way in ("raise", "lower")
        for row in make_rows(n_images, targets=2, roles=("original", way))
    )
    made = make_orders(rows, OrderConfig(runs=runs, spacing=0, catch_per_run=0, seed=seed))[0]
    shown = [[trial.row for trial in run if trial.row] for run in made]
    for way in ("raise", "lower"):
        spread_evenly([sum(row.role == way for row in run) for run in shown])
        for target in ("t0", "t1"):
            spread_evenly([sum((row.role, row.target) == (way, target) for row in run) for run in shown])
    for image in {row.source_image for row in rows}:
        times = [sum(row.source_image == image for row in run) // 2 for run in shown]
        assert sum(times) == 4 and max(times) <= 2  # four pairs of an image, at least two runs


def spread_evenly(counts: list[int]) -> None:
    assert sum(counts) > 0 and max(counts) - min(counts) <= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_roles_come_at_every_place_of_their_pair_equally_often(seed: int) -> None:
    run = make_orders(make_rows(12), OrderConfig(spacing=5, catch_per_run=0, seed=seed))[0][0]
    shown = [trial.row for trial in run if trial.row]
    orders = [tuple(item.role for item in shown if item.pair_id == f"image{image}-t0") for image in range(12)]
    for place in range(3):
        assert set(Counter(order[place] for order in orders).values()) == {4}
    for first, second in itertools.combinations(ROLES, 2):
        assert sum(order.index(first) < order.index(second) for order in orders) == 6


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", list(CatchKind))
def test_catch_trials_and_blanks_are_as_many_as_asked_and_catches_stand_apart(seed: int, kind: CatchKind) -> None:
    config = OrderConfig(catch_per_run=4, blanks_per_run=5, catch_kind=kind, spacing=5, seed=seed)
    for run in make_orders(make_rows(10), config)[0]:
        kinds = [trial.kind for trial in run]
        assert Counter(kinds) == {TrialKind.STIMULUS: 30, TrialKind.CATCH: 4, TrialKind.BLANK: 5}
        for index, trial in enumerate(run):
            if trial.kind is not TrialKind.CATCH:
                continue
            before = run[index - 1]
            assert index > 0 and before.kind is TrialKind.STIMULUS
            assert trial.row is (before.row if kind is CatchKind.REPEAT else None)


def test_the_same_seed_gives_the_same_orders_and_another_seed_others() -> None:
    items, config = make_rows(10, targets=2), OrderConfig(participants=2, repeats=2, seed=3)
    assert make_orders(items, config) == make_orders(items, config)
    assert make_orders(items, config) != make_orders(items, OrderConfig(participants=2, repeats=2, seed=4))
    first, second = make_orders(items, config)
    assert first != second
    assert make_orders(items, OrderConfig(participants=1, repeats=2, seed=3))[0] == first


@pytest.mark.parametrize(("stimuli_per_run", "runs"), [(90, 1), (15, 2), (14, 3), (1, 10)])
def test_runs_follow_from_the_stimuli_a_run_may_hold(stimuli_per_run: int, runs: int) -> None:
    assert count_runs(make_rows(10), OrderConfig(stimuli_per_run=stimuli_per_run)) == runs


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (OrderConfig(runs=11), "`runs` must be at most 10, got 11. There are 10 pairs"),
        (OrderConfig(catch_per_run=30), "`catch_per_run` must be below the 30 stimuli of run 1, got 30"),
    ],
)
def test_wishes_no_order_can_meet_are_refused_in_one_sentence(config: OrderConfig, sentence: str) -> None:
    with pytest.raises(BadInputError, match=sentence):
        make_orders(make_rows(10), config)


@pytest.mark.parametrize("field", ["repeats", "participants", "stimuli_per_run"])
def test_counts_that_cannot_be_none_are_refused(field: str) -> None:
    with pytest.raises(BadInputError, match=f"`{field}` must be a whole number of at least 1, got 0"):
        OrderConfig(**{field: 0})


@pytest.mark.parametrize("wish", ["repeats", "participants", "blanks_per_run", "catch_per_run"])
def test_a_slip_of_many_noughts_is_told_at_once(wish: str) -> None:
    with pytest.raises(BadInputError, match=r"`experiment` must be of at most 200,000 trials over all participants"):
        make_orders(make_rows(6), OrderConfig(**{wish: 10**9}))  # type: ignore[arg-type]
