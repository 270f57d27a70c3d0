"""Controls of a probe at equal norm: a random direction and the flipped perturbation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.attacks.ball import Ball, apply_mask
from core.attacks.mask import Mask
from core.attacks.norms import Norm
from core.seeds import make_stream


def draw_control(
    clean: torch.Tensor,
    size: torch.Tensor,
    norm: Norm,
    *,
    quantise: bool,
    seed: int,
    keys: Sequence[str],
    mask: Mask | None = None,
) -> torch.Tensor:
    """Pixels moved along a random direction by the given size.

    The size is met exactly within the pixel bounds: values that meet black or white stay there and the others go
    farther. Where the bounds leave no room for it, all of the room is used. In 8 bits the size is the largest
    whole-level one that is not above it.

    Parameters
    ----------
    clean : (n, 3, height, width). Pixels in [0, 1].
    size : (n,). Realised size of the probe's perturbation under `norm`.
    quantise : Deliver whole grey levels.
    keys : sequence of n str. Names of the images' random streams.
    mask : Of the probe; the direction is multiplied by it.
    """
    shape = tuple(clean.shape[1:])
    draws = [norm.draw_direction(shape, make_stream(seed, "control", key)) for key in keys]
    direction = apply_mask(torch.from_numpy(np.stack(draws)).to(clean), mask)
    return Ball(norm, clean, size, quantise=quantise).scale_to_budget(direction)


def flip_sign(clean: torch.Tensor, perturbed: torch.Tensor, norm: Norm, *, quantise: bool) -> torch.Tensor:
    """Pixels moved by the negative of the perturbation, at the same size wherever the pixel bounds leave room."""
    delta = perturbed - clean
    return Ball(norm, clean, norm.size(delta), quantise=quantise).scale_to_budget(-delta)
