"""The parameter-free ascent and the black-box search, against plain PGD, closed forms and the published schedules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.attacks.apgd import place_checkpoints
from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.objective import LinearObjective
from core.attacks.pgd import AttackStep, iter_pgd
from core.attacks.squares import changed_share, draw_bump
from core.errors import BadInputError, NoGradientError
from core.seeds import make_stream
from core.types import NormName
from tests.helpers.tiny_encoders import (
    make_conv_encoder,
    make_encoder,
    make_linear_encoder,
    make_mid_grey,
    make_photo,
    pixel_weights,
)

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 0.8, NormName.LINF: 8 / 255}
LEAST_SHARE = {NormName.L2: 0.5, NormName.LINF: 0.6}
"""Of the closed-form optimum, that 2000 queries must reach on 192 pixel values."""


def to_batch(*seeds: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([make_photo(seed=seed).pixels for seed in seeds]))


def grey() -> torch.Tensor:
    return torch.tensor(make_mid_grey().pixels)[None]


def run(objective: LinearObjective, clean: torch.Tensor, config: AttackConfig) -> AttackStep:
    *_, last = iter_pgd(objective, clean, config)
    return last


@pytest.mark.parametrize(
    ("n_steps", "expected"),
    [
        # p = 0, .22, .41, .57, .70, .80, .87, .93, .99 of the article, which rounds nothing here.
        (100, (22, 41, 57, 70, 80, 87, 93, 99)),
        # The authors' program: spans of 8, 7, 6, 5, 4, 3, then 2.
        (40, (8, 15, 21, 26, 30, 33, 35, 37, 39)),
        (10, (2, 3, 4, 5, 6, 7, 8, 9, 10)),
        (1, (1,)),
    ],
)
def test_checkpoints_are_the_published_ones(n_steps: int, expected: tuple[int, ...]) -> None:
    assert place_checkpoints(n_steps) == expected


@BOTH
@pytest.mark.parametrize("n_steps", [20, 50])
def test_apgd_gains_at_least_as_much_as_pgd_at_equal_steps(norm: NormName, n_steps: int) -> None:
    """On a network that bends within the ball; per image, and with no step size to choose."""
    objective = LinearObjective(make_conv_encoder(seed=1), np.asarray([0, 0, 1, 0, 0], np.float32), 1)
    clean, budget = to_batch(*range(6)), 4 * BUDGET[norm]
    found = {
        method: run(objective, clean, AttackConfig(norm, budget, method, n_steps=n_steps, step_rule=StepRule.FIXED))
        for method in (AttackMethod.PGD, AttackMethod.APGD)
    }
    before = objective.score(clean).values
    pgd, apgd = (found[method].best.values - before for method in found)
    assert float(apgd.mean()) >= float(pgd.mean())
    assert bool((apgd >= 0.98 * pgd).all())


@BOTH
def test_apgd_is_the_same_for_an_image_alone_and_in_a_batch(norm: NormName) -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], method=AttackMethod.APGD, n_steps=20)
    together, alone = (run(objective, batch, config) for batch in (to_batch(0, 1, 2), to_batch(1)))
    torch.testing.assert_close(together.best.pixels[1:2], alone.best.pixels, rtol=0, atol=3e-4)


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
@pytest.mark.parametrize("method", [AttackMethod.APGD, AttackMethod.SQUARE])
def test_delivered_pixels_keep_budget_bounds_and_grey_levels(
    norm: NormName, quantise: bool, method: AttackMethod
) -> None:
    clean = to_batch(0, 1)
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    config = AttackConfig(
        norm=norm, epsilon=BUDGET[norm], method=method, quantise=quantise, n_restarts=2, n_queries=80, n_steps=8
    )
    pixels = run(objective, clean, config).best.pixels
    delta = (pixels.double() - clean.double()).flatten(1)
    size = delta.norm(dim=1) if norm is NormName.L2 else delta.abs().amax(dim=1)
    assert bool((size <= BUDGET[norm] * (1 + 1e-6) + (1e-6 if quantise else 0)).all())
    assert float(pixels.min()) >= 0 and float(pixels.max()) <= 1
    assert bool((objective.score(pixels).values > objective.score(clean).values).all())
    if quantise:
        torch.testing.assert_close(255 * pixels, (255 * pixels).round(), rtol=0, atol=1e-4)


@BOTH
def test_square_attack_reaches_its_share_of_the_optimum_within_its_queries(norm: NormName) -> None:
    encoder = make_linear_encoder()
    objective = LinearObjective(encoder, np.asarray([1, 0, 0], np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], method=AttackMethod.SQUARE, n_queries=2000)
    gain = float(run(objective, grey(), config).best.values - objective.score(grey()).values)
    optimum = BUDGET[norm] * np.linalg.norm(pixel_weights(encoder).ravel(), 2 if norm is NormName.L2 else 1)
    assert LEAST_SHARE[norm] * optimum <= gain <= optimum * (1 + 1e-5)


@pytest.mark.parametrize("n_queries", [1, 7, 60, 123])
def test_square_attack_makes_exactly_its_queries(n_queries: int) -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    counted = 0
    score = objective.score

    def count(pixels: torch.Tensor) -> object:
        nonlocal counted
        counted += 1
        return score(pixels)

    objective.score = count  # type: ignore[assignment, method-assign]
    config = AttackConfig(epsilon=0.5, method=AttackMethod.SQUARE, n_queries=n_queries)
    steps = list(iter_pgd(objective, to_batch(0), config))
    assert counted == n_queries + 1, "one pass at the start, then one a query"
    assert len(steps) == min(n_queries, 50) == config.steps_taken
    values = [float(step.scores.values) for step in steps]
    assert values == sorted(values)


@BOTH
def test_square_attack_is_seeded_image_by_image(norm: NormName) -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], method=AttackMethod.SQUARE, n_queries=60, seed=5)
    together, alone = (run(objective, batch, config) for batch in (to_batch(0, 1), to_batch(1)))
    torch.testing.assert_close(together.best.pixels[1:2], alone.best.pixels, rtol=0, atol=1e-5)
    assert torch.equal(alone.best.pixels, run(objective, to_batch(1), config).best.pixels)


def test_squares_shrink_on_the_published_schedule() -> None:
    shares = [changed_share(0.05, query, 10_000) for query in (0, 10, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001)]
    assert shares == [0.05 / 2**halvings for halvings in (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert changed_share(0.05, 6, 1000) == 0.05 / 4, "stretched to the queries there are"


@pytest.mark.parametrize("width", [3, 4, 7, 45])
def test_bumps_have_length_one_and_two_signs(width: int) -> None:
    bump = draw_bump(width, make_stream(0, "bump"))
    assert bump.shape == (width, width)
    assert np.linalg.norm(bump) == pytest.approx(1.0, rel=1e-5)
    assert bump.min() < 0 < bump.max()


class Opaque(nn.Module):
    """A network without gradients, like one behind another program."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.tanh(3 * pixels.detach().flatten(1))


@BOTH
def test_without_gradients_square_attack_works_and_others_say_what_to_use(norm: NormName) -> None:
    encoder = make_encoder(Opaque(), rank=4, n_voxels=5)
    objective = LinearObjective(encoder, np.asarray([1, 0, 0, 0, 0], np.float32), 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], method=AttackMethod.SQUARE, n_queries=200)
    assert float(run(objective, grey(), config).best.values) > float(objective.score(grey()).values)
    with pytest.raises(NoGradientError, match="has no gradient with respect to its pixels.*`square` and a ranking"):
        run(objective, grey(), AttackConfig(norm=norm, epsilon=BUDGET[norm]))
    assert issubclass(NoGradientError, BadInputError)


@BOTH
def test_only_gradient_methods_pay_a_backward_pass(norm: NormName) -> None:
    objective = LinearObjective(make_conv_encoder(), np.ones(5, np.float32), 1)
    objective.value_and_gradient = None  # type: ignore[assignment, method-assign]
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], method=AttackMethod.SQUARE, n_queries=20)
    assert run(objective, to_batch(0), config).step == 20
