"""Objectives beyond one weighting, against closed forms, constrained solvers and brute force on linear encoders."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.objective import LinearObjective, RuleObjective
from core.attacks.objective_config import ObjectiveConfig, ObjectiveKind
from core.attacks.pgd import iter_pgd
from core.attacks.rules import Rule, make_rule
from core.encoders.encoder import Encoder
from core.errors import BadInputError
from core.types import FloatArray, NormName
from tests.helpers.tiny_encoders import (
    make_conv_encoder,
    make_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    pixel_weights,
)

EPSILON = 0.6


def grey() -> torch.Tensor:
    return torch.tensor(make_mid_grey().pixels)[None]


def make_objective(
    encoder: Encoder,
    kind: ObjectiveKind,
    direction: list[float],
    *,
    pixels: torch.Tensor,
    weight: float = 1.0,
    sign: int = 1,
) -> RuleObjective:
    vector = np.asarray(direction, dtype=np.float32)
    rule = build(encoder, ObjectiveConfig(kind, weight), vector, like=pixels)
    return RuleObjective(encoder, rule, sign=sign, clean=encoder(pixels).detach())


def build(encoder: Encoder, config: ObjectiveConfig, vector: FloatArray, *, like: torch.Tensor) -> Rule:
    return make_rule(
        config,
        vector,
        voxels=tuple(np.flatnonzero(vector).tolist()),
        reference_sd=encoder.card.reference_sd,
        target_sd=encoder.target_sd(vector),
        like=like,
    )


def run_grid(objective: LinearObjective | RuleObjective, clean: torch.Tensor, **options: object) -> torch.Tensor:
    config = AttackConfig(epsilon=EPSILON, **options)  # type: ignore[arg-type]
    *_, last = iter_pgd(objective, clean, config)
    return last.best.pixels


def matrix(encoder: Encoder) -> FloatArray:
    """d responses / d pixels, (n_voxels, n_pixels) float64."""
    return np.stack([pixel_weights(encoder, voxel).ravel() for voxel in range(encoder.n_voxels)])


def best_in_ball(slope: FloatArray, curvature: FloatArray, epsilon: float) -> FloatArray:
    """argmax slope . d - d' curvature d over ||d||_2 <= epsilon, from its optimality conditions."""

    def at(price: float) -> FloatArray:
        return np.linalg.solve(2 * curvature + 2 * price * np.eye(len(slope)), slope)

    free = np.linalg.lstsq(2 * curvature, slope, rcond=1e-10)[0]
    if np.allclose(2 * curvature @ free, slope) and np.linalg.norm(free) <= epsilon * (1 + 1e-6):
        return free
    return at(brentq(lambda price: np.linalg.norm(at(price)) - epsilon, 1e-9, 1e6))


@pytest.mark.parametrize("norm", list(NormName))
@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_a_contrast_gains_epsilon_times_the_dual_norm_of_the_difference(norm: NormName, weight: float) -> None:
    encoder = make_linear_encoder()
    direction = np.asarray([1, -weight, 0], dtype=np.float32)
    epsilon = EPSILON if norm is NormName.L2 else 8 / 255
    *_, last = iter_pgd(LinearObjective(encoder, direction, 1), grey(), AttackConfig(norm=norm, epsilon=epsilon))
    responses = (encoder(last.best.pixels) - encoder(grey()))[0].double().detach().numpy()
    difference = pixel_weights(encoder, 0) - weight * pixel_weights(encoder, 1)
    dual = np.linalg.norm(difference.ravel(), 2 if norm is NormName.L2 else 1)
    assert responses[0] - weight * responses[1] == pytest.approx(epsilon * dual, rel=3e-5)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("weight", [0.3, 3.0, 30.0])
def test_selective_optimum_is_that_of_the_penalised_quadratic(weight: float, sign: int) -> None:
    encoder, clean = make_linear_encoder(5, seed=3), grey()
    objective = make_objective(
        encoder, ObjectiveKind.SELECTIVE, [0, 0, 1, 0, 0], pixels=clean, weight=weight, sign=sign
    )
    rows, others = matrix(encoder), [0, 1, 3, 4]
    sd = float(np.linalg.norm(encoder.weights[:, 2].double().numpy()))  # the reference covariance is the identity
    scaled = rows[others] / encoder.card.reference_sd[others].astype(np.float64)[:, None]
    curvature = weight * sd / len(others) * scaled.T @ scaled
    best = best_in_ball(sign * rows[2], curvature, EPSILON)
    expected = sign * rows[2] @ best - best @ curvature @ best
    reached = objective.score(run_grid(objective, clean, n_steps=400, method=AttackMethod.APGD)).values
    assert float(reached) == pytest.approx(expected, rel=2e-3)


def test_a_heavier_weight_spares_other_voxels_more() -> None:
    encoder, clean = make_conv_encoder(6), torch.tensor(make_photo(seed=2).pixels)[None]
    changes = []
    for weight in (0.0, 1.0, 10.0):
        objective = make_objective(encoder, ObjectiveKind.SELECTIVE, [1, 0, 0, 0, 0, 0], pixels=clean, weight=weight)
        shift = (encoder(run_grid(objective, clean, n_steps=40)) - encoder(clean))[0].detach()
        changes.append(float(shift[1:].square().mean()))
    assert changes[0] > changes[1] > changes[2]


