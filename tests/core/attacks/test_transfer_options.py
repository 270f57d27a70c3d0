"""Momentum, diverse inputs and shifts: off they change nothing, on they do what their formulas say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.attacks.config import AttackConfig, AttackMethod, StepRule
from core.attacks.diversity import Shrinking, draw_shrinking, pull_back, resize_weights, shrink_images
from core.attacks.gradient_rule import GradientRule, average_over_shifts, shift_weights
from core.attacks.norms import NORMS
from core.attacks.objective import LinearObjective
from core.attacks.pgd import iter_pgd
from core.attacks.run_context import RunContext
from core.errors import BadInputError
from core.seeds import make_stream
from core.types import NormName
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_photo, pixel_weights

BOTH = pytest.mark.parametrize("norm", list(NormName))
BUDGET = {NormName.L2: 0.8, NormName.LINF: 8 / 255}
ALL_ON = {"momentum": 1.0, "diversity": 0.7, "translation": 1}


def to_batch(*seeds: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([make_photo(seed=seed).pixels for seed in seeds]))


def make_objective() -> LinearObjective:
    return LinearObjective(make_conv_encoder(), np.asarray([0, 1, 0, -1, 0], np.float32), 1)


def run(clean: torch.Tensor, config: AttackConfig, objective: LinearObjective | None = None) -> torch.Tensor:
    *_, last = iter_pgd(objective or make_objective(), clean, config)
    return last.best.pixels


@BOTH
@pytest.mark.parametrize("off", ["momentum", "diversity", "translation"])
def test_an_option_of_zero_is_plain_pgd_bit_for_bit(norm: NormName, off: str) -> None:
    """Written without the attack's own code: the same steps from the norm's formulas alone."""
    clean, objective = to_batch(0, 1), make_objective()
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=6, step_rule=StepRule.FIXED, **{off: 0})  # type: ignore[arg-type]
    delta, length, norm_object = torch.zeros_like(clean), 2.5 * torch.full((2,), BUDGET[norm]) / 6, NORMS[norm]
    budget, seen = torch.full((2,), BUDGET[norm]), []
    for _ in range(6):
        _, gradient = objective.value_and_gradient(clean + delta)
        delta = delta + length.view(-1, 1, 1, 1) * norm_object.steepest(gradient)
        delta = norm_object.project(delta, budget, (-clean, 1 - clean))
        seen.append(clean + delta)
    steps = [step.pixels for step in iter_pgd(objective, clean, config)]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(steps, seen, strict=True))


@BOTH
def test_vanishing_momentum_tends_to_plain_pgd(norm: NormName) -> None:
    clean, config = to_batch(0), AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=6, step_rule=StepRule.FIXED)
    almost = run(clean, dataclasses.replace(config, momentum=1e-12))
    torch.testing.assert_close(almost, run(clean, config), rtol=0, atol=1e-5)


@pytest.mark.parametrize("option", list(ALL_ON))
def test_every_option_changes_the_attack(option: str) -> None:
    clean, config = to_batch(0), AttackConfig(epsilon=0.8, n_steps=6)
    changed = run(clean, dataclasses.replace(config, **{option: ALL_ON[option]}))
    assert float((changed - run(clean, config)).abs().max()) > 1e-4


def test_momentum_adds_up_gradients_of_unit_l1_size() -> None:
    objective, looks = make_objective(), [to_batch(0), to_batch(1), to_batch(2)]
    config = AttackConfig(momentum=0.6)
    gradient_rule = GradientRule(objective, RunContext(config, 0, ("a",)))
    *_, (_, gathered) = [gradient_rule.gradient_at(pixels) for pixels in looks]
    units = [gradient / gradient.abs().sum() for _, gradient in map(objective.value_and_gradient, looks)]
    torch.testing.assert_close(gathered, 0.36 * units[0] + 0.6 * units[1] + units[2])


@pytest.mark.parametrize("most", [1, 2, 5])
def test_smoothing_equals_explicit_averaging_over_shifts(most: int) -> None:
    gradient = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1)).double()
    weights = shift_weights(most, gradient)
    expected = torch.zeros_like(gradient)
    padded = F.pad(gradient, (most,) * 4)
    for down in range(2 * most + 1):
        for right in range(2 * most + 1):
            expected += weights[down] * weights[right] * padded[..., down : down + 9, right : right + 9]
    torch.testing.assert_close(average_over_shifts(gradient, most), expected)
    assert float(weights.sum()) == pytest.approx(1.0)
    assert float(weights[most] / weights[0]) == pytest.approx(np.exp(4.5)), "the last shift is 3 SDs out"


def test_for_a_linear_encoder_it_is_the_gradient_of_the_mean_over_shifted_images() -> None:
    encoder, most = make_linear_encoder(), 2
    objective = LinearObjective(encoder, np.asarray([1, 0, 0], np.float32), 1)
    config = AttackConfig(translation=most, step_rule=StepRule.FIXED)
    _, ours = GradientRule(objective, RunContext(config, 0, ("a",))).gradient_at(to_batch(0))
    image = to_batch(0).double().requires_grad_(True)
    weights, kernel = torch.from_numpy(pixel_weights(encoder)), shift_weights(most, image.detach())
    padded, mean = F.pad(image, (most,) * 4), torch.zeros((), dtype=torch.float64)
    for down in range(2 * most + 1):
        for right in range(2 * most + 1):
            mean = (
                mean + kernel[down] * kernel[right] * (weights * padded[..., down : down + 8, right : right + 8]).sum()
            )
    mean.backward()
    torch.testing.assert_close(ours.double(), image.grad, rtol=1e-4, atol=1e-6)


def test_pulling_back_is_the_gradient_through_the_shrunken_image() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)).double().requires_grad_(True)
    choices = [Shrinking(7, 1, 0), None]
    weights = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(2)).double()
    (weights * shrink_images(images, choices)).sum().backward()
    torch.testing.assert_close(pull_back(weights, choices), images.grad)
    changed = shrink_images(images, choices)
    assert bool((changed[0, :, 0] == 0).all()) and bool((changed[0, :, :, 7] == 0).all())
    assert torch.equal(changed[1], images[1])


@pytest.mark.parametrize(("small", "whole"), [(7, 8), (201, 224), (223, 224), (1, 2), (5, 5)])
def test_shrinking_is_torchs_bilinear_resizing(small: int, whole: int) -> None:
    image = torch.rand(1, 3, whole, whole, generator=torch.Generator().manual_seed(3)).double()
    weights = resize_weights(small, whole)
    expected = F.interpolate(image, size=(small, small), mode="bilinear", align_corners=False)
    torch.testing.assert_close(weights @ image @ weights.T, expected)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_shrinkings_keep_their_probability_and_stay_inside(probability: float) -> None:
    stream = make_stream(0, "test")
    drawn = [draw_shrinking(224, probability, stream) for _ in range(2000)]
    shrunken = [choice for choice in drawn if choice is not None]
    assert len(shrunken) / 2000 == pytest.approx(probability, abs=0.04)
    assert all(201 <= choice.side < 224 for choice in shrunken)
    assert all(choice.top + choice.side <= 224 and choice.left + choice.side <= 224 for choice in shrunken)


def test_scores_are_those_of_the_unchanged_pixels() -> None:
    objective, config = make_objective(), AttackConfig(epsilon=0.8, n_steps=5, diversity=1.0)
    for step in iter_pgd(objective, to_batch(0), config):
        torch.testing.assert_close(step.scores.values, objective.score(step.pixels).values)


@BOTH
def test_all_together_are_the_same_for_an_image_alone_and_in_a_batch(norm: NormName) -> None:
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_steps=6, seed=3, **ALL_ON)  # type: ignore[arg-type]
    together, alone = run(to_batch(0, 1, 2), config), run(to_batch(1), config)
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=2e-5)
    assert torch.equal(alone, run(to_batch(1), config)), "the same seed gives the same bits"
    other = run(to_batch(1), dataclasses.replace(config, seed=4))
    assert not torch.equal(alone, other)


def test_images_draw_from_streams_of_their_own() -> None:
    config = AttackConfig(diversity=0.5, seed=1)
    streams = RunContext(config, 0, ("a", "b")).make_streams("diversity")
    again = RunContext(config, 0, ("b",)).make_streams("diversity")
    draws = [[stream.random() for _ in range(4)] for stream in (*streams, *again)]
    assert draws[0] != draws[1] and draws[1] == draws[2]


@pytest.mark.parametrize("norm", list(NormName))
def test_every_iterate_keeps_its_budget(norm: NormName) -> None:
    clean = to_batch(0, 1)
    config = AttackConfig(norm=norm, epsilon=BUDGET[norm], n_restarts=2, **ALL_ON)  # type: ignore[arg-type]
    delta = (run(clean, config).double() - clean.double()).flatten(1)
    size = delta.norm(dim=1) if norm is NormName.L2 else delta.abs().amax(dim=1)
    assert bool((size <= BUDGET[norm] * (1 + 1e-6)).all())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "apgd", "momentum": 1.0}, "`momentum` must be 0 for apgd, got 1.0. APGD has no use for it"),
        ({"method": "apgd", "diversity": 0.5}, "`diversity` must be 0 for apgd"),
        ({"method": "square", "translation": 3}, "SQUARE has no use for it: it takes no gradient"),
        ({"method": "fgsm", "momentum": 1.0}, "its one step gathers no momentum"),
        ({"method": "apgd", "step_size": 0.1}, "`step_size` must be left out for apgd, got 0.1"),
        ({"method": "square", "step_size": 0.1}, "SQUARE chooses its own steps"),
        ({"momentum": -1.0}, r"`momentum` must be in \[0, 10\]"),
        ({"diversity": 1.5}, r"`diversity` must be in \[0, 1\], got 1.5. It is a probability"),
        ({"diversity": float("nan")}, r"`diversity` must be in \[0, 1\]"),
        ({"translation": -1}, "`translation` must be a whole number of at least 0"),
        ({"translation": 100}, r"`translation` must be in \[0, 56\] \(pixels\)"),
        ({"n_queries": 0}, "`n_queries` must be a whole number of at least 1"),
    ],
)
def test_bad_combinations_are_refused_in_one_sentence(options: dict, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        AttackConfig(**options)


def test_the_one_line_says_what_is_on() -> None:
    fixed = {"epsilon": 3.0, "step_rule": StepRule.FIXED}
    said = AttackConfig(**fixed, momentum=1.0, diversity=0.5, translation=7).describe()
    assert (
        said
        == "PGD, L2 epsilon 3, 10 steps of 0.75, momentum 1, diverse inputs with probability 0.5, shifts up to 7 px"
    )
    assert AttackConfig(**fixed).describe() == "PGD, L2 epsilon 3, 10 steps of 0.75"
    assert AttackConfig().describe() == "PGD, L2 epsilon 3, steps that fall until little is gained, at most 225"
    square = AttackConfig(norm=NormName.LINF, epsilon=8 / 255, method=AttackMethod.SQUARE, n_queries=500)
    assert square.describe() == "SQUARE, Linf epsilon 8/255, 500 queries a budget"
    assert AttackConfig(method=AttackMethod.APGD).describe() == "APGD, L2 epsilon 3, 225 steps, halved from 6"
