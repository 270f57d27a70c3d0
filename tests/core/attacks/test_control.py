"""Controls: the same realised size as the perturbation, a direction that depends on seed and image only."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.attacks.config import AttackConfig
from core.attacks.control import draw_control, flip_sign
from core.types import NormName

BOTH = pytest.mark.parametrize("norm", list(NormName))
SIZE = {NormName.L2: [0.05, 2.0], NormName.LINF: [2 / 255, 40 / 255]}


def draw_clean() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-60, 316, (2, 3, 16, 16), generator=generator).clamp(0, 255).float() / 255


def of_size(size: torch.Tensor) -> torch.Tensor:
    """Perturbations of one value each, so that every norm of them is `size`."""
    delta = torch.zeros(len(size), 3, 16, 16)
    delta[:, 0, 0, 0] = size
    return delta


def measure(norm: NormName, delta: torch.Tensor) -> torch.Tensor:
    flat = delta.double().flatten(1)
    return flat.norm(dim=1) if norm is NormName.L2 else flat.abs().amax(dim=1)


@BOTH
def test_control_has_the_asked_size_within_the_bounds(norm: NormName) -> None:
    clean, size = draw_clean(), torch.tensor(SIZE[norm])
    control = draw_control(clean, of_size(size), AttackConfig(norm=norm, epsilon=0.5), keys=("a", "b"))
    torch.testing.assert_close(measure(norm, control - clean), size.double(), rtol=2e-6, atol=0)
    assert float(control.min()) >= 0 and float(control.max()) <= 1


@BOTH
def test_8bit_control_is_on_grey_levels_and_no_larger(norm: NormName) -> None:
    clean, size = draw_clean(), torch.tensor(SIZE[norm])
    control = draw_control(clean, of_size(size), AttackConfig(norm=norm, epsilon=0.5, quantise=True), keys=("a", "b"))
    levels = 255 * control
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    reached = measure(norm, levels.round() - (255 * clean).round())
    assert bool((reached <= 255 * size.double() * (1 + 1e-6)).all())
    assert bool((reached >= 255 * size.double() * 0.95 - 1e-6).all())


@BOTH
def test_control_direction_is_seeded_per_image(norm: NormName) -> None:
    clean, size = draw_clean(), torch.tensor(SIZE[norm])
    delta, attack, keys = of_size(size), AttackConfig(norm=norm, epsilon=0.5), ("a", "b")
    first, again = (draw_control(clean, delta, attack, keys=keys) for _ in range(2))
    other = draw_control(clean, delta, replace(attack, seed=1), keys=keys)
    alone = draw_control(clean[1:], delta[1:], attack, keys=("b",))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(first[1:], alone)


@BOTH
def test_flip_is_the_exact_negative_where_there_is_room(norm: NormName) -> None:
    clean = torch.full((1, 3, 8, 8), 128 / 255)
    perturbed = clean + 0.05 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    flipped = flip_sign(clean, perturbed - clean, AttackConfig(norm=norm, epsilon=0.5))
    torch.testing.assert_close(flipped - clean, clean - perturbed, rtol=1e-5, atol=1e-7)


@BOTH
def test_flip_keeps_the_size_when_pixels_meet_black_or_white(norm: NormName) -> None:
    clean = draw_clean()
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    perturbed = (clean + noise).clamp(0, 1)
    flipped = flip_sign(clean, perturbed - clean, AttackConfig(norm=norm, epsilon=0.5))
    torch.testing.assert_close(measure(norm, flipped - clean), measure(norm, perturbed - clean), rtol=2e-6, atol=0)
    assert bool(((flipped - clean) * (perturbed - clean) <= 0).all())


@BOTH
@pytest.mark.parametrize("quantise", [False, True])
def test_controls_of_no_perturbation_are_the_clean_image(norm: NormName, quantise: bool) -> None:
    clean = draw_clean()
    none = torch.zeros_like(clean)
    attack = AttackConfig(norm=norm, epsilon=0.5, quantise=quantise)
    assert torch.equal(draw_control(clean, none, attack, keys=("a", "b")), clean)
    assert torch.equal(flip_sign(clean, none, attack), clean)
