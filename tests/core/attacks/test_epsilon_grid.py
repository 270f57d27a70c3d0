"""The epsilon grid: warm starts, a curve that never falls, and closed forms on a linear encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.epsilon_grid import EpsilonStep, fit_to_budget, iter_epsilon_grid
from core.attacks.objective import LinearObjective
from core.types import NormName
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_mid_grey, make_photo, pixel_weights

LADDER = (0.05, 0.1, 0.2, 0.4)
BOTH = pytest.mark.parametrize("norm", list(NormName))


def run_grid(objective: LinearObjective, config: AttackConfig, *, seed: int | None = None) -> list[EpsilonStep]:
    photo = make_mid_grey() if seed is None else make_photo(seed=seed)
    clean = torch.tensor(photo.pixels)[None]
    return list(iter_epsilon_grid(objective, clean, config, epsilons=LADDER))


@BOTH
def test_linear_encoder_gives_a_straight_curve(norm: NormName) -> None:
    encoder = make_linear_encoder()
    objective = LinearObjective(encoder, np.asarray([1, 0, 0], np.float32), 1)
    steps = run_grid(objective, AttackConfig(norm=norm, epsilon=0.4, n_steps=3))
    ends = [step for step in steps if step.attack.convergence is not None]
    dual = np.linalg.norm(pixel_weights(encoder).ravel(), 2 if norm is NormName.L2 else 1)
    clean = float(objective.score(torch.tensor(make_mid_grey().pixels)[None]).values)
    gains = [float(step.attack.best.values) - clean for step in ends]
    np.testing.assert_allclose(gains, np.asarray(LADDER) * dual, rtol=2e-5)
    assert [step.epsilon for step in ends] == list(LADDER)
    assert [step.number for step in ends] == [0, 1, 2, 3]


@BOTH
@pytest.mark.parametrize("step_size", [None, 0.8])
def test_objective_never_falls_along_the_ladder(norm: NormName, step_size: float | None) -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 0, 1, 0, 0], np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=0.4, n_steps=2, step_size=step_size)
    values = [
        float(step.attack.best.values)
        for step in run_grid(objective, config, seed=0)
        if step.attack.convergence is not None
    ]
    assert values == sorted(values)


def test_a_rung_starts_from_the_last_perturbation_rescaled() -> None:
    """With steps too small to matter, every iterate is that of the first budget, scaled by the ratio of the budgets."""
    encoder = make_linear_encoder()
    objective = LinearObjective(encoder, np.asarray([1, 0, 0], np.float32), 1)
    steps = run_grid(objective, AttackConfig(epsilon=0.4, n_steps=1, step_size=0.4))
    clean = torch.tensor(make_mid_grey().pixels)[None]
    first = steps[0].attack.best.pixels - clean
    for step, ratio in zip(steps, (1, 2, 4, 8), strict=True):
        torch.testing.assert_close(step.attack.best.pixels - clean, ratio * first, rtol=1e-4, atol=1e-6)


def test_warm_starts_climb_higher_than_cold_ones_of_the_same_length() -> None:
    objective = LinearObjective(make_conv_encoder(seed=3), np.asarray([0, 1, 0, 0, 0], np.float32), 1)
    config = AttackConfig(norm=NormName.L2, epsilon=0.4, n_steps=2)
    warm = run_grid(objective, config, seed=2)[-1].attack.best.values
    clean = torch.tensor(make_photo(seed=2).pixels)[None]
    *_, cold = iter_epsilon_grid(objective, clean, config, epsilons=(0.4,))
    assert float(warm) >= float(cold.attack.best.values)


def test_fgsm_steps_from_the_clean_image_on_every_rung() -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([1, 0, 0, 0, 0], np.float32), 1)
    steps = run_grid(objective, AttackConfig(norm=NormName.LINF, epsilon=0.4, method=AttackMethod.FGSM))
    clean = torch.tensor(make_mid_grey().pixels)[None]
    _, gradient = objective.value_and_gradient(clean)
    for step in steps:
        torch.testing.assert_close(step.attack.best.pixels, clean + step.epsilon * gradient.sign(), rtol=0, atol=1e-6)


def test_a_given_step_size_keeps_its_share_of_the_budget() -> None:
    config = AttackConfig(epsilon=4.0, step_size=1.0)
    assert fit_to_budget(config, 1.0).step_length == pytest.approx(0.25)
    assert fit_to_budget(config, 4.0).step_length == 1.0
    fixed = AttackConfig(epsilon=4.0, n_steps=10, step_rule=StepRule.FIXED)
    assert fit_to_budget(fixed, 2.0).step_length == pytest.approx(0.5)


def test_ladder_of_no_budget_stays_clean() -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    clean = torch.tensor(make_photo().pixels)[None]
    *_, last = iter_epsilon_grid(objective, clean, AttackConfig(epsilon=0.2, n_steps=2), epsilons=(0.0, 0.2))
    first, *_ = iter_epsilon_grid(objective, clean, AttackConfig(epsilon=0.0, n_steps=1), epsilons=(0.0,))
    assert torch.equal(first.attack.best.pixels, clean)
    assert float(last.attack.best.values) > float(first.attack.best.values)


@BOTH
def test_separate_curves_agree_at_shared_budgets_and_a_larger_budget_never_gives_less(norm: NormName) -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 0, 1, 0, 0], np.float32), 1)
    clean = torch.tensor(make_photo(seed=0).pixels)[None]
    found = {}
    for epsilons in ((0.05, 0.1, 0.2), (0.1, 0.2, 0.4)):
        steps = iter_epsilon_grid(objective, clean, AttackConfig(norm=norm, epsilon=epsilons[-1]), epsilons=epsilons)
        found[epsilons] = {
            step.epsilon: float(step.attack.best.values) for step in steps if step.attack.convergence is not None
        }
    low, high = found.values()
    for epsilon in (0.1, 0.2):
        assert high[epsilon] == pytest.approx(low[epsilon], rel=1e-6)
    assert high[0.4] >= max(*low.values(), high[0.2])
