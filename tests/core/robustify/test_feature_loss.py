"""The inner maximisation against a linear function, whose maximum over the ball is known."""

from __future__ import annotations

import math

import pytest
import torch

from core.robustify.feature_loss import STEP_SHARE, feature_distance, perturb


def test_a_linear_distance_gains_epsilon_times_the_norm_of_its_weights() -> None:
    generator = torch.Generator().manual_seed(0)
    weights, epsilon = torch.randn(3, 8, 8, generator=generator), 0.5
    pixels = torch.full((2, 3, 8, 8), 0.5)

    def distance(candidate: torch.Tensor) -> torch.Tensor:
        return (candidate * weights).flatten(1).sum(1)

    perturbed = perturb(pixels, distance, epsilon=epsilon, n_steps=20, generator=generator)
    gain = distance(perturbed) - distance(pixels)
    most = epsilon * float(weights.norm())
    # However many steps there are, a share of up to exp(-STEP_SHARE) of the random start is left beside the optimum.
    assert gain == pytest.approx([most] * 2, rel=math.exp(-STEP_SHARE) ** 2)
    assert float(gain.max()) <= most * (1 + 1e-5)


def test_budget_and_bounds_hold() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(4, 3, 8, 8, generator=generator)
    perturbed = perturb(pixels, lambda x: x.square().flatten(1).sum(1), epsilon=2.0, n_steps=2, generator=generator)
    assert float((perturbed - pixels).flatten(1).norm(dim=1).max()) <= 2.0 + 1e-5
    assert float(perturbed.min()) >= 0 and float(perturbed.max()) <= 1


def test_distance_is_relative_and_averages_the_last_layer() -> None:
    target = torch.ones(1, 2, 4, 4)
    assert float(feature_distance([target], [target], pool=2)) == 0
    assert float(feature_distance([target * 3, target * 2], [target, target], pool=2)) == pytest.approx(4 + 1)
    checkerboard = target + torch.tensor([1.0, -1.0]).repeat(2)
    assert float(feature_distance([checkerboard], [target], pool=2)) == pytest.approx(0, abs=1e-12)
