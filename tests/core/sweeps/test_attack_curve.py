"""Climbs against closed forms on linear encoders, where a budget of epsilon shifts by exactly epsilon ||w||."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.attacks.config import AttackConfig, AttackMethod
from core.encoders.encoder import Encoder
from core.errors import BadInputError, Cancelled, NoGradientError
from core.sweeps.attack_curve import AttackCurve, measure_angles, measure_curvature, run_curve
from core.types import FloatArray, NormName
from tests.helpers.tiny_encoders import SIDE, make_conv_encoder, make_encoder, make_linear_encoder, pixel_weights

LADDER = (0.05, 0.1, 0.2)


def grey(n_images: int) -> FloatArray:
    """Dark to light greys, with room both ways."""
    return np.stack([np.full((3, SIDE, SIDE), level, np.float32) for level in np.linspace(0.4, 0.6, n_images)])


def run(
    encoder: Encoder,
    pixels: FloatArray,
    *,
    norm: NormName = NormName.L2,
    at_once: int = 8,
    sign: int = 1,
    method: AttackMethod = AttackMethod.PGD,
) -> dict[str, FloatArray]:
    direction = np.eye(encoder.n_voxels, dtype=np.float32)[0]
    attack = AttackConfig(norm=norm, epsilon=LADDER[-1], n_steps=4, method=method, n_queries=60)
    keys = [str(number) for number in range(len(pixels))]
    curve = AttackCurve(direction, sign, attack, LADDER)
    return run_curve(encoder, pixels, curve, keys=keys, should_stop=lambda: False, at_once=at_once)


@pytest.mark.parametrize(("norm", "order"), [(NormName.L2, 2), (NormName.LINF, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_linear_encoder_shifts_by_epsilon_times_the_dual_norm(norm: NormName, order: int, sign: int) -> None:
    encoder = make_linear_encoder()
    found = run(encoder, grey(3), norm=norm, sign=sign)
    dual = np.linalg.norm(pixel_weights(encoder).ravel(), ord=order)
    assert np.allclose(found["shift"], sign * np.asarray(LADDER) * dual, rtol=1e-4)
    assert np.allclose(found["dual_size"], dual, rtol=1e-5)
    assert found["sd"] == pytest.approx(float(torch.linalg.norm(encoder.weights[:, 0].double())))
    assert np.allclose(found[str(norm)], LADDER, rtol=1e-4)


def test_the_parts_multiply_to_the_shift() -> None:
    encoder = make_conv_encoder()
    pixels = grey(2)
    found = run(encoder, pixels)
    with torch.no_grad():
        features = encoder.network(torch.from_numpy(pixels)).flatten(1).double()
    moved = found["feature_change"] * features.norm(dim=1).numpy()[:, None]
    assert np.allclose(moved * found["weight_size"] * found["alignment"], found["shift"], rtol=1e-5)


def test_the_shift_is_that_of_the_delivered_pixels() -> None:
    encoder = make_conv_encoder()
    pixels = grey(2)
    found = run(encoder, pixels)
    with torch.no_grad():
        before, after = encoder(torch.from_numpy(pixels)), encoder(torch.from_numpy(pixels + found["delta"]))
    assert np.allclose((after - before)[:, 0].numpy(), found["shift"][:, -1], atol=1e-5)


class Detached(nn.Module):
    """Hands no gradient on."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.detach().flatten(1)


def test_a_network_without_gradients_is_searched_by_squares_within_the_budget() -> None:
    encoder = make_encoder(Detached(), rank=3, n_voxels=3)
    with pytest.raises(NoGradientError, match="by the method `square` and a ranking"):
        run(encoder, grey(2))
    found = run(encoder, grey(2), norm=NormName.LINF, method=AttackMethod.SQUARE)
    most = np.asarray(LADDER) * np.linalg.norm(pixel_weights(encoder).ravel(), ord=1)
    assert (found["shift"] > 0.2 * most).all()
    assert (found["shift"] <= most * (1 + 1e-5)).all()
    assert np.isnan(found["dual_size"]).all()
    assert (found["linf"] <= np.asarray(LADDER) * (1 + 1e-5)).all()


@pytest.mark.parametrize("method", [AttackMethod.PGD, AttackMethod.SQUARE])
def test_the_size_of_a_batch_changes_nothing(method: AttackMethod) -> None:
    encoder, pixels = make_conv_encoder(), grey(5)
    alone, together = (run(encoder, pixels, at_once=size, method=method) for size in (1, 5))
    for name in ("shift", "control", "dual_size", "alignment"):
        assert np.allclose(alone[name], together[name], rtol=1e-4, atol=1e-6), name
    # Differences of nearby float32 features: their angles have three digits.
    assert np.allclose(alone["curvature"], together["curvature"], rtol=2e-3)


def test_a_straight_path_has_no_curvature_and_a_right_angle_ninety_degrees() -> None:
    straight = np.linspace([0.0, 0.0], [3.0, 4.0], 9)[:, None]
    assert measure_curvature(straight)[0] == pytest.approx(0, abs=1e-6)
    corner = np.asarray([[0.0, 0], [1, 0], [1, 1]])[:, None]
    assert measure_curvature(corner)[0] == pytest.approx(90)
    assert measure_curvature(np.zeros((4, 1, 2)))[0] == 0


def test_a_constant_target_is_refused_and_a_stop_is_honoured() -> None:
    encoder = make_linear_encoder()
    curve = AttackCurve(np.zeros(3, np.float32), 1, AttackConfig(epsilon=0.2), LADDER)
    with pytest.raises(BadInputError, match="as a constant"):
        run_curve(encoder, grey(2), curve, keys=["a", "b"], should_stop=lambda: False)
    conv = make_conv_encoder()
    curve = AttackCurve(np.eye(5, dtype=np.float32)[0], 1, AttackConfig(epsilon=0.2), LADDER)
    with pytest.raises(Cancelled):
        run_curve(conv, grey(2), curve, keys=["a", "b"], should_stop=lambda: True)


def test_the_angles_of_a_regular_polygon_are_its_outer_ones_and_a_halt_has_none() -> None:
    turn = np.radians(np.arange(6) * 30)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)[:, np.newaxis]
    assert np.allclose(measure_angles(circle), 30)
    assert np.allclose(measure_curvature(circle), 30)
    halted = circle.copy()
    halted[3:] = halted[2]
    assert np.isfinite(measure_angles(halted))[:, 0].tolist() == [True, False, False, False]
    assert np.allclose(measure_curvature(halted), 30)
