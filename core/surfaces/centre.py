"""Where a change of responses is centred on the cortex, step by step."""

from __future__ import annotations

import numpy as np

from core.surfaces.mesh import CorticalSurface
from core.surfaces.paint import NO_PLACE
from core.types import FloatArray, IntArray, VoxelTable

NO_CENTRE = -1


def find_centres(surface: CorticalSurface, table: VoxelTable, change: FloatArray) -> IntArray:
    """The vertex nearest to the |change|-weighted mean place of the voxels of a hemisphere on its registered sphere.

    `change`: (n_steps, n_voxels); NaN weighs nothing.

    Returns (n_steps, 2), left and right: -1 where nothing changed, nothing lies there, or the surface has no sphere.
    """
    from scipy.spatial import KDTree  # kept from the window's start

    centres = np.full((len(change), 2), NO_CENTRE)
    for side in (0, 1) if "sphere" in surface.geometries else ():
        points = surface.side(side).geometries["sphere"].astype(np.float64)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        here = np.flatnonzero((table.hemisphere == side) & (table.vertex != NO_PLACE))
        weights = np.abs(np.nan_to_num(change[:, here].astype(np.float64)))
        means = weights @ points[table.vertex[here]]
        sizes = np.linalg.norm(means, axis=1)
        known = sizes > 0
        centres[known, side] = KDTree(points).query(means[known] / sizes[known, np.newaxis])[1]
    return centres
