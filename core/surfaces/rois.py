"""The ROI of each voxel from an atlas of its surface, for recordings that bring none. Never replaces an ROI."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.surfaces.atlas import Atlas
from core.surfaces.paint import NO_PLACE
from core.types import VoxelTable


def fill_rois(table: VoxelTable, atlas: Atlas) -> VoxelTable:
    """The table with the atlas's ROI at each voxel's vertex where it had none at all; else as it is.

    Parameters
    ----------
    table : VoxelTable
        Of the surface the atlas lies on.
    atlas : Atlas
    """
    if table.roi_names:
        return table
    label = np.zeros(table.n_voxels, dtype=np.int16)
    for side in (0, 1):
        here = (table.hemisphere == side) & (table.vertex != NO_PLACE)
        label[here] = atlas.labels(side)[table.vertex[here]]
    names = ("", *atlas.names)
    return replace(table, roi=tuple(names[number] for number in label.tolist()))
