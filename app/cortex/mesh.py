"""One hemisphere as VTK data and actor: one opaque mesh, a colour and a smooth normal a vertex. Chooses no colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkStaticCellLocator
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from core.types import ByteArray, FloatArray, IntArray

AMBIENT, DIFFUSE, SPECULAR, SHININESS = 0.40, 0.68, 0.05, 14.0
"""Tuned so that a patch facing the viewer has the colour of the colour bar, and folds still read."""


class HemisphereMesh:
    """The display mesh of one hemisphere, with the locator that makes picks fast."""

    def __init__(self) -> None:
        self.data = vtkPolyData()
        self.points = np.empty((0, 3), dtype=np.float32)
        self.normals = np.empty((0, 3), dtype=np.float32)
        self.faces = np.empty((0, 3), dtype=np.int32)
        self._locator: vtkStaticCellLocator | None = None
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self.data)
        mapper.SetScalarModeToUsePointData()
        mapper.SetColorModeToDirectScalars()
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self._set_material()

    @property
    def locator(self) -> vtkStaticCellLocator:
        """Finds triangles; built when first asked for after the shape changed."""
        if self._locator is None:
            self._locator = vtkStaticCellLocator()
            self._locator.SetDataSet(self.data)
            self._locator.BuildLocator()
        return self._locator

    def set_shape(
        self,
        points: npt.NDArray[np.float32],
        faces: npt.NDArray[np.int32],
        normals: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """Take new coordinates (n, 3) and triangles (m, 3), and normals (n, 3) where they are known."""
        if faces is not self.faces:
            self.data.SetPolys(to_cells(faces))
            self.faces = faces
        self.points = points
        self.normals = vertex_normals(points, faces) if normals is None else normals
        self.data.SetPoints(to_points(points))
        self.data.GetPointData().SetNormals(to_array(self.normals))
        self.data.Modified()
        self._locator = None

    def set_colours(self, rgba: ByteArray) -> None:
        """Take one colour a vertex, (n, 4) uint8."""
        self.data.GetPointData().SetScalars(to_array(rgba))
        self.data.Modified()

    def set_lit(self, lit: bool) -> None:
        """Shade the mesh, or show its colours exactly as they are (flat maps, seen from both sides)."""
        self.actor.GetProperty().SetLighting(lit)
        # A closed surface hides its own inside: leaving that out saves a third of a frame drawn by the processor.
        self.actor.GetProperty().SetBackfaceCulling(lit)

    def _set_material(self) -> None:
        material = self.actor.GetProperty()
        material.SetInterpolationToGouraud()
        material.SetAmbient(AMBIENT)
        material.SetDiffuse(DIFFUSE)
        material.SetSpecular(SPECULAR)
        material.SetSpecularPower(SHININESS)


def vertex_normals(points: FloatArray, faces: IntArray) -> npt.NDArray[np.float32]:
    """Unit normals (n, 3) of vertices, the area-weighted mean over their triangles; zero where there is none."""
    # Column by column: rows of three make a full fsaverage three times slower.
    corners = [np.ascontiguousarray(faces[:, corner]) for corner in range(3)]
    a, b, c = ([np.ascontiguousarray(points[:, axis])[at] for axis in range(3)] for at in corners)
    u, v = ([end[axis] - a[axis] for axis in range(3)] for end in (b, c))
    facing = [u[i] * v[j] - u[j] * v[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    sums = [sum(np.bincount(at, weights=part, minlength=len(points)) for at in corners) for part in facing]
    total = np.stack(sums, axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.where(length > 0, length, 1.0), dtype=np.float32)


def to_array(values: npt.NDArray[Any]) -> Any:
    """A vtkDataArray of values (n,) or (n, k)."""
    return numpy_to_vtk(values, deep=True)  # type: ignore[no-untyped-call]


def to_points(points: npt.NDArray[np.float32]) -> vtkPoints:
    """vtkPoints of coordinates (n, 3)."""
    holder = vtkPoints()
    holder.SetData(to_array(points))
    return holder


def to_cells(cells: npt.NDArray[np.integer[Any]]) -> vtkCellArray:
    """A vtkCellArray of cells (m, k) that all have k corners: lines or triangles."""
    offsets = np.arange(0, cells.size + 1, cells.shape[1], dtype=np.int64)
    corners = np.ascontiguousarray(cells, dtype=np.int64).ravel()
    holder = vtkCellArray()
    holder.SetData(_to_ids(offsets), _to_ids(corners))
    return holder


def _to_ids(numbers: npt.NDArray[np.int64]) -> Any:
    return numpy_to_vtkIdTypeArray(numbers, deep=True)  # type: ignore[no-untyped-call]
