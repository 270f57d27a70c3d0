"""The inner maximisation against a linear function, whose maximum over the ball is known."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import nn

from core.attacks.config import STEP_SIZE_RULE, AttackConfig, StepRule
from core.attacks.objective import Scores
from core.attacks.pgd import iter_pgd
from core.robustify.feature_loss import (
    DistanceObjective,
    feature_distance,
    features_at,
    perturb,
    pool_last,
    square_sizes,
)


def test_a_linear_distance_gains_epsilon_times_the_norm_of_its_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    weights, epsilon = torch.randn(3, 8, 8, generator=generator), 0.5
    pixels = torch.full((2, 3, 8, 8), 0.5)

    def distance(candidate: torch.Tensor) -> torch.Tensor:
        return (candidate * weights).flatten(1).sum(1)

    perturbed = perturb(pixels, distance, epsilon=epsilon, n_steps=200, seed=0)
    gain = distance(perturbed) - distance(pixels)
    most = epsilon * float(weights.norm())
    # Nearly all of the ball lies at a right angle to the weights; small steps of 2.5 epsilon in all shrink the tangent
    # of half the angle by exp(2.5).
    left = 2 * math.atan(math.exp(-STEP_SIZE_RULE))
    assert gain == pytest.approx([most * math.cos(left)] * 2, rel=2e-3)
    assert float(gain.max()) <= most * (1 + 1e-5)


def test_budget_and_bounds_hold() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(4, 3, 8, 8, generator=generator)
    perturbed = perturb(pixels, lambda x: x.square().flatten(1).sum(1), epsilon=2.0, n_steps=2, seed=0)
    assert float((perturbed - pixels).flatten(1).norm(dim=1).max()) <= 2.0 + 1e-5
    assert float(perturbed.min()) >= 0 and float(perturbed.max()) <= 1


def test_distance_is_relative_and_averages_the_last_layer() -> None:
    target = torch.ones(1, 2, 4, 4)

    def distance(features: list[torch.Tensor], targets: list[torch.Tensor]) -> float:
        found, wanted = pool_last(features, 2), pool_last(targets, 2)
        return float(feature_distance(found, wanted, sizes=square_sizes(wanted).mean(dim=1)))

    assert distance([target], [target]) == 0
    assert distance([target * 3, target * 2], [target, target]) == pytest.approx(4 + 1)
    checkerboard = target + torch.tensor([1.0, -1.0]).repeat(2)
    assert distance([checkerboard], [target]) == pytest.approx(0, abs=1e-12)


def test_the_start_is_uniform_in_the_ball() -> None:
    """In d dimensions the radius to the power of d is uniform; a share of epsilon drawn evenly lies far too near."""
    epsilon, shape = 0.25, (400, 3, 4, 4)
    pixels, seen = torch.full(shape, 0.5), []

    def distance(candidate: torch.Tensor) -> torch.Tensor:
        seen.append(candidate.detach() - pixels)
        return candidate.flatten(1).sum(1)

    perturb(pixels, distance, epsilon=epsilon, n_steps=1, seed=3)
    start = seen[0].flatten(1).double()
    n_dimensions = start.shape[1]
    assert stats.kstest((start.norm(dim=1) / epsilon) ** n_dimensions, "uniform").pvalue > 1e-3
    assert stats.kstest(start[:, 0] / start.norm(dim=1) * n_dimensions**0.5, "norm").pvalue > 1e-3
    assert start.mean(0).norm() < 4 * epsilon / len(start) ** 0.5


@pytest.mark.parametrize("n_steps", [1, 2, 7])
def test_the_inner_maximisation_is_the_attack_of_everything_else(n_steps: int) -> None:
    """The same features moved, written as an objective of `core.attacks`, end at the same pixels."""
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(5, 3 * 6 * 6, generator=generator)
    pixels = torch.rand(3, 3, 6, 6, generator=generator)

    class Squared:
        def score(self, at: torch.Tensor) -> Scores:
            values = ((at - pixels).flatten(1) @ weights.T).square().sum(1)
            return Scores(values, values[:, None])

        def value_and_gradient(self, at: torch.Tensor) -> tuple[Scores, torch.Tensor]:
            gradient = 2 * ((at - pixels).flatten(1) @ weights.T) @ weights
            return self.score(at), gradient.view_as(at)

    config = AttackConfig(epsilon=1.5, n_steps=n_steps, random_start=True, seed=9, step_rule=StepRule.FIXED)
    *_, last = iter_pgd(Squared(), pixels, config, keys=("0", "1", "2"))
    found = perturb(pixels, lambda at: Squared().score(at).values, epsilon=1.5, n_steps=n_steps, seed=9)
    torch.testing.assert_close(found, last.best.pixels, rtol=0, atol=1e-5)
    assert bool((DistanceObjective(lambda at: Squared().score(at).values).score(found).values > 0).all())


def test_an_image_alone_is_perturbed_as_in_a_batch() -> None:
    pixels = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    weights = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(3))

    def distance(at: torch.Tensor) -> torch.Tensor:
        return (at * weights).flatten(1).sum(1).square()

    whole = perturb(pixels, distance, epsilon=0.5, n_steps=3, seed=0)
    torch.testing.assert_close(perturb(pixels[:1], distance, epsilon=0.5, n_steps=3, seed=0), whole[:1])


def test_the_layers_compared_are_those_named() -> None:
    """A ReLU behind the first one works in place, and is itself called twice."""
    torch.manual_seed(0)
    relu = nn.ReLU(inplace=True)
    first, second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
    network, values = nn.Sequential(first, relu, second, relu), torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        wanted = [first(values), first(values).relu(), second(first(values).relu()).relu()]
        found = features_at(network, ("0", "1", "1#2", "2"), values=values)
    for one, other in zip(found, [*wanted, wanted[-1]], strict=True):
        torch.testing.assert_close(one, other)
