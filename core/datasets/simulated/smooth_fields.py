"""Random fields that change smoothly over the cortex. Never crosses from one hemisphere to the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.surfaces.mesh import CorticalSurface
from core.types import VoxelTable

SMOOTHNESS = 8.0
"""SD of the smoothing kernel in mm, on the sphere of radius 100 mm."""


def smooth_fields(
    voxels: VoxelTable, surface: CorticalSurface, *, n_fields: int, draw: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Random fields over the voxels, (n_voxels, n_fields): normal with variance 1, smooth within each hemisphere."""
    values = np.empty((voxels.n_voxels, n_fields))
    for side in (0, 1):
        here = np.flatnonzero(voxels.hemisphere == side)
        points = surface.side(side).geometries["sphere"][voxels.vertex[here]].astype(np.float64)
        squared = ((points[:, np.newaxis] - points) ** 2).sum(axis=2)
        kernel = np.exp(-squared / (2 * SMOOTHNESS**2))
        kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
        values[here] = kernel @ draw.standard_normal((len(here), n_fields))
    return values
