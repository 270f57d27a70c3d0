"""Finds the vertex under the pointer exactly, in well under a millisecond. Never renders, never guesses by nearness.

The nearest triangle that the ray through the pixel meets counts, and of its three corners the nearest to that point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.cortex.mesh import Mesh
from app.cortex.scene import Scene
from core.surfaces.paint import NO_VOXEL, VoxelMap
from core.types import Hemisphere
from core.words import digits_for, format_signed

ASIDE = (0.29, 0.13)
"""Pixels from a position to the second try."""


@dataclass(frozen=True, slots=True)
class Pick:
    """What lies under a point of the screen.

    Parameters
    ----------
    side : 0 left, 1 right.
    point : (3,) float. Where the ray met the surface, scene mm.
    """

    side: int
    vertex: int
    point: tuple[float, float, float]


def pick_vertex(scene: Scene, size: tuple[float, float], at: tuple[float, float]) -> Pick | None:
    """The vertex at a position in a picture of `size`, both in pixels, or None beside the surface.

    A ray exactly along an edge can slip between two triangles and hit the far side. So what is not seen from its
    front is asked for again a fraction of a pixel away, and the nearer of both answers counts.
    """
    first = _meet(scene, size, at)
    if first is not None and first[1]:
        return first[0]
    aside, forward = _meet(scene, size, (at[0] + ASIDE[0], at[1] - ASIDE[1])), scene.pose.axes()[2]
    hits = [hit[0] for hit in (first, aside) if hit is not None]
    return min(hits, key=lambda hit: float(np.dot(hit.point, forward)), default=None)


def _meet(scene: Scene, size: tuple[float, float], at: tuple[float, float]) -> tuple[Pick, bool] | None:
    """What the ray meets first, and whether from its front."""
    start, forward = scene.pose.ray(*at, width=size[0], height=size[1])
    met = [(side, mesh, hit) for side, mesh in scene.shown if (hit := mesh.rays.first_hit(start, forward)) is not None]
    if not met:
        return None
    side, mesh, (cell, point) = min(met, key=lambda one: float(np.dot(one[2][1], forward)))
    corners, places = mesh.faces[cell], mesh.points[mesh.faces[cell]]
    a, b, c = places.astype(np.float64)
    vertex, (x, y, z) = int(corners[np.argmin(((places - point) ** 2).sum(axis=1))]), point.tolist()
    return Pick(side, vertex, (x, y, z)), bool(np.cross(b - a, c - a) @ forward < 0)


def voxels_near(pick: Pick, mesh: Mesh, voxels: VoxelMap, *, radius: float) -> set[int]:
    """The voxels within `radius` mm, on the geometry shown, of the vertex of a pick."""
    near = ((mesh.points - mesh.points[pick.vertex]) ** 2).sum(axis=1) <= radius**2
    return {int(voxel) for voxel in np.unique(voxels.voxels(pick.side)[near]) if voxel != NO_VOXEL}


SEPARATOR = "  ·  "


@dataclass(frozen=True, slots=True)
class HoverInfo:
    """One vertex and what is shown there.

    Parameters
    ----------
    voxel : None where no voxel is drawn.
    roi : "" for none.
    value : The current map's value; None without a map or a voxel.
    unit : Of the value.
    place : Its coordinates with their space; "" where they are not known.
    """

    side: Hemisphere
    vertex: int
    voxel: int | None
    roi: str
    value: float | None
    unit: str = ""
    place: str = ""

    def describe(self, *, with_place: bool = True) -> str:
        """One line: place, vertex, voxel, value with its unit, and what else is known of the place."""
        place = f"{self.side.value.capitalize()} {self.roi}".strip()
        parts = [place, f"vertex {self.vertex}", "no voxel" if self.voxel is None else f"voxel {self.voxel}"]
        if self.value is not None:
            digits = max(2, digits_for(abs(self.value)) - 1) if self.value else 2
            parts.append(f"{format_signed(self.value, digits)} {self.unit}".strip())
        return SEPARATOR.join([*parts, self.place] if with_place and self.place else parts)
