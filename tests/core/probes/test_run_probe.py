"""A probe from end to end on tiny encoders: its numbers follow from its pixels, and it stops when told to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig, AttackMethod
from core.encoders.encoder import Encoder
from core.errors import BadInputError, Cancelled
from core.images.stimulus import Stimulus, to_uint8
from core.probes.probe import Probe, ProbeConfig, ProbeProgress
from core.probes.run import iter_probe
from core.probes.target import target_roi, target_set, target_weights
from core.types import Direction, NormName
from tests.helpers.tiny_encoders import (
    NAMES,
    make_config,
    make_conv_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    make_table,
    pixel_weights,
)

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 0.8, NormName.LINF: 8 / 255}


def never() -> bool:
    return False


def run(encoder: Encoder, stimulus: Stimulus, config: ProbeConfig) -> list[ProbeProgress]:
    return list(iter_probe(encoder, stimulus, config, should_stop=never))


def finish(encoder: Encoder, stimulus: Stimulus, config: ProbeConfig) -> Probe:
    probe = run(encoder, stimulus, config)[-1].result
    assert probe is not None
    return probe


@BOTH
@pytest.mark.parametrize("direction", list(Direction))
def test_linear_encoder_has_linearity_one(norm: NormName, direction: Direction) -> None:
    encoder = make_linear_encoder()
    attack = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=4)
    probe = finish(encoder, make_mid_grey(), make_config(encoder, attack, voxel=1, direction=direction))
    dual = np.linalg.norm(pixel_weights(encoder, 1).ravel(), 2 if norm is NormName.L2 else 1)
    np.testing.assert_allclose(probe.curve.first_order, direction.sign * probe.curve.epsilon * dual, rtol=1e-5)
    np.testing.assert_allclose(probe.curve.linearity, 1, rtol=1e-4)
    np.testing.assert_allclose(probe.curve.sign_flip_shift, -probe.curve.shift, rtol=1e-4)


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
def test_every_number_follows_from_the_delivered_pixels(norm: NormName, quantise: bool) -> None:
    encoder, stimulus = make_conv_encoder(), make_photo(seed=1)
    attack = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=4, quantise=quantise)
    probe = finish(encoder, stimulus, make_config(encoder, attack, voxel=2))
    pairs = {
        "clean": probe.clean_pixels,
        "perturbed": probe.perturbed_pixels,
        "control": probe.control_pixels,
        "sign_flip": probe.sign_flip_pixels,
    }
    for name, pixels in pairs.items():
        expected = encoder(torch.tensor(pixels)[None])[0].detach().numpy()
        np.testing.assert_allclose(getattr(probe, name), expected, rtol=1e-5, atol=1e-5)
    assert np.array_equal(probe.clean_pixels, stimulus.pixels)
    assert np.array_equal(probe.rung_pixels[-1], probe.perturbed_pixels)
    for number, pixels in enumerate(probe.rung_pixels):
        shift = (encoder(torch.tensor(pixels)[None]) - encoder(torch.tensor(stimulus.pixels)[None]))[0, 2]
        delta = pixels.astype(np.float64) - stimulus.pixels
        assert probe.curve.shift[number] == pytest.approx(float(shift.detach()), abs=1e-5)
        assert probe.curve.l2[number] == pytest.approx(np.linalg.norm(delta))
        assert probe.curve.linf[number] == pytest.approx(np.abs(delta).max())
    assert probe.l2 == pytest.approx(probe.curve.l2[-1]) and probe.linf == pytest.approx(probe.curve.linf[-1])
    assert probe.delivered_8bit is quantise


@BOTH
def test_controls_have_the_realised_norm_of_the_perturbation(norm: NormName) -> None:
    encoder, stimulus = make_conv_encoder(), make_photo(seed=1)
    attack = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=4)
    probe = finish(encoder, stimulus, make_config(encoder, attack))

    def size(pixels: np.ndarray) -> float:
        delta = (pixels.astype(np.float64) - stimulus.pixels).ravel()
        return float(np.linalg.norm(delta, 2 if norm is NormName.L2 else np.inf))

    assert size(probe.control_pixels) == pytest.approx(size(probe.perturbed_pixels), rel=2e-6)
    assert size(probe.sign_flip_pixels) == pytest.approx(size(probe.perturbed_pixels), rel=2e-6)
    assert size(probe.perturbed_pixels) <= attack.epsilon * (1 + 1e-6)


@pytest.mark.parametrize("direction", list(Direction))
def test_raise_raises_and_lower_lowers_more_than_the_control(direction: Direction) -> None:
    encoder = make_conv_encoder()
    probe = finish(encoder, make_photo(), make_config(encoder, AttackConfig(epsilon=0.8), direction=direction))
    assert direction.sign * probe.curve.shift[-1] > 3 * abs(probe.curve.control_shift[-1])
    signed = direction.sign * probe.curve.shift
    assert bool((np.diff(signed) > 0).all())


def test_roi_set_and_weights_move_their_own_mean() -> None:
    encoder, table = make_conv_encoder(n_voxels=6), make_table(6)
    stimulus, attack = make_photo(), AttackConfig(epsilon=0.8)
    contrast = np.asarray([1, 1, 0, 0, -1, -1], dtype=np.float32)
    targets = [
        (target_roi(table, "V1"), np.asarray([1, 1, 1, 0, 0, 0]) / 3),
        (target_set(table, [5, 1, 5]), np.asarray([0, 1, 0, 0, 0, 1]) / 2),
        (target_weights(table, contrast, label="contrast"), contrast),
    ]
    for target, weights in targets:
        probe = finish(encoder, stimulus, ProbeConfig(*NAMES, target, Direction.RAISE, attack))
        assert probe.curve.shift[-1] == pytest.approx(float(weights @ probe.shift), abs=1e-5)
        assert probe.curve.shift[-1] > 0
        assert probe.target_sd == pytest.approx(encoder.target_sd(target.vector(6)))


def test_no_budget_shifts_nothing() -> None:
    encoder = make_conv_encoder()
    probe = finish(encoder, make_photo(), make_config(encoder, AttackConfig(epsilon=0.0)))
    for pixels in (probe.perturbed_pixels, probe.control_pixels, probe.sign_flip_pixels):
        assert np.array_equal(pixels, probe.clean_pixels)
    np.testing.assert_allclose(probe.shift, 0, atol=1e-6)
    assert np.isnan(probe.curve.linearity).all()


def test_progress_counts_every_step_and_ends_with_the_probe() -> None:
    encoder, stimulus = make_conv_encoder(), make_photo()
    attack = AttackConfig(epsilon=0.8, n_steps=3, n_restarts=2)
    records = run(encoder, stimulus, make_config(encoder, attack))
    stages = [record.stage for record in records]
    assert stages == ["clean"] + ["attack"] * 30 + ["controls", "done"]
    assert [record.step for record in records[:31]] == list(range(31))
    assert all(record.n_steps == 30 for record in records)
    assert all(record.result is None for record in records[:-1])
    assert np.array_equal(records[0].pixels, to_uint8(stimulus.pixels))
    for record in records:
        assert record.pixels.dtype == np.uint8 and record.pixels.shape == (8, 8, 3)
        assert record.responses.shape == (encoder.n_voxels,)
    assert records[5].shift == pytest.approx(float(records[5].responses[0] - records[5].clean[0]), abs=1e-5)
    probe = records[-1].result
    assert probe is not None
    assert np.array_equal(records[-1].pixels, to_uint8(probe.perturbed_pixels))
    assert probe.history.n_steps == 15  # of each budget the run that was kept
    assert list(np.unique(probe.history.epsilon)) == pytest.approx(list(probe.curve.epsilon))


def test_history_holds_the_steps_in_order_and_within_their_budget() -> None:
    encoder, stimulus = make_conv_encoder(), make_photo()
    records = run(encoder, stimulus, make_config(encoder, AttackConfig(epsilon=0.8, n_steps=3)))
    probe = records[-1].result
    assert probe is not None
    attacked = [record for record in records if record.stage == "attack"]
    np.testing.assert_array_equal(probe.history.pixels, np.stack([record.pixels for record in attacked]))
    np.testing.assert_array_equal(probe.history.responses, np.stack([record.responses for record in attacked]))
    np.testing.assert_allclose(probe.history.shift, [record.shift for record in attacked])


def test_long_attacks_keep_a_bounded_history() -> None:
    encoder = make_linear_encoder()
    probe = finish(encoder, make_mid_grey(), make_config(encoder, AttackConfig(epsilon=0.8, n_steps=150)))
    assert probe.history.n_steps <= 400
    assert probe.history.epsilon[-1] == 0.8


@pytest.mark.parametrize("method", list(AttackMethod))
def test_same_probe_twice_gives_the_same_bits(method: AttackMethod) -> None:
    encoder, stimulus = make_conv_encoder(), make_photo()
    attack = AttackConfig(
        epsilon=0.8, method=method, n_steps=12, n_queries=100, random_start=True, n_restarts=2, seed=4
    )
    first, again = (finish(encoder, stimulus, make_config(encoder, attack)) for _ in range(2))
    for name in ("perturbed_pixels", "control_pixels", "perturbed", "control", "sign_flip", "rung_pixels"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name


def count_hooks(encoder: Encoder) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in encoder.modules())


@pytest.mark.parametrize("asked", [1, 7, 40, 200])
def test_cancelling_inside_a_step_raises_and_removes_the_hooks(asked: int) -> None:
    encoder = make_conv_encoder()
    before, count = count_hooks(encoder), 0

    def stop_after() -> bool:
        nonlocal count
        count += 1
        return count >= asked

    config = make_config(encoder, AttackConfig(epsilon=0.8))
    with pytest.raises(Cancelled):
        list(iter_probe(encoder, make_photo(), config, should_stop=stop_after))
    assert count == asked  # asked once more would be late
    assert count_hooks(encoder) == before


def test_cancelling_before_the_controls_is_heard() -> None:
    encoder, seen = make_conv_encoder(), []
    config = make_config(encoder, AttackConfig(epsilon=0.8))
    running = iter_probe(encoder, make_photo(), config, should_stop=lambda: seen[-1:] == ["controls"])
    with pytest.raises(Cancelled):
        seen.extend(record.stage for record in running)
    assert seen[-1] == "controls"


def test_leaving_the_iteration_removes_the_hooks() -> None:
    encoder = make_conv_encoder()
    before = count_hooks(encoder)
    running = iter_probe(encoder, make_photo(), make_config(encoder, AttackConfig()), should_stop=never)
    next(running)
    assert count_hooks(encoder) > before
    running.close()
    assert count_hooks(encoder) == before


def test_error_inside_the_network_removes_the_hooks() -> None:
    encoder = make_conv_encoder()
    before = count_hooks(encoder)
    encoder.network.body[1].forward = lambda values: values / 0 * float("nan")  # type: ignore[method-assign, operator]
    with pytest.raises(BadInputError, match=r"`response` must be finite"):
        run(encoder, make_photo(), make_config(encoder, AttackConfig()))
    assert count_hooks(encoder) == before


def test_stimulus_of_another_size_is_refused() -> None:
    encoder = make_conv_encoder()
    with pytest.raises(BadInputError, match=r"`pixels` must be of shape \(n, 3, 8, 8\) for tiny, got \(1, 3, 9, 9\)"):
        run(encoder, make_photo(9), make_config(encoder, AttackConfig()))


def test_encoder_of_another_name_is_refused() -> None:
    encoder = make_conv_encoder()
    config = dataclasses.replace(make_config(encoder, AttackConfig()), layer="other")
    with pytest.raises(BadInputError, match=r"`config` must be tiny_subject tiny body.*got 'tiny_subject tiny other'"):
        run(encoder, make_photo(), config)


def test_voxel_the_encoder_does_not_have_is_refused() -> None:
    encoder, more = make_conv_encoder(), make_conv_encoder(n_voxels=50)
    with pytest.raises(BadInputError, match=r"`target` must be made of voxels from 0 to 4, got 'voxel 40"):
        run(encoder, make_photo(), make_config(more, AttackConfig(), voxel=40))
