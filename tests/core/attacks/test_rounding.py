"""Rounding to grey levels against brute force: never longer than allowed, and as long as possible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from core.attacks.rounding import round_within_box, round_within_sphere


def to_batch(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


@pytest.mark.parametrize("most", [0.9, 1.0, 2.5, 8.0])
def test_box_rounds_to_the_nearest_level_inside(most: float) -> None:
    values = torch.linspace(-most, most, 41)
    found = round_within_box(values.view(1, 1, 1, -1), torch.tensor([most])).flatten().numpy()
    allowed = np.arange(-int(most + 1e-4), int(most + 1e-4) + 1)
    distance = np.abs(values.numpy()[:, None] - allowed)
    np.testing.assert_allclose(np.abs(found - values.numpy()), distance.min(axis=1), atol=1e-6)


def test_box_treats_images_apart() -> None:
    levels = torch.full((2, 1, 1, 1), 2.4)
    assert round_within_box(levels, torch.tensor([2.4, 1.0])).flatten().tolist() == [2.0, 1.0]


@pytest.mark.parametrize("seed", range(8))
def test_sphere_rounds_up_the_largest_fractions_that_fit(seed: int) -> None:
    """Brute force over all counts of seven values to round up, largest fraction first."""
    values = np.random.default_rng(seed).uniform(-3, 3, 7)
    most = float(np.linalg.norm(values))
    found = round_within_sphere(to_batch(values.tolist()), torch.tensor([most])).flatten().numpy()
    down = np.floor(np.abs(values))
    order = np.argsort(-(np.abs(values) - down))
    budget = most**2 * (1 + 1e-6)
    sizes = [((down + np.isin(np.arange(7), order[:n])) ** 2).sum() for n in range(8)]
    assert (found**2).sum() <= budget * (1 + 1e-6)
    assert (found**2).sum() == max(size for size in sizes if size <= budget)
    assert all(np.sign(f) in (0, np.sign(v)) for f, v in zip(found, values, strict=True))


def test_sphere_keeps_whole_levels_as_they_are() -> None:
    levels = torch.tensor(list(itertools.product((-2.0, 0.0, 1.0), repeat=3))).view(27, 3, 1, 1)
    noisy = levels + 2e-5 * torch.sin(torch.arange(81.0)).view(27, 3, 1, 1)
    assert torch.equal(round_within_sphere(noisy, torch.full((27,), 100.0)), levels)


def test_sphere_spends_a_budget_too_small_for_half_a_level_a_pixel() -> None:
    """Rounding to the nearest would give nothing: every value is below one half."""
    generator = torch.Generator().manual_seed(0)
    levels = 0.05 * torch.randn(1, 3, 60, 60, generator=generator)
    length = float(levels.norm())
    found = round_within_sphere(levels, torch.tensor([1e6]))
    assert float(levels.abs().max()) < 0.5
    assert length**2 - 1 <= float(found.square().sum()) <= length**2 * (1 + 1e-6)


def test_sphere_breaks_ties_by_position_and_not_by_all_or_nothing() -> None:
    levels = torch.full((1, 1, 1, 100), 0.71)
    found = round_within_sphere(levels, torch.tensor([100.0]))
    assert float(found.sum()) == 50.0  # 100 * 0.71^2, counted in whole pixels


def test_sphere_treats_images_apart() -> None:
    generator = torch.Generator().manual_seed(1)
    levels = torch.randn(3, 3, 6, 6, generator=generator) * torch.tensor([0.1, 1.0, 9.0]).view(3, 1, 1, 1)
    most = levels.flatten(1).norm(dim=1)
    together = round_within_sphere(levels, most)
    alone = torch.cat([round_within_sphere(levels[i : i + 1], most[i : i + 1]) for i in range(3)])
    assert torch.equal(together, alone)
    assert bool((together.flatten(1).norm(dim=1) <= most * (1 + 1e-6)).all())
