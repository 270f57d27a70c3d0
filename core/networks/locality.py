"""Finds whether a map of features lies as the picture does: a patch is moved in it, and the change must move along.

    locality = 1 - (mean distance of the change to the patch) / (mean distance of all positions to the patch)

along rows and along columns; the least of both, over all patches. 1 where nothing changes beside the patch, 0 where
every position changes alike, as behind global attention, and below 0 where another place changes.
"""

from __future__ import annotations

import math

import torch

PATCHES = ((1 / 8, 5 / 8), (5 / 8, 1 / 4))
"""Top and left edge of the patch in each picture, in sides of the picture: no two of their rows or columns mirror."""
PATCH_SIDE = 1 / 4
FEWEST = 36
"""Positions that a place can be told of: in 4 x 4 the strides of a convolutional network shift it too far (.24)."""
SEED = 20_260_102


def moved_patches(size: int) -> torch.Tensor:
    """Normalised noise (1 + n_patches, 3, size, size): as it is, then with another noise in each of the patches."""
    generator = torch.Generator().manual_seed(SEED)
    pictures = torch.randn(1, 3, size, size, generator=generator).repeat(1 + len(PATCHES), 1, 1, 1)
    for picture, corner in zip(pictures[1:], PATCHES, strict=True):
        rows, columns = (slice(round(edge * size), round((edge + PATCH_SIDE) * size)) for edge in corner)
        picture[:, rows, columns] = 2 * torch.randn(picture[:, rows, columns].shape, generator=generator)
    return pictures


def measure_locality(maps: torch.Tensor) -> float:
    """The least locality of maps (1 + n_patches, channels, height, width) of `moved_patches`.

    0 where it cannot be told: a map of one row or column, or nothing that changes.
    """
    least = min(
        _locality(change.sum(axis), edge)
        for change, corner in zip(_changes(maps), PATCHES, strict=True)
        for axis, edge in ((1, corner[0]), (0, corner[1]))
    )
    return least if math.isfinite(least) else 0.0


def measure_concentration(maps: torch.Tensor) -> float:
    """The least share of a change in that quarter of the positions that changes most, .25 to 1.

    0 where it cannot be told: nothing that changes, or fewer than `FEWEST` positions.
    """
    changes = _changes(maps).flatten(1)
    if changes.shape[1] < FEWEST:
        return 0.0
    most = changes.topk(-(-changes.shape[1] // 4)).values
    return float((most.sum(1) / changes.sum(1)).nan_to_num().amin())


def _changes(maps: torch.Tensor) -> torch.Tensor:
    """How much every position changes with each patch, (n_patches, height, width)."""
    return (maps[1:] - maps[0]).cpu().double().square().sum(1)


def _locality(change: torch.Tensor, edge: float) -> float:
    """Of a change along one axis, the patch beginning at `edge`."""
    centres = (torch.arange(len(change), device=change.device, dtype=change.dtype) + 0.5) / len(change)
    distance = ((centres - edge - PATCH_SIDE / 2).abs() - PATCH_SIDE / 2).clamp_min(0)
    return float(1 - (change * distance).sum() / change.sum() / distance.mean())
