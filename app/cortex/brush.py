"""The voxels a brush has passed over. Never draws them and never reads the mouse."""

from __future__ import annotations

import numpy as np

from app.cortex.mesh import HemisphereMesh
from app.cortex.picking import Pick
from core.surfaces.paint import NO_VOXEL, VoxelMap

RADIUS = 3.5
"""mm on the geometry shown."""


class CortexBrush:
    """Collects voxels along a stroke."""

    def __init__(self) -> None:
        self.voxels: set[int] = set()

    def begin(self, *, keep: bool) -> None:
        """Start a stroke: a new set, or more of the last one."""
        if not keep:
            self.voxels = set()

    def touch(self, pick: Pick, mesh: HemisphereMesh, voxels: VoxelMap) -> bool:
        """Add the voxels within the brush's radius of a pick; whether any was new."""
        shown = voxels.voxels(pick.side)
        near = ((mesh.points - mesh.points[pick.vertex]) ** 2).sum(axis=1) <= RADIUS**2
        found = {int(voxel) for voxel in np.unique(shown[near]) if voxel != NO_VOXEL}
        is_new = not found <= self.voxels
        self.voxels |= found
        return is_new

    def result(self) -> tuple[int, ...]:
        """The set, ascending."""
        return tuple(sorted(self.voxels))
