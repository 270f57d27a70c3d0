"""Measures how far a network's features move at equal budget, against another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from core.device import exact_arithmetic, run_in_chunks
from core.networks.network import Network
from core.robustify.feature_loss import SMALLEST, perturb, pool_last
from core.types import FloatArray

MEASURE_STEPS = 10
"""PGD steps of the measurement: more than training uses, so that it is not evaluated by its own attack."""


@dataclass(frozen=True, slots=True)
class RobustnessRecord:
    """Mean relative feature shift ||phi(x + delta) - phi(x)|| / ||phi(x)|| of two networks at one budget.

    Parameters
    ----------
    epsilon : L2 budget in [0, 1] pixel units at the networks' input size.
    original, tuned : Shift of each network under its own worst perturbation found, all features of the layer.
    original_pooled, tuned_pooled : The same perturbations, features averaged over space.
    """

    epsilon: float
    original: float
    tuned: float
    original_pooled: float
    tuned_pooled: float

    @property
    def ratio(self) -> float:
        """Shift of the tuned network as a share of the original's."""
        return self.tuned / max(self.original, SMALLEST)


def measure_robustness(
    original: Network, tuned: Network, *, images: FloatArray, epsilons: Sequence[float], n_steps: int = MEASURE_STEPS
) -> tuple[RobustnessRecord, ...]:
    """Attack the features of both networks at every budget, one record per budget.

    Parameters
    ----------
    original, tuned : Cut at the same layer.
    images : (n_images, 3, input_size, input_size) float32 in [0, 1]. Photographs to average over.
    epsilons : L2 budgets.
    """
    pixels = torch.from_numpy(images)
    records = []
    for epsilon in epsilons:
        shifts = [find_shift(network, pixels, epsilon=epsilon, n_steps=n_steps) for network in (original, tuned)]
        (whole, pooled), (tuned_whole, tuned_pooled) = shifts
        records.append(RobustnessRecord(epsilon, whole, tuned_whole, pooled, tuned_pooled))
    return tuple(records)


def find_shift(network: Network, pixels: torch.Tensor, *, epsilon: float, n_steps: int) -> tuple[float, float]:
    """Mean relative shift of the features, and of their averages over space, that PGD reaches within `epsilon`."""

    def find(start: int, stop: int) -> torch.Tensor:
        chosen = pixels[start:stop].to(network.device)
        with torch.no_grad():
            clean = network(chosen)
        perturbed = perturb(
            chosen,
            lambda candidate: (network(candidate) - clean).square().flatten(1).sum(1),
            epsilon=epsilon,
            n_steps=n_steps,
            seed=0,
            first=start,
        )
        with torch.no_grad():
            moved = network(perturbed)
        pooled, pooled_clean = pool_last([moved], 1), pool_last([clean], 1)
        return torch.stack([_relative(moved, clean), _relative(*pooled, *pooled_clean)]).cpu()

    with exact_arithmetic():
        whole, pooled = torch.cat(run_in_chunks(find, len(pixels), chunk=len(pixels)), dim=1).mean(dim=1).tolist()
    return whole, pooled


def _relative(moved: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    change = torch.linalg.vector_norm((moved - clean).flatten(1), dim=1)
    size = torch.linalg.vector_norm(clean.flatten(1), dim=1)
    shares: torch.Tensor = change / size.clamp_min(SMALLEST)
    return shares
