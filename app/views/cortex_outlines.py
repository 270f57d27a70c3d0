"""ROI outlines as smooth lines that follow the surface through every geometry. Never holds coordinates of its own.

Each point of an outline is a fixed weighting of vertices: first a vertex at the border, then smoothed along the line.
The weights are computed once for a set of triangles; new coordinates cost one sparse product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

from core.surfaces.outline import find_borders
from core.types import FloatArray, IntArray

LIFT = 0.35
"""mm above the surface: enough not to sink into the triangles between two points, too little to be seen."""

SMOOTHINGS = 3
WIDTH = 1.7
"""Line width in pixels of the interface."""

TOWARDS_VIEWER = -8.0
"""Depth offset of lines against the mesh, in VTK's units."""


class Outline:
    """The outline of one hemisphere's ROIs for one set of triangles.

    Parameters
    ----------
    faces : (m, 3) int
    labels : (n,) int
        Region of each vertex, 0 for none.
    """

    def __init__(self, faces: IntArray, labels: IntArray) -> None:
        edges = find_borders(faces, labels)
        vertices, local = np.unique(edges, return_inverse=True)
        self.segments: npt.NDArray[np.int64] = local.reshape(-1, 2).astype(np.int64)
        self.weights = _smoothing(self.segments, len(vertices)) @ _choice(vertices, len(labels))

    def place(self, points: FloatArray, normals: FloatArray) -> npt.NDArray[np.float32]:
        """Points of the outline (k, 3) for coordinates and normals (n, 3) of the vertices."""
        return np.asarray(self.weights @ (points + LIFT * normals), dtype=np.float32)


class OutlineActor:
    """Draws one hemisphere's outline as lines."""

    def __init__(self) -> None:
        self.data = vtkPolyData()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self.data)
        mapper.ScalarVisibilityOff()
        mapper.SetResolveCoincidentTopologyToPolygonOffset()
        mapper.SetRelativeCoincidentTopologyLineOffsetParameters(0.0, TOWARDS_VIEWER)
        self.actor = vtkActor()
        self.actor.SetMapper(mapper)
        self.actor.PickableOff()
        self.actor.GetProperty().SetLighting(False)

    def set_shape(self, points: npt.NDArray[np.float32], segments: npt.NDArray[np.int64]) -> None:
        """Take points (k, 3) and the pairs of them to join (j, 2)."""
        holder = vtkPoints()
        holder.SetData(numpy_to_vtk(points, deep=True))
        self.data.SetPoints(holder)
        self.data.SetLines(_make_lines(segments))
        self.data.Modified()

    def set_look(self, rgb: tuple[float, float, float], *, opacity: float, ratio: float) -> None:
        """Colour in [0, 1], cover, and device pixels per interface pixel."""
        look: Any = self.actor.GetProperty()
        look.SetColor(*rgb)
        look.SetOpacity(opacity)
        look.SetLineWidth(WIDTH * ratio)


def _choice(vertices: IntArray, n_vertices: int) -> Any:
    rows = np.arange(len(vertices))
    ones = np.ones(len(vertices), dtype=np.float32)
    return scipy.sparse.csr_array((ones, (rows, vertices)), shape=(len(vertices), n_vertices))


def _smoothing(segments: IntArray, n_points: int) -> Any:
    """Half a point, half the mean of its neighbours on the line, `SMOOTHINGS` times over."""
    ends = np.concatenate([segments, segments[:, ::-1]])
    ones = np.ones(len(ends), dtype=np.float32)
    joined = scipy.sparse.csr_array((ones, (ends[:, 0], ends[:, 1])), shape=(n_points, n_points))
    share = 1.0 / np.maximum(joined.sum(axis=1), 1)
    identity = scipy.sparse.eye_array(n_points, dtype=np.float32, format="csr")
    step = 0.5 * identity + 0.5 * scipy.sparse.diags_array(share) @ joined
    result = identity
    for _ in range(SMOOTHINGS):
        result = step @ result
    return result


def _make_lines(segments: npt.NDArray[np.int64]) -> vtkCellArray:
    offsets = np.arange(0, 2 * len(segments) + 1, 2, dtype=np.int64)
    lines = vtkCellArray()
    lines.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(np.ascontiguousarray(segments).ravel(), deep=True)
    )
    return lines
