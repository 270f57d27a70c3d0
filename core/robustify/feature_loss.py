"""How far features moved, and the perturbation that moves them most."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from core.attacks.config import AttackConfig, StepRule
from core.attacks.objective import Scores
from core.attacks.pgd import iter_pgd
from core.networks.truncate import hook_calls, run_to_exit
from core.types import NormName

SMALLEST = 1e-12
"""Below this a norm counts as zero."""


def features_at(module: nn.Module, layers: Sequence[str], *, values: torch.Tensor) -> list[torch.Tensor]:
    """Features at every layer of a network that is cut behind the last of them; `values` are normalised pixels."""
    kept: dict[str, torch.Tensor] = {}

    def keep(layer: str, features: torch.Tensor) -> None:
        kept[layer] = features.clone()  # the next layer may write into what this one gave

    handles = hook_calls(module, layers[:-1], keep)
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


class DistanceObjective:
    """The distance features move, one number an image, as an attack takes it.

    Parameters
    ----------
    distance : pixels (n, 3, height, width) -> (n,). Of an image alone, whatever its neighbours are.
    """

    def __init__(self, distance: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._distance = distance

    def score(self, pixels: torch.Tensor) -> Scores:
        """The distance, without a gradient."""
        with torch.no_grad():
            values = self._distance(pixels.contiguous(memory_format=torch.channels_last))
        return Scores(values, values[:, None])

    def value_and_gradient(self, pixels: torch.Tensor) -> tuple[Scores, torch.Tensor]:
        """The distance and its gradient with respect to the pixels."""
        leaf = pixels.detach().contiguous(memory_format=torch.channels_last).requires_grad_(True)
        with torch.enable_grad():
            values = self._distance(leaf)
            (gradient,) = torch.autograd.grad(values.sum(), leaf)
        return Scores(values.detach(), values.detach()[:, None]), gradient


def perturb(
    pixels: torch.Tensor, distance: Callable[[torch.Tensor], torch.Tensor], *, epsilon: float, n_steps: int, seed: int
) -> torch.Tensor:
    """Pixels in [0, 1] within L2 `epsilon` of `pixels` whose `distance` (n,) PGD maximised from a random start."""
    attack = AttackConfig(
        norm=NormName.L2, epsilon=epsilon, n_steps=n_steps, random_start=True, seed=seed, step_rule=StepRule.FIXED
    )
    keys = tuple(map(str, range(len(pixels))))
    *_, last = iter_pgd(DistanceObjective(distance), pixels, attack, keys=keys)
    return last.best.pixels
