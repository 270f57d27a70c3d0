"""The allowed perturbations: budget and bounds to the last bit, 8-bit grid, starts that do not depend on neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.ball import Ball
from core.attacks.norms import NORMS
from core.errors import BadInputError
from core.types import NormName

SIDE = 12
ON_BUDGET = 1 + 1e-6
NORMS_BOTH = pytest.mark.parametrize("norm", list(NormName))


def draw_clean(n: int = 3, *, seed: int = 0) -> torch.Tensor:
    """Grey levels / 255, a quarter of them black or white."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(-85, 341, (n, 3, SIDE, SIDE), generator=generator).clamp(0, 255)
    return levels.float() / 255


def measure(norm: NormName, pixels: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    delta = (pixels.double() - clean.double()).flatten(1)
    return delta.norm(dim=1) if norm is NormName.L2 else delta.abs().amax(dim=1)


@NORMS_BOTH
@pytest.mark.parametrize("epsilon", [1e-4, 3e-3, 8 / 255, 0.3, 1.0])
def test_settled_pixels_keep_budget_and_bounds(norm: NormName, epsilon: float) -> None:
    clean = draw_clean()
    budget = torch.full((3,), epsilon)
    ball = Ball(NORMS[norm], clean, budget)
    delta = ball.project(torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)))
    pixels = ball.enforce_exactly(ball.to_pixels(delta))
    assert bool((measure(norm, pixels, clean) <= budget.double() * ON_BUDGET).all())
    assert bool((measure(norm, pixels, clean) >= budget.double() * 0.99).all())
    assert float(pixels.min()) >= 0.0 and float(pixels.max()) <= 1.0


def test_settling_mends_rounding_that_all_goes_one_way() -> None:
    """The same tiny step on every pixel: float32 addition rounds each outward, and the errors add up."""
    clean = torch.full((1, 3, 64, 64), 200 / 255)
    step = torch.full_like(clean, 2.0**-24 * 1.6)
    budget = NORMS[NormName.L2].size(step.double()).float()
    ball = Ball(NORMS[NormName.L2], clean, budget)
    assert float(measure(NormName.L2, ball.to_pixels(step), clean)) > float(budget) * ON_BUDGET
    assert float(measure(NormName.L2, ball.enforce_exactly(ball.to_pixels(step)), clean)) <= float(budget) * ON_BUDGET


@NORMS_BOTH
@pytest.mark.parametrize("levels", [0.4, 1.0, 2.5, 30.0])
def test_landed_8bit_pixels_are_grey_levels_within_the_budget(norm: NormName, levels: float) -> None:
    clean = draw_clean()
    budget = torch.full((3,), levels / 255 * (1 if norm is NormName.LINF else SIDE))
    ball = Ball(NORMS[norm], clean, budget, quantise=True)
    delta = ball.project(torch.randn(clean.shape, generator=torch.Generator().manual_seed(2)))
    pixels = ball.enforce_exactly(ball.to_pixels(delta)).numpy()
    grey = np.round(255 * pixels.astype(np.float64))
    assert np.array_equal(pixels, grey.astype(np.float32) / np.float32(255))
    moved = torch.from_numpy(grey - np.round(255 * clean.numpy().astype(np.float64)))
    size = measure(norm, moved, torch.zeros_like(moved))
    assert bool((size <= 255 * budget.double() * ON_BUDGET).all())
    assert pixels.min() >= 0 and pixels.max() <= 1


def test_linf_budget_below_one_grey_level_leaves_the_8bit_image_alone() -> None:
    clean = draw_clean()
    ball = Ball(NORMS[NormName.LINF], clean, torch.full((3,), 0.9 / 255), quantise=True)
    assert torch.equal(ball.to_pixels(ball.project(torch.ones_like(clean))), clean)


def test_quantising_needs_8bit_clean_pixels() -> None:
    clean = draw_clean() * 0.7
    with pytest.raises(BadInputError, match=r"`clean` must be 8-bit grey levels.*levels off"):
        Ball(NORMS[NormName.L2], clean, torch.ones(3), quantise=True)


@NORMS_BOTH
def test_start_of_an_image_depends_on_its_key_and_restart_only(norm: NormName) -> None:
    clean = draw_clean()
    together = Ball(NORMS[norm], clean, torch.tensor([0.1, 0.2, 0.3])).draw_start(0, 1, ("a", "b", "c"))
    alone = Ball(NORMS[norm], clean[1:2], torch.tensor([0.2])).draw_start(0, 1, ("b",))
    other = Ball(NORMS[norm], clean[1:2], torch.tensor([0.2])).draw_start(0, 2, ("b",))
    assert torch.equal(together[1:2], alone)
    assert not torch.equal(alone, other)


@NORMS_BOTH
@pytest.mark.parametrize("quantise", [False, True])
def test_filling_reaches_the_budget(norm: NormName, quantise: bool) -> None:
    clean = draw_clean()
    budget = torch.full((3,), 0.8 if norm is NormName.L2 else 20 / 255)
    pixels = Ball(NORMS[norm], clean, budget, quantise=quantise).scale_to_budget(
        torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))
    )
    # One pixel more or less is what whole grey levels leave open.
    slack = 0.01 if quantise else 1e-6
    reached = measure(norm, pixels, clean)
    assert bool((reached <= budget.double() * (1 + 2e-6)).all())
    assert bool((reached >= budget.double() * (1 - slack)).all())
