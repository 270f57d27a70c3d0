"""Norms against closed forms, brute force and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from core.attacks.norms import NORMS, L2Norm, LinfNorm, Norm
from core.seeds import make_stream
from core.types import NormName

BOTH = pytest.mark.parametrize("norm", [L2Norm(), LinfNorm()], ids=["l2", "linf"])


def draw(n: int = 4, side: int = 5, *, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, 3, side, side, generator=generator)


def draw_bounds(delta: torch.Tensor, *, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    clean = torch.rand(delta.shape, generator=generator)
    return -clean, 1 - clean


def test_registry_names_each_norm() -> None:
    assert {name: norm.name for name, norm in NORMS.items()} == {name: name for name in NormName}


def test_sizes_agree_with_numpy() -> None:
    delta = draw()
    flat = delta.flatten(1).numpy()
    np.testing.assert_allclose(L2Norm().size(delta), np.linalg.norm(flat, axis=1), rtol=1e-6)
    np.testing.assert_allclose(LinfNorm().size(delta), np.abs(flat).max(axis=1), rtol=0)
    np.testing.assert_allclose(L2Norm().dual_size(delta), np.linalg.norm(flat, axis=1), rtol=1e-6)
    np.testing.assert_allclose(LinfNorm().dual_size(delta), np.abs(flat).sum(axis=1), rtol=1e-6)


@BOTH
def test_steepest_has_size_one_and_gains_the_dual_size(norm: Norm) -> None:
    gradient = draw()
    direction = norm.steepest(gradient)
    np.testing.assert_allclose(norm.size(direction), 1.0, rtol=1e-6)
    np.testing.assert_allclose((direction * gradient).sum((1, 2, 3)), norm.dual_size(gradient), rtol=1e-5)


@BOTH
def test_steepest_of_no_gradient_is_no_step(norm: Norm) -> None:
    assert torch.equal(norm.steepest(torch.zeros(2, 3, 4, 4)), torch.zeros(2, 3, 4, 4))


@BOTH
def test_shrink_leaves_small_ones_alone_and_cuts_large_ones_to_size(norm: Norm) -> None:
    delta = draw()
    sizes = norm.size(delta)
    assert torch.equal(norm.shrink(delta, sizes * 1.5), delta)
    np.testing.assert_allclose(norm.size(norm.shrink(delta, sizes / 3)), sizes / 3, rtol=1e-6)


def test_l2_projection_on_ball_and_bounds_is_the_nearest_point() -> None:
    """Against a general constrained solver on six numbers."""
    wished = torch.tensor([0.9, -0.6, 0.3, 0.05, -0.2, 0.7], dtype=torch.float64).view(1, 3, 1, 2)
    lower = torch.full_like(wished, -0.15)
    upper = torch.full_like(wished, 0.35)
    epsilon = torch.tensor([0.6], dtype=torch.float64)
    found = L2Norm().project(wished, epsilon, (lower, upper)).flatten().numpy()
    target = wished.flatten().numpy()
    answer = minimize(
        lambda delta: ((delta - target) ** 2).sum(),
        np.zeros(6),
        method="SLSQP",
        bounds=[(-0.15, 0.35)] * 6,
        constraints={"type": "ineq", "fun": lambda delta: 0.36 - (delta**2).sum()},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(found, answer.x, atol=1e-6)


@BOTH
@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 30.0])
def test_projection_keeps_budget_and_bounds_for_each_image(norm: Norm, scale: float) -> None:
    delta = draw(scale=scale)
    lower, upper = draw_bounds(delta)
    epsilon = torch.tensor([0.0, 0.05, 0.5, 3.0])
    found = norm.project(delta, epsilon, (lower, upper))
    assert bool((norm.size(found) <= epsilon * (1 + 1e-5)).all())
    assert bool(((found >= lower) & (found <= upper)).all())


@BOTH
def test_projection_is_idempotent(norm: Norm) -> None:
    delta = draw()
    lower, upper = draw_bounds(delta)
    epsilon = torch.full((4,), 0.4)
    once = norm.project(delta, epsilon, (lower, upper))
    torch.testing.assert_close(norm.project(once, epsilon, (lower, upper)), once, rtol=1e-5, atol=1e-7)


@BOTH
def test_fill_meets_the_size_although_pixels_meet_their_bounds(norm: Norm) -> None:
    direction = draw().double()
    lower, upper = (bound.double() for bound in draw_bounds(direction.float()))
    size = torch.tensor([0.1, 0.5, 0.8, 0.9], dtype=torch.float64)
    found = norm.scale_to_budget(direction, size, (lower, upper))
    np.testing.assert_allclose(norm.size(found), size, rtol=1e-9)
    assert bool((found * direction >= 0).all())


@BOTH
def test_fill_uses_all_the_room_there_is_when_there_is_too_little(norm: Norm) -> None:
    direction = torch.ones(1, 3, 2, 2, dtype=torch.float64)
    room = torch.full_like(direction, 0.25)
    found = norm.scale_to_budget(direction, torch.tensor([50.0], dtype=torch.float64), (-room, room))
    torch.testing.assert_close(found, room)


@BOTH
def test_fill_along_no_direction_moves_nothing(norm: Norm) -> None:
    nothing = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    room = torch.full_like(nothing, 0.25)
    found = norm.scale_to_budget(nothing, torch.ones(1, dtype=torch.float64), (-room, room))
    assert torch.equal(found, nothing)


def test_l2_start_is_uniform_in_volume() -> None:
    """For points uniform in a d-ball, radius^d is uniform in [0, 1]: mean 1/2, variance 1/12."""
    shape = (3, 1, 1)
    points = np.stack([L2Norm().draw_inside(shape, make_stream(0, draw)) for draw in range(4000)]).reshape(4000, 3)
    volume = np.linalg.norm(points, axis=1) ** 3
    assert volume.max() <= 1 + 1e-6
    assert volume.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 4000))
    assert volume.var() == pytest.approx(1 / 12, rel=0.1)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=4 * np.sqrt(0.2 / 4000))


def test_linf_start_is_uniform_in_the_cube() -> None:
    values = LinfNorm().draw_inside((3, 40, 40), make_stream(0, "cube"))
    assert np.abs(values).max() <= 1
    assert values.mean() == pytest.approx(0, abs=4 / np.sqrt(3 * values.size))
    assert values.var() == pytest.approx(1 / 3, rel=0.05)


@BOTH
def test_random_directions_have_size_one(norm: Norm) -> None:
    direction = norm.draw_direction((3, 7, 7), make_stream(3, "direction"))
    assert float(norm.size(torch.from_numpy(direction)[None])) == pytest.approx(1.0, rel=1e-6)
