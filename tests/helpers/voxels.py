"""Voxel tables of a few voxels."""

from __future__ import annotations

import numpy as np

from core.types import VoxelTable

ROIS = ("V1", "V1", "FFA", "FFA", "FFA", "V1", "")


def make_voxels(rois: tuple[str, ...] = ROIS) -> VoxelTable:
    count = len(rois)
    return VoxelTable(
        hemisphere=np.zeros(count, dtype=np.int8),
        vertex=np.arange(count, dtype=np.int32),
        roi=rois,
        noise_ceiling=np.full(count, 0.5, dtype=np.float32),
        paint=np.zeros((0, 3), dtype=np.int32),
    )
