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


def pool_last(features: Sequence[torch.Tensor], pool: int) -> list[torch.Tensor]:
    """The features with those of the last layer on a pool x pool grid of averages."""
    *first, last = features
    return [*first, functional.adaptive_avg_pool2d(last, pool) if last.ndim == 4 else last]


def square_sizes(features: Sequence[torch.Tensor]) -> torch.Tensor:
    """||f_l||^2 of each layer and image, (n_layers, n)."""
    return torch.stack([feature.square().flatten(1).sum(1) for feature in features])


def feature_distance(
    features: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], *, sizes: torch.Tensor
) -> torch.Tensor:
    """sum_l ||f_l - t_l||^2 / size_l for each image, (n,); `sizes` (n_layers,), the mean ||t_l||^2 of the batch."""
    squared = square_sizes([feature - target for feature, target in zip(features, targets, strict=True)])
    return (squared / sizes.clamp_min(SMALLEST)[:, None]).sum(0)


class DistanceObjective:
    """The distance features move, one number an image, as an attack takes it.

    `distance`: pixels (n, 3, height, width) -> (n,), of an image alone, whatever its neighbours are.
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
    pixels: torch.Tensor,
    distance: Callable[[torch.Tensor], torch.Tensor],
    *,
    epsilon: float,
    n_steps: int,
    seed: int,
    first: int = 0,
) -> torch.Tensor:
    """Pixels in [0, 1] within L2 `epsilon` of `pixels` whose `distance` (n,) PGD maximised from a random start.

    `first` is the place of the first of them in their batch, whose random starts are drawn by place.
    """
    attack = AttackConfig(
        norm=NormName.L2, epsilon=epsilon, n_steps=n_steps, random_start=True, seed=seed, step_rule=StepRule.FIXED
    )
    keys = tuple(map(str, range(first, first + len(pixels))))
    *_, last = iter_pgd(DistanceObjective(distance), pixels, attack, keys=keys)
    return last.best.pixels
