"""The way from the folded cortex over the inflated one to the flat map: shapes between geometries.

Between two geometries every vertex moves on a straight line in the scene, and its normal turns with it; the flat map's
triangles, which the cuts left, are drawn from the moment the cortex begins to open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.cortex.layout import Geometry, Hemispheres, NamedView, arrange
from app.cortex.mesh import vertex_normals
from core.checks import refusal
from core.surfaces.mesh import CorticalSurface
from core.types import FloatArray

SNAP = 0.03
"""A position nearer to a stop than this is that stop, so that the slider finds the measured shapes."""


@dataclass(frozen=True, slots=True, eq=False)
class MorphedMesh:
    """One hemisphere at one place of the way: points (n, 3), normals (n, 3) and triangles (m, 3)."""

    points: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]


class MorphPath:
    """The stops of a surface and what lies between them.

    Parameters
    ----------
    surface : CorticalSurface
    stops : tuple of Geometry
        At least one; see `find_stops`.
    hemispheres, view : Hemispheres, NamedView
        How the hemispheres are laid out.
    """

    def __init__(
        self, surface: CorticalSurface, stops: tuple[Geometry, ...], *, hemispheres: Hemispheres, view: NamedView
    ) -> None:
        self.surface = surface
        self.stops = stops
        self.layout: tuple[Hemispheres, NamedView] = (hemispheres, view)
        self._shapes: dict[tuple[int, Geometry], MorphedMesh] = {}

    @property
    def length(self) -> int:
        """The position of the last stop; the first is at 0."""
        return len(self.stops) - 1

    def segment(self, position: float) -> tuple[Geometry, Geometry, float]:
        """The stops before and after a position, and the share of the way between them, in [0, 1].

        Raises BadInputError for a position that is not on the way.
        """
        if not 0 <= position <= self.length:
            raise refusal("position", allowed=f"in [0, {self.length}]", got=position)
        nearest = round(position)
        if abs(position - nearest) <= SNAP:
            return self.stops[nearest], self.stops[nearest], 0.0
        before = int(position)
        return self.stops[before], self.stops[before + 1], position - before

    def nearest(self, position: float) -> Geometry:
        """The stop nearest to a position."""
        before, after, share = self.segment(position)
        return before if share < 0.5 else after

    def position_of(self, geometry: Geometry) -> float:
        """Where a geometry is; one that is no stop, such as the sphere, counts as the second."""
        return float(self.stops.index(geometry) if geometry in self.stops else min(1, self.length))

    def shape(self, side: int, position: float) -> MorphedMesh:
        """One hemisphere at a position."""
        before, after, share = self.segment(position)
        start = self.stop(side, before)
        if before == after:
            return start
        end = self.stop(side, after)
        points = start.points + np.float32(share) * (end.points - start.points)
        normals = start.normals + np.float32(share) * (end.normals - start.normals)
        length = np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
        normals = np.asarray(normals / np.where(length > 0, length, 1), dtype=np.float32)
        return MorphedMesh(points, normals, end.faces)

    def stop(self, side: int, geometry: Geometry) -> MorphedMesh:
        """One hemisphere at a stop, computed once."""
        if (side, geometry) not in self._shapes:
            hemispheres, view = self.layout
            half = self.surface.side(side)
            placement = arrange(self.surface, geometry, hemispheres=hemispheres, view=view)[side]
            points, faces = placement.place(half.geometries[geometry]), half.faces_of(geometry)
            self._shapes[side, geometry] = MorphedMesh(points, vertex_normals(points, faces), faces)
        return self._shapes[side, geometry]

    def stop_points(self, geometry: Geometry, sides: tuple[int, ...]) -> FloatArray:
        """The points (k, 3) in some triangle of a stop, of the sides shown."""
        shapes = [self.stop(side, geometry) for side in sides]
        return np.concatenate([shape.points[used_vertices(shape.faces, len(shape.points))] for shape in shapes])


def follow_path(
    kept: MorphPath | None,
    surface: CorticalSurface | None,
    *,
    geometry: Geometry,
    hemispheres: Hemispheres,
    view: NamedView,
) -> MorphPath | None:
    """The way of what is shown: the one kept while it still holds, else a new one; None where there is nothing between.

    A flat map has no view of its own to fold back to, so it folds back to "visual".
    """
    if surface is None:
        return None
    layout: tuple[Hemispheres, NamedView] = (hemispheres, "visual" if view == "flat" else view)
    measured = geometry if geometry in ("pial", "white") else None
    if kept is not None and kept.surface is surface and kept.layout == layout and measured in (None, *kept.stops):
        return kept
    stops = find_stops(surface, measured or "pial")
    return MorphPath(surface, stops, hemispheres=layout[0], view=layout[1]) if len(stops) > 1 else None


def find_stops(surface: CorticalSurface, folded: Geometry) -> tuple[Geometry, ...]:
    """Where the way of a surface stops: its folded geometry, the inflated and the flat one, as far as it has them."""
    measured: Geometry = folded if folded in ("pial", "white") else "pial"
    if measured not in surface.geometries:
        measured = "white" if measured == "pial" else "pial"
    wanted: tuple[Geometry, ...] = (measured, "inflated", "flat")
    return tuple(name for name in wanted if name in surface.geometries)


def used_vertices(faces: npt.NDArray[np.int32], n_vertices: int) -> npt.NDArray[np.bool_]:
    """Which vertices (n_vertices,) are in some triangle."""
    used = np.zeros(n_vertices, dtype=bool)
    used[faces.ravel()] = True
    return used
