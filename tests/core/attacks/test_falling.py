"""Falling steps: closed forms, batches, a bumpy objective whose optimum is known, and the convergence figure."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from core.attacks.config import MOST_STEPS, AttackConfig, StepRule
from core.attacks.falling import place_phases
from core.attacks.objective import LinearObjective, Scores
from core.attacks.pgd import AttackStep, iter_pgd
from core.errors import NoGradientError
from core.headers import HeaderKind, structure, unstructure
from core.types import NormName
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_mid_grey, make_photo, pixel_weights

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 1.0, NormName.LINF: 8 / 255}


class Bumps:
    """w . x - a sum over pixels |x - clean - target|: kinked ridges that steps of one length jump across.

    With a large the optimum is delta = target wherever the ball holds it, and its value is w . target.
    """

    def __init__(self, clean: torch.Tensor, target: torch.Tensor, *, steepness: float) -> None:
        self._clean, self._target, self._steepness = clean, target, steepness

    def score(self, pixels: torch.Tensor) -> Scores:
        off = (pixels - self._clean - self._target).abs().flatten(1).sum(1)
        return Scores(-self._steepness * off, -off[:, None])

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        return self.score(pixels), -self._steepness * torch.sign(pixels - self._clean - self._target)


def run(objective: object, clean: torch.Tensor, config: AttackConfig) -> list[AttackStep]:
    return list(iter_pgd(objective, clean, config))  # type: ignore[arg-type]


def grey() -> torch.Tensor:
    return torch.tensor(make_mid_grey().pixels)[None]


def photos(*seeds: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([make_photo(seed=seed).pixels for seed in seeds]))


def test_phases_double_and_add_up_to_the_steps_asked() -> None:
    for n_steps in range(1, 400):
        lengths = place_phases(n_steps)
        assert sum(lengths) == n_steps and min(lengths) > 0
        assert all(after >= 2 * before for before, after in itertools.pairwise(lengths)) or n_steps == 2
    assert place_phases(MOST_STEPS) == (15, 30, 60, 120)


@BOTH
def test_a_linear_encoder_gains_its_dual_norm_and_is_converged_after_the_second_phase(norm: NormName) -> None:
    encoder, first = make_linear_encoder(), np.asarray([1, 0, 0], np.float32)
    *_, last = run(LinearObjective(encoder, first, 1), grey(), AttackConfig(norm=norm, epsilon=BUDGET[norm]))
    dual = float(np.linalg.norm(pixel_weights(encoder).ravel(), 2 if norm is NormName.L2 else 1))
    gain = float(encoder(last.best.pixels)[0, 0] - encoder(grey())[0, 0])
    assert gain == pytest.approx(BUDGET[norm] * dual, rel=2e-5)
    assert last.convergence is not None and last.ends_run
    assert float(last.convergence.to_gain) < 1e-4
    assert int(last.convergence.n_steps) == 45
    assert math.isnan(float(last.convergence.spread))


@pytest.mark.parametrize("n_steps", [1, 2, 7, 46, 130])
def test_a_number_of_steps_that_is_asked_is_taken_exactly(n_steps: int) -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([1, 0, 0, 0, 0], np.float32), 1)
    steps = run(objective, photos(0, 1), AttackConfig(epsilon=0.5, n_steps=n_steps, n_restarts=2))
    assert [step.step for step in steps] == list(range(1, 2 * n_steps + 1))
    assert steps[-1].convergence is not None
    assert steps[-1].convergence.n_steps.tolist() == [2 * n_steps] * 2
    assert 0 <= float(steps[-1].convergence.spread.min()) <= float(steps[-1].convergence.spread.max()) <= 1


def test_a_kinked_objective_of_known_optimum_is_reached_where_fixed_steps_stay_behind() -> None:
    """The optimum is the target itself, value 0; every pixel's kink must be met. The clean image has the whole loss."""
    generator = torch.Generator().manual_seed(4)
    clean = torch.full((1, 3, 8, 8), 0.5)
    target = (2 * torch.rand(clean.shape, generator=generator) - 1) * 0.1
    objective = Bumps(clean, target, steepness=3.0)
    whole = -float(objective.score(clean).values)
    config = AttackConfig(norm=NormName.LINF, epsilon=0.1, n_steps=225)
    *_, falling = run(objective, clean, config)
    *_, fixed = run(objective, clean, dataclasses.replace(config, n_steps=10, step_rule=StepRule.FIXED))
    assert 1 + float(falling.best.values) / whole >= 0.99
    assert float(falling.best.values) > float(fixed.best.values)