def test_selective_without_weight_is_the_plain_target() -> None:
    encoder, clean = make_conv_encoder(), torch.tensor(make_photo(seed=2).pixels)[None]
    plain = run_grid(LinearObjective(encoder, np.asarray([0, 1, 0, 0, 0], np.float32), 1), clean)
    spared = run_grid(
        make_objective(encoder, ObjectiveKind.SELECTIVE, [0, 1, 0, 0, 0], pixels=clean, weight=0.0), clean
    )
    torch.testing.assert_close(spared, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("reach", [0.2, 1.0, 5.0])
def test_distance_optimum_is_that_of_the_quadratic(reach: float) -> None:
    """Patterns inside the reach of the ball are met exactly; farther ones are come as near to as the ball allows."""
    encoder, clean = make_linear_encoder(3, seed=1), grey()
    before, rows = encoder(clean)[0].double().detach().numpy(), matrix(encoder)
    toward = rows @ (EPSILON * rows[0] / np.linalg.norm(rows[0]))
    pattern = before + reach * toward
    objective = make_objective(encoder, ObjectiveKind.DISTANCE, pattern.tolist(), pixels=clean)
    best = best_in_ball(2 * rows.T @ (pattern - before), rows.T @ rows, EPSILON)
    expected = float(np.square(before + rows @ best - pattern).sum())
    reached = -float(objective.score(run_grid(objective, clean, n_steps=400, method=AttackMethod.APGD)).values)
    start = float(np.square(before - pattern).sum())
    assert reached == pytest.approx(expected, rel=2e-3, abs=2e-4 * start)


def test_cosine_reaches_the_best_angle_found_by_brute_force() -> None:
    """Two reduced features read by three voxels: changes lie in a plane, so all its angles can be tried."""
    encoder, clean = make_encoder(nn.Flatten(), rank=2, n_voxels=3, seed=4), grey()
    pattern = np.asarray([1.0, -0.5, 2.0])
    angles = np.linspace(0, 2 * np.pi, 100_000)
    changes = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ encoder.weights.double().numpy()
    best = (changes @ pattern / np.linalg.norm(changes, axis=1) / np.linalg.norm(pattern)).max()
    objective = make_objective(encoder, ObjectiveKind.COSINE, pattern.tolist(), pixels=clean)
    change = (encoder(run_grid(objective, clean, n_steps=200)) - encoder(clean))[0].double().detach().numpy()
    reached = change @ pattern / np.linalg.norm(change) / np.linalg.norm(pattern)
    assert best < 0.999, "a pattern within reach would prove nothing"
    assert reached == pytest.approx(best, abs=1e-4)
    assert float(objective.score(clean).values) == 0.0


@pytest.mark.parametrize("kind", [ObjectiveKind.SELECTIVE, ObjectiveKind.DISTANCE, ObjectiveKind.COSINE])
@pytest.mark.parametrize("sign", [1, -1])
def test_gradients_agree_with_finite_differences_in_float64(kind: ObjectiveKind, sign: int) -> None:
    encoder = make_conv_encoder().double()
    clean = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(5)).double()
    objective = make_objective(encoder, kind, [1, -2, 0, 0.5, 0], pixels=clean, sign=sign)

    class Value(torch.autograd.Function):
        @staticmethod
        def forward(ctx, pixels):  # type: ignore[no-untyped-def]
            scores, gradient = objective.value_and_gradient(pixels)
            ctx.save_for_backward(gradient)
            return scores.values

        @staticmethod
        def backward(ctx, upstream):  # type: ignore[no-untyped-def]
            return upstream.view(-1, 1, 1, 1) * ctx.saved_tensors[0]

    moved = (clean + 0.05 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(6))).requires_grad_(True)
    assert torch.autograd.gradcheck(Value.apply, (moved,), fast_mode=True)


@pytest.mark.parametrize("kind", [ObjectiveKind.SELECTIVE, ObjectiveKind.DISTANCE, ObjectiveKind.COSINE])
def test_one_image_alone_equals_the_same_image_in_a_batch(kind: ObjectiveKind) -> None:
    encoder = make_conv_encoder()
    batch = torch.from_numpy(np.stack([make_photo(seed=seed).pixels for seed in range(3)]))
    direction = [1.0, 0.0, -0.5, 0.0, 0.0]
    fixed = {"step_rule": StepRule.FIXED}  # of falling steps test_falling knows: their last points lie within rounding
    together = run_grid(make_objective(encoder, kind, direction, pixels=batch), batch, **fixed)
    alone = run_grid(make_objective(encoder, kind, direction, pixels=batch[1:2]), batch[1:2], **fixed)
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-5)


def test_voxels_of_unknown_sd_are_no_part_of_the_penalty() -> None:
    clean = grey()
    sd = np.asarray([0.5, np.nan, 0.25])
    rule = make_rule(
        ObjectiveConfig(ObjectiveKind.SELECTIVE, 2.0),
        np.asarray([1, 0, 0], np.float32),
        voxels=(0,),
        reference_sd=sd,
        target_sd=0.7,
        like=clean,
    )
    before, after = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[2.0, 9.0, 3.5]])
    assert float(rule.value(after, before, sign=1)) == pytest.approx(1 - 2 * 0.7 * (0.5 / 0.25) ** 2)
    with pytest.raises(BadInputError, match="`selective` must be used with an encoder whose other voxels"):
        make_rule(
            ObjectiveConfig(ObjectiveKind.SELECTIVE),
            np.asarray([1, 0, 0], np.float32),
            voxels=(0,),
            reference_sd=np.asarray([0.5, np.nan, 0.0]),
            target_sd=0.7,
            like=clean,
        )


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), 1e9])
def test_bad_weights_are_refused(weight: float) -> None:
    with pytest.raises(BadInputError, match=r"`selective` must be in \[0, 1e\+06\]"):
        ObjectiveConfig(ObjectiveKind.SELECTIVE, weight)
