"""Controls of a probe at equal norm: a random direction and the flipped perturbation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.attacks.ball import Ball, apply_mask, widen
from core.attacks.config import AttackConfig
from core.attacks.norms import NORMS
from core.seeds import make_stream


def draw_control(
    clean: torch.Tensor, delta: torch.Tensor, attack: AttackConfig, *, keys: Sequence[str]
) -> torch.Tensor:
    """Pixels moved along a random direction, inside the mask, by the size of the perturbation.

    The size is met exactly within the pixel bounds: values that meet black or white stay there and the others go
    farther. Where the bounds leave no room for it, all of the room is used. In 8 bits the size is the largest
    whole-level one that is not above it.

    Parameters
    ----------
    clean : (n, 3, height, width). Pixels in [0, 1].
    delta : (n, 3, height, width). The perturbation; only its size under the attack's norm counts.
    attack : Whose norm, rounding, seed and mask are the control's.
    keys : sequence of n str. Names of the images' random streams.
    """
    norm, shape = NORMS[attack.norm], tuple(clean.shape[1:])
    draws = [norm.draw_direction(shape, make_stream(attack.seed, "control", key)) for key in keys]
    direction = apply_mask(torch.from_numpy(np.stack(draws)).to(clean), attack.mask)
    size = norm.size(widen(delta)).to(clean)
    return Ball(norm, clean, size, quantise=attack.quantise).scale_to_budget(direction)


def flip_sign(clean: torch.Tensor, delta: torch.Tensor, attack: AttackConfig) -> torch.Tensor:
    """Pixels moved by the negative of the perturbation, at the same size wherever the pixel bounds leave room."""
    norm = NORMS[attack.norm]
    return Ball(norm, clean, norm.size(delta), quantise=attack.quantise).scale_to_budget(-delta)
