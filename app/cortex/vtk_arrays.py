"""Numpy arrays as VTK's points, cells and arrays, in one typed place. Never shares memory with the caller."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray


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
