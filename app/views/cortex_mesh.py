"""One hemisphere as VTK data and actor: one opaque mesh with a colour and a smooth normal at every vertex. Never colours itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkStaticCellLocator
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from core.types import ByteArray, FloatArray, IntArray

AMBIENT, DIFFUSE, SPECULAR, SHININESS = 0.34, 0.70, 0.07, 18.0
"""Tuned so that a patch facing the viewer has the colour of the colour bar, and folds still read."""


class HemisphereMesh:
    """The display mesh of one hemisphere, with the locator that makes picks fast."""

    def __init__(self) -> None:
        self.data = vtkPolyData()
        self.points = np.empty((0, 3), dtype=np.float32)
        self.normals = np.empty((0, 3), dtype=np.float32)
        self.faces = np.empty((0, 3), dtype=np.int32)
        self.locator = vtkStaticCellLocator()
        self._colours: Any = None
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self.data)
        mapper.SetScalarModeToUsePointData()
        mapper.SetColorModeToDirectScalars()
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self._set_material()

    def set_shape(self, points: npt.NDArray[np.float32], faces: npt.NDArray[np.int32]) -> None:
        """Take new coordinates (n, 3) and triangles (m, 3), and build the locator anew."""
        if faces is not self.faces:
            self.data.SetPolys(_make_cells(faces))
            self.faces = faces
        self.points, self.normals = points, vertex_normals(points, faces)
        holder = vtkPoints()
        holder.SetData(numpy_to_vtk(points, deep=True))
        self.data.SetPoints(holder)
        self.data.GetPointData().SetNormals(numpy_to_vtk(self.normals, deep=True))
        self.data.Modified()
        self.locator = vtkStaticCellLocator()
        self.locator.SetDataSet(self.data)
        self.locator.BuildLocator()

    def set_colours(self, rgba: ByteArray) -> None:
        """Take one colour a vertex, (n, 4) uint8."""
        if self._colours is None or self._colours.GetNumberOfTuples() != len(rgba):
            self._colours = numpy_to_vtk(rgba, deep=True)
            self._colours.SetName("colours")
            self.data.GetPointData().SetScalars(self._colours)
        else:
            self._colours.SetVoidArray(rgba, rgba.size, 1)
            self._kept = rgba  # VTK reads this memory: it must live as long as the array
            self._colours.Modified()
        self.data.Modified()

    def set_lit(self, lit: bool) -> None:
        """Shade the mesh, or show its colours exactly as they are (flat maps)."""
        self.actor.GetProperty().SetLighting(lit)

    def _set_material(self) -> None:
        material = self.actor.GetProperty()
        material.SetInterpolationToGouraud()
        material.SetAmbient(AMBIENT)
        material.SetDiffuse(DIFFUSE)
        material.SetSpecular(SPECULAR)
        material.SetSpecularPower(SHININESS)


def vertex_normals(points: FloatArray, faces: IntArray) -> npt.NDArray[np.float32]:
    """Unit normals (n, 3) of vertices, the area-weighted mean over their triangles; zero where there is none."""
    corners = points[faces]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    at = faces.ravel()
    spread = np.repeat(facing, 3, axis=0)
    total = np.stack([np.bincount(at, weights=spread[:, axis], minlength=len(points)) for axis in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, out=np.zeros_like(total), where=length > 0).astype(np.float32)


def _make_cells(faces: npt.NDArray[np.int32]) -> vtkCellArray:
    offsets = np.arange(0, 3 * len(faces) + 1, 3, dtype=np.int64)
    cells = vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(faces.ravel().astype(np.int64), deep=True)
    )
    return cells
