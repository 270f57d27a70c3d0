"""Two encoders, one target, many images: controversial perturbations over the epsilon grid, and what both do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from core.attacks.ball import widen
from core.attacks.control import draw_control
from core.attacks.epsilon_grid import iter_epsilon_grid
from core.attacks.norms import NORMS
from core.attacks.objective import LinearObjective
from core.attacks.smooth_minimum import SmoothMinimum
from core.containers import Arrays
from core.encoders.encoder import Encoder
from core.sweeps.attack_curve import AttackCurve, run_batches
from core.types import FloatArray


def run_pair(
    encoder: Encoder,
    pixels: FloatArray,
    curve: AttackCurve,
    *,
    sharpness: float,
    keys: Sequence[str],
    should_stop: Callable[[], bool],
) -> Arrays:
    """Move the first encoder the curve's way and the second the other way, with the same perturbation of each image.

    Parameters
    ----------
    pixels : (n_images, 3, height, width). In [0, 1]; both encoders take images of this size.
    curve : `others` holds the second encoder with its weights.
    sharpness : t of the smooth minimum.

    Returns shift and control (2, n_images, n_budgets), the target's shifts in each encoder's SDs by the perturbation
    and by a random one of its realised size; to_gain (n_images, n_budgets).

    Raises BadInputError if a target's SD is not known or 0; Cancelled as soon as `should_stop()` is true.
    """
    pair, signs = ((encoder, curve.direction), *curve.others), (curve.sign, -curve.sign)
    members = [LinearObjective(one, weights, sign) for (one, weights), sign in zip(pair, signs, strict=True)]
    config, norm = curve.attack, NORMS[curve.attack.norm]

    def attack(clean: torch.Tensor, keys: Sequence[str]) -> Arrays:
        objective = SmoothMinimum(members, clean, sharpness=sharpness)
        columns: dict[str, list[FloatArray]] = {"shift": [], "control": [], "to_gain": []}
        for step in iter_epsilon_grid(objective, clean, config, epsilons=curve.budgets, keys=keys):
            if (convergence := step.attack.convergence) is None:
                continue
            moved = step.attack.best.pixels
            size = norm.size(widen(moved - clean)).to(clean)
            control = draw_control(clean, size, norm, quantise=config.quantise, seed=config.seed, keys=keys)
            for name, shown in {"shift": moved, "control": control.to(clean)}.items():
                columns[name].append(np.asarray(signs)[:, np.newaxis] * widen(objective.shifts(shown)).numpy())
            columns["to_gain"].append(widen(convergence.to_gain).numpy())
        return {name: np.stack(values, axis=-1) for name, values in columns.items()}

    parts = run_batches([one for one, _ in pair], pixels, keys, attack, should_stop=should_stop)
    return {name: np.concatenate([part[name] for part in parts], axis=-2) for name in parts[0]}
