"""How far features moved, and the perturbation that moves them most. Never touches weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from core.networks.truncate import run_to_exit

STEP_SHARE = 2.5
"""Step size = STEP_SHARE epsilon / n_steps, so that the steps can cross the ball."""
SMALLEST = 1e-12
"""Below this a norm counts as zero."""


def features_at(module: nn.Module, layers: Sequence[str], *, values: torch.Tensor) -> list[torch.Tensor]:
    """Features at every layer of a network that is cut behind the last of them; `values` are normalised pixels."""
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        return lambda _module, _args, output: kept.__setitem__(name, output)

    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in layers[:-1]]
    try:
        last = run_to_exit(module, values)
    finally:
        for handle in handles:
            handle.remove()
    return [kept[name] for name in layers[:-1]] + [last]


def feature_distance(features: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], *, pool: int) -> torch.Tensor:
    """sum_l ||f_l - t_l||^2 / mean ||t_l||^2 for each image, (n,); the last layer on a pool x pool grid of averages."""
    total = torch.zeros(len(features[0]), device=features[0].device)
    for index, (feature, target) in enumerate(zip(features, targets, strict=True)):
        if index == len(features) - 1 and feature.ndim == 4:
            feature, target = (functional.adaptive_avg_pool2d(values, pool) for values in (feature, target))
        squared = (feature - target).square().flatten(1).sum(1)
        total = total + squared / target.square().flatten(1).sum(1).mean().clamp_min(SMALLEST)
    return total


def perturb(
    pixels: torch.Tensor,
    distance: Callable[[torch.Tensor], torch.Tensor],
    *,
    epsilon: float,
    n_steps: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Pixels in [0, 1] within L2 `epsilon` of `pixels` whose `distance` (n,) PGD raised from a random start."""
    start = torch.randn(pixels.shape, generator=generator, device=pixels.device)
    share = torch.rand(len(pixels), 1, 1, 1, generator=generator, device=pixels.device)
    delta = epsilon * share * _unit(start)
    for _ in range(n_steps):
        candidate = (pixels + delta).clamp(0, 1).contiguous(memory_format=torch.channels_last).requires_grad_(True)
        (gradient,) = torch.autograd.grad(distance(candidate).sum(), candidate)
        delta = candidate.detach() - pixels + STEP_SHARE * epsilon / n_steps * _unit(gradient)
        delta = delta * (epsilon / _norm(delta).clamp_min(SMALLEST)).clamp_max(1.0)
    return (pixels + delta).clamp(0, 1)


def _norm(values: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms.view(-1, 1, 1, 1)


def _unit(values: torch.Tensor) -> torch.Tensor:
    return values / _norm(values).clamp_min(SMALLEST)
