"""Which voxels read which part of the feature map. Never sees features or responses.

A region is a rectangle of the visual field in half image sides, fixation at the centre, up positive; it keeps the cells
of the pooled grid whose centres it holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.checks import check_choice, refusal
from core.encoders.config import EncoderConfig, RoiRegion
from core.types import IntArray, VoxelTable

Grid = tuple[int, int, int]
"""(channels, rows, columns) of the pooled feature map; columns and rows are 1 where a layer has no map."""


@dataclass(frozen=True, slots=True, eq=False)
class VoxelGroup:
    """Voxels that read the same features: `voxels` indices, `columns` of the inputs they read, None for all."""

    voxels: IntArray
    columns: IntArray | None


def pooled_grid(feature_shape: tuple[int, ...], pool: int) -> Grid:
    """The grid after pooling a map (channels, height, width) or a vector (channels,)."""
    if len(feature_shape) != 3:
        return (int(np.prod(feature_shape)), 1, 1)
    channels, height, width = feature_shape
    return (channels, pool, pool) if pool else (channels, height, width)


def group_voxels(config: EncoderConfig, voxels: VoxelTable, grid: Grid) -> tuple[VoxelGroup, ...]:
    """One group for every region of the config, and one for all voxels without a region.

    Raises
    ------
    BadInputError
        If a region's ROI does not exist or is named twice, or a region holds no cell of the grid.
    """
    names = [region.roi for region in config.regions]
    if len(set(names)) < len(names):
        raise refusal("regions", allowed="one for each ROI", got=names)
    groups, free = [], np.ones(voxels.n_voxels, dtype=bool)
    for region in config.regions:
        check_choice("region", region.roi, voxels.roi_names)
        members = voxels.voxels_in(region.roi)
        free[members] = False
        groups.append(VoxelGroup(members, choose_columns(region, grid)))
    rest = np.flatnonzero(free)
    return (*groups, VoxelGroup(rest, None)) if rest.size else tuple(groups)


def choose_columns(region: RoiRegion, grid: Grid) -> IntArray:
    """The pooled features (channel-major) whose cell's centre lies in a region, ascending.

    Raises
    ------
    BadInputError
        If there is no map, or no cell has its centre inside.
    """
    channels, rows, columns = grid
    if rows * columns == 1:
        advice = "Choose a layer with a map, and no pooling to one cell."
        raise refusal("regions", allowed="empty without a feature map", got=region.roi, advice=advice)
    across = -1 + (2 * np.arange(columns) + 1) / columns
    up = 1 - (2 * np.arange(rows) + 1) / rows
    inside = np.outer(
        (up >= region.bottom) & (up <= region.top), (across >= region.left) & (across <= region.right)
    ).ravel()
    if not inside.any():
        allowed = f"large enough to hold the centre of a cell of the {rows} x {columns} grid"
        raise refusal("regions", allowed=allowed, got=tuple(region), advice="Use a finer pooling.")
    return np.flatnonzero(np.tile(inside, channels))
