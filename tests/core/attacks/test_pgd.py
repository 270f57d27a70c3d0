"""PGD and FGSM on encoders whose best perturbation is known in closed form, and the promises of the loop."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.objective import LinearObjective
from core.attacks.pgd import AttackStep, Best, iter_pgd
from core.encoders.encoder import Encoder
from core.types import Direction, FloatArray, NormName
from tests.helpers.tiny_encoders import (
    SIDE,
    make_conv_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    pixel_weights,
)

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 1.0, NormName.LINF: 8 / 255}
FIRST = np.asarray([1, 0, 0], dtype=np.float32)


def run(objective: LinearObjective, clean: torch.Tensor, config: AttackConfig, **options: object) -> AttackStep:
    *_, last = iter_pgd(objective, clean, config, **options)  # type: ignore[arg-type]
    return last


def to_batch(*seeds: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([make_photo(seed=seed).pixels for seed in seeds]))


def grey() -> torch.Tensor:
    return torch.tensor(make_mid_grey().pixels)[None]


def best_linear_gain(weights: FloatArray, clean: FloatArray, norm: NormName, epsilon: float) -> float:
    """max w . delta under budget and pixel bounds: Linf pixel by pixel; L2 by delta = clamp(t w), t from the budget."""
    room = np.where(weights > 0, 1 - clean, -clean)
    if norm is NormName.LINF:
        return float((weights * np.sign(weights) * np.minimum(epsilon, np.abs(room))).sum())

    def clamp(scale: float) -> FloatArray:
        return np.sign(weights) * np.minimum(np.abs(scale * weights), np.abs(room))

    scale = brentq(lambda scale: np.linalg.norm(clamp(scale)) - epsilon, 0, 1e6)
    return float((weights * clamp(scale)).sum())


@BOTH
@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("method", [AttackMethod.FGSM, AttackMethod.PGD, AttackMethod.APGD])
def test_linear_encoder_gains_epsilon_times_the_dual_norm(
    norm: NormName, direction: Direction, method: AttackMethod
) -> None:
    encoder = make_linear_encoder()
    objective = LinearObjective(encoder, FIRST, direction.sign)
    last = run(objective, grey(), AttackConfig(norm=norm, epsilon=BUDGET[norm], method=method))
    weights = pixel_weights(encoder)
    dual = np.linalg.norm(weights.ravel(), 2 if norm is NormName.L2 else 1)
    shift = encoder(last.best.pixels)[0, 0] - encoder(grey())[0, 0]
    assert float(shift) == pytest.approx(direction.sign * BUDGET[norm] * dual, rel=2e-5)


@BOTH
def test_linear_encoder_gains_all_there_is_within_the_pixel_bounds(norm: NormName) -> None:
    encoder = make_linear_encoder()
    clean = to_batch(0)
    epsilon = {NormName.L2: 3.0, NormName.LINF: 0.4}[norm]
    last = run(LinearObjective(encoder, FIRST, 1), clean, AttackConfig(norm=norm, epsilon=epsilon, n_steps=40))
    gain = float(encoder(last.best.pixels)[0, 0] - encoder(clean)[0, 0])
    assert gain == pytest.approx(best_linear_gain(pixel_weights(encoder), clean[0].numpy(), norm, epsilon), rel=1e-4)


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
def test_no_budget_returns_the_input(norm: NormName, quantise: bool) -> None:
    clean = to_batch(0, 1)
    config = AttackConfig(norm=norm, epsilon=0.0, n_restarts=2, random_start=True, quantise=quantise)
    last = run(LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1), clean, config)
    assert torch.equal(last.best.pixels, clean)


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
@pytest.mark.parametrize("random_start", [False, True])
@pytest.mark.parametrize("epsilon", [0.0, 0.01, 0.3, 0.9])
def test_every_delivered_image_keeps_the_budget(
    norm: NormName, quantise: bool, random_start: bool, epsilon: float
) -> None:
    clean = to_batch(0, 1, 2, 3)
    config = AttackConfig(norm=norm, epsilon=epsilon, quantise=quantise, random_start=random_start, n_restarts=2)
    last = run(LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1), clean, config)
    delta = (last.best.pixels.double() - clean.double()).flatten(1)
    size = delta.norm(dim=1) if norm is NormName.L2 else delta.abs().amax(dim=1)
    # k / 255 in float32 is up to 6e-8 off the grey level that is counted.
    assert bool((size <= epsilon * (1 + 1e-6) + (1e-6 if quantise else 0)).all())
    assert float(last.best.pixels.min()) >= 0 and float(last.best.pixels.max()) <= 1
    if quantise:
        levels = 255 * last.best.pixels
        torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)


@BOTH
def test_quantised_attack_still_moves_and_nearly_as_far(norm: NormName) -> None:
    encoder, clean = make_conv_encoder(), to_batch(4)
    objective = LinearObjective(encoder, np.asarray([1, 0, 0, 0, 0], np.float32), 1)
    exact, rounded = (
        run(objective, clean, AttackConfig(norm=norm, epsilon=BUDGET[norm], quantise=quantise)).best.values
        for quantise in (False, True)
    )
    before = objective.score(clean).values
    assert float(rounded - before) > 0.9 * float(exact - before)


@BOTH
@pytest.mark.parametrize("random_start", [False, True])
def test_one_image_alone_equals_the_same_image_in_a_batch(norm: NormName, random_start: bool) -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 1, 0, 0, 0], np.float32), 1)
    config = AttackConfig(norm, BUDGET[norm], random_start=random_start, n_restarts=2, step_rule=StepRule.FIXED)
    together = run(objective, to_batch(0, 1, 2), config)
    alone = run(objective, to_batch(1), config)
    torch.testing.assert_close(together.best.pixels[1:2], alone.best.pixels, rtol=0, atol=1e-5)
    torch.testing.assert_close(together.best.values[1:2], alone.best.values, rtol=1e-5, atol=1e-6)


@BOTH
def test_same_seed_same_bits_other_seed_other_result(norm: NormName) -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 1, 0, 0, 0], np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], random_start=True, n_steps=2, seed=1)
    first, again = (run(objective, to_batch(0), config).best.pixels for _ in range(2))
    other = run(objective, to_batch(0), dataclasses.replace(config, seed=2)).best.pixels
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@BOTH
def test_best_iterate_is_kept_when_steps_overshoot(norm: NormName) -> None:
    """Steps of ten times the budget jump across the ball; what is kept is the best point that was visited."""
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 0, 1, 0, 0], np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], step_size=10 * BUDGET[norm], n_steps=8, random_start=True)
    steps = list(iter_pgd(objective, to_batch(0, 1), config))
    seen = torch.stack([step.scores.values for step in steps]).amax(dim=0)
    assert bool((steps[-1].best.values >= seen).all())
    torch.testing.assert_close(
        objective.score(steps[-1].best.pixels).values, steps[-1].best.values, rtol=1e-4, atol=1e-4
    )
    best = torch.stack([step.best.values for step in steps])
    assert bool((best.diff(dim=0) >= 0).all())


def test_restarts_never_do_worse_and_say_which_one_won() -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 0, 1, 0, 0], np.float32), 1)
    config = AttackConfig(norm=NormName.LINF, epsilon=0.3, n_steps=4)
    one = run(objective, to_batch(0, 1), config)
    four = run(objective, to_batch(0, 1), dataclasses.replace(config, n_restarts=4))
    assert bool((four.best.values >= one.best.values).all())
    assert four.n_steps == 16 and four.step == 16 and four.restart == 3
    assert set(four.best.restart.tolist()) <= {0, 1, 2, 3}


def test_pgd_never_delivers_less_than_the_clean_image() -> None:
    encoder = make_linear_encoder()
    clean = torch.ones(1, 3, SIDE, SIDE) * (torch.from_numpy(pixel_weights(encoder)) > 0)
    objective = LinearObjective(encoder, FIRST, 1)  # every pixel already stands at its best bound
    last = run(objective, clean.float(), AttackConfig(norm=NormName.L2, epsilon=1.0))
    assert float(last.best.values) >= float(objective.score(clean.float()).values)


def test_fgsm_takes_exactly_one_step_of_epsilon() -> None:
    encoder = make_conv_encoder()
    objective = LinearObjective(encoder, np.asarray([1, 0, 0, 0, 0], np.float32), 1)
    config = AttackConfig(norm=NormName.LINF, epsilon=8 / 255, method=AttackMethod.FGSM, n_steps=7)
    steps = list(iter_pgd(objective, grey(), config))
    _, gradient = objective.value_and_gradient(grey())
    assert len(steps) == 1
    torch.testing.assert_close(steps[0].best.pixels, grey() + 8 / 255 * gradient.sign(), rtol=0, atol=1e-6)


def test_incumbent_stays_until_beaten() -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    clean = to_batch(0, 1)
    unbeatable = Best(torch.tensor([1e9, -1e9]), clean, torch.tensor([-1, -1]))
    last = run(objective, clean, AttackConfig(epsilon=0.5), incumbent=unbeatable)
    assert last.best.restart.tolist() == [-1, 0]
    assert torch.equal(last.best.pixels[0], clean[0])


def count_hooks(encoder: Encoder) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in encoder.modules())


def test_the_loop_leaves_no_hook_and_no_gradient_behind() -> None:
    encoder = make_conv_encoder()
    before = count_hooks(encoder)
    run(LinearObjective(encoder, np.ones(5, np.float32), 1), to_batch(0), AttackConfig(epsilon=0.5))
    assert count_hooks(encoder) == before
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in encoder.parameters())
