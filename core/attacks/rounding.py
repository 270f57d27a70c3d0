"""Rounds perturbations, counted in grey levels, to whole levels without leaving a norm ball. Never sees an encoder."""

from __future__ import annotations

import torch

GREY_LEVELS = 255.0
"""Grey levels between black and white in an 8-bit file."""

LEVEL_FUZZ = 5e-5
"""A float32 pixel difference is off by up to 255 * 2^-23 = 3e-5 levels; nearer to a whole level counts as on it."""

N_BINS = 256
"""Bins over the fractions; only the one bin that straddles the budget is resolved pixel by pixel."""


def round_within_box(levels: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
    """Round to the nearest whole level, toward the clean pixel where the nearest is more than `most` away from it.

    Parameters
    ----------
    levels : (n, channels, height, width)
        Perturbation in grey levels.
    most : (n,)
        Largest absolute level allowed for each image.
    """
    whole = torch.floor(most + LEVEL_FUZZ).view(-1, 1, 1, 1)
    return torch.minimum(torch.maximum(torch.round(levels), -whole), whole)


def round_within_sphere(levels: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
    """Round to whole levels so that the Euclidean size stays as large as it can without growing.

    Every value is rounded toward the clean pixel first; then the values with the largest fractions are rounded away
    from it instead, as long as the size stays within min(||levels||, most). Rounding to the nearest, the plain
    alternative, adds about sqrt(d / 12) levels to the size (an L2 of 0.44 at 224 x 224 pixels), which breaks small
    budgets, and loses perturbations of less than half a level a pixel altogether.

    Parameters
    ----------
    levels : (n, channels, height, width)
        Perturbation in grey levels.
    most : (n,)
        Largest Euclidean size allowed for each image, in grey levels.
    """
    size = levels.abs().flatten(1) + LEVEL_FUZZ
    whole = size.floor()
    part = size - whole
    budget = torch.minimum(_sum_of_squares(levels.flatten(1)), most.to(_wide(levels)) ** 2)
    room = budget - _sum_of_squares(whole)
    cost = (2 * whole + 1).to(room.dtype)
    up = _choose_within(part, cost, room=room)
    rounded = torch.where(up, whole + 1, whole)
    return torch.copysign(rounded, levels.flatten(1)).view(levels.shape)


def _choose_within(part: torch.Tensor, cost: torch.Tensor, *, room: torch.Tensor) -> torch.Tensor:
    """Mark, in each row, the largest parts whose costs together fit into the room; ties go by position.

    A histogram of the costs finds where the room ends; sorting, the plain way, costs ten times as much a step.
    """
    top = part.amax(dim=1, keepdim=True).clamp_min(torch.finfo(part.dtype).tiny)
    bins = (part / top * (N_BINS - 1)).long()
    spent = torch.zeros(part.shape[0], N_BINS, dtype=cost.dtype, device=part.device).scatter_add_(1, bins, cost)
    from_top = spent.flip(1).cumsum(1).flip(1)
    fits = from_top <= room[:, None]
    first = N_BINS - fits.sum(dim=1, keepdim=True)
    paid = torch.where(fits, from_top, 0.0).amax(dim=1, keepdim=True)
    off_level = part > 2 * LEVEL_FUZZ
    straddles = (bins == first - 1) & off_level
    run = torch.where(straddles, cost, 0.0).cumsum(1)
    return ((bins >= first) & off_level) | (straddles & (run <= room[:, None] - paid))


def _sum_of_squares(values: torch.Tensor) -> torch.Tensor:
    return (values.to(_wide(values)) ** 2).sum(dim=1)


def _wide(values: torch.Tensor) -> torch.dtype:
    """Double precision where the device has it (Apple's GPUs have none)."""
    return torch.float32 if values.device.type == "mps" else torch.float64