def test_of_too_few_steps_it_is_not_known_and_many_are_converged() -> None:
    generator = torch.Generator().manual_seed(4)
    clean = torch.full((1, 3, 8, 8), 0.5)
    objective = Bumps(clean, (2 * torch.rand(clean.shape, generator=generator) - 1) * 0.1, steepness=3.0)
    config = AttackConfig(norm=NormName.LINF, epsilon=0.1)
    to_gain = {}
    for n_steps in (3, 44, 45, 225):
        last = run(objective, clean, dataclasses.replace(config, n_steps=n_steps))[-1]
        assert last.convergence is not None
        to_gain[n_steps] = float(last.convergence.to_gain)
    assert np.isnan([to_gain[3], to_gain[44]]).all()
    assert 0 < to_gain[225] < 0.05 and to_gain[45] > 0


@BOTH
def test_images_end_by_themselves_so_that_none_depends_on_its_neighbours(norm: NormName) -> None:
    objective = LinearObjective(make_conv_encoder(), np.asarray([0, 0, 1, 0, 0], np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm])
    together = run(objective, photos(0, 1, 2, 3), config)[-1]
    alone = [run(objective, photos(seed), config)[-1] for seed in range(4)]
    assert together.convergence is not None
    assert together.convergence.n_steps.tolist() == [int(one.convergence.n_steps) for one in alone if one.convergence]
    values = torch.cat([one.best.values for one in alone])
    torch.testing.assert_close(together.best.values, values, rtol=1e-5, atol=1e-6)
    # At the top several of the last, shortest steps have the same value to within rounding; which one wins is open.
    pixels = torch.cat([one.best.pixels for one in alone])
    assert float((together.best.pixels - pixels).abs().mean()) < 1e-4


def test_no_budget_is_converged_with_nothing_to_gain() -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    last = run(objective, photos(0), AttackConfig(epsilon=0.0))[-1]
    assert last.convergence is not None and float(last.convergence.to_gain) == 0
    assert torch.equal(last.best.pixels, photos(0))


def test_a_stored_attack_names_its_step_rule_and_one_that_does_not_is_fixed() -> None:
    kind = HeaderKind("an attack", "Store it again.")
    stored = unstructure(AttackConfig(n_steps=10))
    assert stored["step_rule"] == "falling"
    assert structure(dict(stored), AttackConfig, kind) == AttackConfig(n_steps=10)
    del stored["step_rule"]
    assert structure(stored, AttackConfig, kind) == AttackConfig(n_steps=10, step_rule=StepRule.FIXED)
    assert AttackConfig(step_size=0.5).step_rule is StepRule.FIXED
    assert AttackConfig(step_size=0.5).steps_taken == 10


@BOTH
def test_a_gradient_that_is_not_finite_is_named_where_it_arises(norm: NormName) -> None:
    """sign(NaN) is 0, so that an attack went nowhere and its shift of 0 looked like a result."""
    encoder = make_conv_encoder()
    objective = LinearObjective(encoder, np.ones(5, np.float32), 1)
    objective._cotangent = torch.full_like(objective._cotangent, torch.nan)
    with pytest.raises(NoGradientError, match=r"gradient of network \S+ at layer \S+ is infinite or NaN in 100.00%"):
        run(objective, grey(), AttackConfig(norm=norm, epsilon=BUDGET[norm]))
