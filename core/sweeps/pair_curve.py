"""Two encoders, one target, many images: controversial perturbations over the epsilon grid, and what both do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
import torch

from core.attacks.control import draw_control
from core.attacks.epsilon_grid import iter_epsilon_grid
from core.attacks.norms import NORMS
from core.attacks.objective import LinearObjective
from core.attacks.smooth_minimum import SmoothMinimum
from core.containers import Arrays
from core.device import exact_arithmetic, run_in_chunks
from core.encoders.encoder import Encoder
from core.probes.respond import check_pixels, to_tensor
from core.sweeps.attack_curve import IMAGES_AT_ONCE, AttackCurve
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
    pair = ((encoder, curve.direction), *curve.others)
    signs = (curve.sign, -curve.sign)
    members = [LinearObjective(one, weights, sign) for (one, weights), sign in zip(pair, signs, strict=True)]

    def attack(start: int, stop: int) -> Arrays:
        return _attack(
            members, to_tensor(encoder, pixels[start:stop]), curve, sharpness=sharpness, keys=keys[start:stop]
        )

    with ExitStack() as stack:
        for one, _ in pair:
            check_pixels(one, pixels)
            stack.enter_context(one.network.interruptible(should_stop))
        stack.enter_context(exact_arithmetic())
        parts = run_in_chunks(attack, len(pixels), chunk=IMAGES_AT_ONCE)
    return {name: np.concatenate([part[name] for part in parts], axis=-2) for name in parts[0]}


def _attack(
    members: Sequence[LinearObjective],
    clean: torch.Tensor,
    curve: AttackCurve,
    *,
    sharpness: float,
    keys: Sequence[str],
) -> Arrays:
    """The same of one batch."""
    config, norm = curve.attack, NORMS[curve.attack.norm]
    objective = SmoothMinimum(members, clean, sharpness=sharpness)
    columns: dict[str, list[FloatArray]] = {"shift": [], "control": [], "to_gain": []}
    for step in iter_epsilon_grid(objective, clean, config, epsilons=curve.budgets, keys=keys):
        if (convergence := step.attack.convergence) is None:
            continue
        moved = step.attack.best.pixels
        size = norm.size((moved - clean).cpu().double()).to(clean)
        control = draw_control(clean, size, norm, quantise=config.quantise, seed=config.seed, keys=keys)
        columns["shift"].append(_measure(members, moved, clean))
        columns["control"].append(_measure(members, control.to(clean), clean))
        columns["to_gain"].append(convergence.to_gain.cpu().double().numpy())
    return {name: np.stack(values, axis=-1) for name, values in columns.items()}


def _measure(members: Sequence[LinearObjective], pixels: torch.Tensor, clean: torch.Tensor) -> FloatArray:
    """The target's shift in SDs in both encoders, (2, n)."""
    found = []
    for one in members:
        change = one.score(pixels).values.cpu().double() - one.score(clean).values.cpu().double()
        found.append(one.sign * change.numpy() / one.scale)
    return np.stack(found)
