"""One hemisphere as triangles with a smooth normal a vertex. Needs no graphics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import EllipsisType
from typing import Any

import numpy as np
import numpy.typing as npt

from core.types import BoolArray, FloatArray, IntArray

LEAST_FACING = 0.03
"""Share of the framed vertices that must face the viewer, else all of the cortex is brought into sight."""

FACING = 0.35
"""Cosine between a vertex's normal and the direction to the viewer from which on it is seen well."""

AHEAD = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Mesh:
    """The display mesh of one hemisphere; its arrays are never written to, so that threads may share it.

    Parameters
    ----------
    points : (n, 3) float32. Scene mm.
    faces : (m, 3) int32
    find_normals : Makes the normals (n, 3) float32 when they are first asked for.
    thin : Finds the vertices (k,) and triangles (j, 3) of the `thinned` one; None where there is none.
    kept : The vertices that these are of a mesh that was thinned: `values[kept]` are theirs.
    """

    points: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    find_normals: Callable[[], npt.NDArray[np.float32]]
    thin: Callable[[], tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]] | None = None
    kept: npt.NDArray[np.int64] | EllipsisType = ...

    @cached_property
    def normals(self) -> npt.NDArray[np.float32]:
        """Unit normals (n, 3) of the vertices; zero where there is no triangle."""
        return self.find_normals()

    @cached_property
    def thinned(self) -> Mesh:
        """One with few enough vertices for the processor to draw while things move: itself where it has few."""
        if self.thin is None:
            return self
        kept, faces = self.thin()
        points = self.points[kept]
        return Mesh(points, faces, partial(vertex_normals, points, faces), kept=kept)

    @cached_property
    def drawn(self) -> npt.NDArray[np.float32]:
        """The points (k, 3) that are a corner of some triangle: a flat map leaves some out."""
        used = np.zeros(len(self.points), dtype=bool)
        used[self.faces.ravel()] = True
        return self.points if used.all() else self.points[used]

    @cached_property
    def box(self) -> FloatArray:
        """The least and the greatest coordinates of what is drawn, (2, 3)."""
        return find_box(self.drawn)

    @cached_property
    def rays(self) -> RayFinder:
        """Finds what rays meet; prepared when it is first asked for."""
        return RayFinder(self)


class RayFinder:
    """Finds the first triangle of a mesh that a ray meets: 0.1 ms, after some 10 ms of preparation. Draws nothing."""

    def __init__(self, mesh: Mesh) -> None:
        import pyvista  # behind the first paint
        from vtkmodules.vtkCommonDataModel import vtkStaticCellLocator

        self._corners = np.stack(np.meshgrid(*mesh.box.T, indexing="ij"), axis=-1).reshape(-1, 3)
        self._locator = vtkStaticCellLocator()
        self._locator.SetDataSet(pyvista.PolyData.from_regular_faces(mesh.points, mesh.faces))  # type: ignore[arg-type]
        self._locator.BuildLocator()

    def first_hit(self, start: FloatArray, forward: FloatArray) -> tuple[int, FloatArray] | None:
        """The triangle and the point (3,) that a ray from `start` (3,) along `forward` (3,) meets first, or None."""
        from vtkmodules.vtkCommonCore import reference

        depth = (self._corners - start) @ forward  # only the way through the box is searched
        near, far = start + (depth.min() - 1.0) * forward, start + (depth.max() + 1.0) * forward
        answers: list[Any] = [reference(0.0), [0.0] * 3, [0.0] * 3, reference(0), reference(-1)]
        if not self._locator.IntersectWithLine(near, far, 0.0, *answers):
            return None
        return int(answers[4]), np.asarray(answers[1])


def points_in_frame(
    shown: Sequence[tuple[int, Mesh]], framed: tuple[BoolArray, BoolArray] | None, *, forward: FloatArray = AHEAD
) -> FloatArray:
    """What a view is to bring into sight of the hemispheres shown, each with its side: coordinates (n, 3).

    `framed` : The vertices (n,) of both sides that count where they face the viewer, who looks `forward` (3,). All
    that is drawn counts without them, or where less than `LEAST_FACING` of them do.
    """
    everything = np.concatenate([np.empty((0, 3), np.float32), *(mesh.drawn for _, mesh in shown)])
    if framed is None:
        return everything
    facing = [mesh.points[framed[side] & (mesh.normals @ forward.astype(np.float32) < 0)] for side, mesh in shown]
    enough = LEAST_FACING * sum(int(framed[side].sum()) for side, _ in shown)
    return np.concatenate(facing) if sum(map(len, facing)) > enough else everything


def find_box(points: FloatArray) -> FloatArray:
    """The least and the greatest coordinates of points (n, 3), (2, 3) float64."""
    columns = np.ascontiguousarray(points.T)  # reducing rows of three is ten times slower
    return np.stack([columns.min(axis=1), columns.max(axis=1)]).astype(np.float64)


def vertex_normals(points: FloatArray, faces: IntArray) -> npt.NDArray[np.float32]:
    """Unit normals (n, 3) of vertices, the area-weighted mean over their triangles; zero where there is none."""
    # Column by column: rows of three make a full fsaverage three times slower.
    corners = [np.ascontiguousarray(faces[:, corner]) for corner in range(3)]
    a, b, c = ([np.ascontiguousarray(points[:, axis])[at] for axis in range(3)] for at in corners)
    u, v = ([end[axis] - a[axis] for axis in range(3)] for end in (b, c))
    facing = [u[i] * v[j] - u[j] * v[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    sums = [sum(np.bincount(at, weights=part, minlength=len(points)) for at in corners) for part in facing]
    return to_unit(np.stack(sums, axis=1))


def to_unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Vectors (n, 3) of length one; zero ones stay."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors / np.where(length > 0, length, 1.0), dtype=np.float32)
