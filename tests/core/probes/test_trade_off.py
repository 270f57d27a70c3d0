"""The trade-off: its front against brute force, its points against numpy and closed forms of linear encoders."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from core.attacks.config import AttackConfig
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.errors import BadInputError
from core.probes.probe import ProbeConfig
from core.probes.run import iter_probe
from core.probes.target import Target, TargetKind
from core.probes.trade_off import TradeOff, find_front, iter_trade_off, measure_point, plan_trade_off
from core.types import Direction
from tests.helpers.tiny_encoders import NAMES, make_linear_encoder, make_mid_grey, pixel_weights

TARGET = Target(TargetKind.VOXEL, "voxel 1", voxels=(1,), weights=(1.0,))


def make_config(direction: Direction = Direction.RAISE, **more: object) -> ProbeConfig:
    attack = AttackConfig(epsilon=0.5, n_steps=40)
    return ProbeConfig(*NAMES, TARGET, direction, attack, ladder=(0.5,), **more)  # type: ignore[arg-type]


def run(direction: Direction = Direction.RAISE, weights: tuple[float, ...] = (0.0, 1.0, 30.0)) -> TradeOff:
    encoder = make_linear_encoder(4)
    probe = partial(iter_probe, encoder, make_mid_grey(), should_stop=lambda: False)
    *_, last = iter_trade_off(probe, make_config(direction), weights=weights)
    assert last.result is last
    return last


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_brute_force_leaves(seed: int) -> None:
    points = np.random.default_rng(seed).integers(-4, 5, (1 + seed % 12, 2)).tolist()  # with many ties
    expected = [
        not any((g >= gain and c <= cost) and (g > gain or c < cost) for g, c in points) for gain, cost in points
    ]
    assert find_front(*zip(*points, strict=True)).tolist() == expected


@pytest.mark.parametrize("direction", Direction)
def test_points_are_what_numpy_makes_of_the_pixels(direction: Direction) -> None:
    encoder = make_linear_encoder(4)
    slopes = np.stack([pixel_weights(encoder, voxel) for voxel in range(4)])
    for one in run(direction).points:
        moved = np.tensordot(slopes, one.probe.perturbed_pixels.astype(np.float64) - one.probe.clean_pixels, 3)
        sign = 1 if direction is Direction.RAISE else -1
        assert one.target_sd == pytest.approx(sign * moved[1] / one.probe.target_sd, rel=1e-3)
        assert one.spill_sd == pytest.approx(np.abs(moved[[0, 2, 3]]).mean() / 0.5, rel=1e-3)  # every SD is 0.5


def test_the_ends_are_the_plain_target_and_a_spared_rest() -> None:
    trade = run()
    first, middle, last = trade.points
    slope = pixel_weights(make_linear_encoder(4), 1)
    assert first.target_sd == pytest.approx(0.5 * np.linalg.norm(slope) / first.probe.target_sd, rel=1e-3)
    assert first.probe.config.objective.is_linear
    assert middle.probe.config.objective == ObjectiveConfig(ObjectiveKind.SELECTIVE, 1.0)
    assert first.target_sd > middle.target_sd > last.target_sd > 0
    assert first.spill_sd > middle.spill_sd > last.spill_sd
    assert trade.front == (last, middle, first)


def test_records_fill_in_and_a_quick_look_comes_first() -> None:
    encoder = make_linear_encoder(3)
    probe = partial(iter_probe, encoder, make_mid_grey(), should_stop=lambda: False)
    config = replace(make_config(), attack=AttackConfig(epsilon=0.5), ladder=())
    looks = []
    for record in iter_trade_off(probe, config, weights=(0.0, 3.0), quick=True):
        looks.append([one.probe.config.attack.is_quick_look for one in record.points])
        assert 0 <= record.done <= record.total == 4
    seen = [look for number, look in enumerate(looks) if number == 0 or look != looks[number - 1]]
    assert seen == [[], [True], [True, True], [False, True], [False, False]]


def test_what_has_no_trade_off_is_refused() -> None:
    pattern = Target(TargetKind.PATTERN, "pattern", voxels=(0, 1), weights=(1.0, 2.0))
    with pytest.raises(BadInputError, match="`trade-off` must be two or more weights, ascending, got '1,0'"):
        plan_trade_off(make_config(), (1.0, 0.0))
    with pytest.raises(BadInputError, match="`trade-off` must be two or more"):
        plan_trade_off(make_config(), (1.0,))
    with pytest.raises(BadInputError, match="must be of a target, not a pattern"):
        plan_trade_off(ProbeConfig(*NAMES, pattern, objective=ObjectiveConfig(ObjectiveKind.DISTANCE)), (0.0, 1.0))
    with pytest.raises(BadInputError, match="must be at a budget, not a wanted shift"):
        plan_trade_off(make_config(wanted_shift_sd=1.0), (0.0, 1.0))
    probe = run().points[0].probe
    with pytest.raises(BadInputError, match="no SD of the target"):
        measure_point(0.0, replace(probe, target_sd=float("nan")))
    with pytest.raises(BadInputError, match="no other voxel with one"):
        measure_point(0.0, replace(probe, reference_sd=np.full(4, np.nan, np.float32)))
