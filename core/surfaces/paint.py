"""From values of voxels to values of vertices, and from a vertex back to its voxel. Never mixes the hemispheres."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.types import BoolArray, FloatArray, VoxelTable

NO_VOXEL = -1
NO_PLACE = -1
"""The vertex of a voxel that lies on no surface: it is never drawn, and can only be reached through its ROI."""

PaintedPair = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where voxels lie.

    Parameters
    ----------
    surface : Name of the surface; "" for none.
    hemisphere : (n_voxels,) int8, vertex : (n_voxels,) int32, paint : (n_painted, 3) int32. Columns of a `VoxelTable`.
    remark : What a reader should know.
    distance : (n_voxels,) float32. mm from a voxel's centre to the nearest vertex; empty where that was not asked.
    """

    surface: str
    hemisphere: npt.NDArray[np.int8]
    vertex: npt.NDArray[np.int32]
    paint: npt.NDArray[np.int32]
    remark: str = ""
    distance: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, dtype=np.float32))

    @property
    def n_placed(self) -> int:
        """How many voxels lie on the cortex."""
        return int((self.vertex != NO_PLACE).sum())

    def choose(self, kept: BoolArray) -> Places:
        """The places of the kept voxels, renumbered; `kept` is (n_voxels,)."""
        paint = self.paint[kept[self.paint[:, 2]]]
        number = np.cumsum(kept, dtype=np.int32) - 1
        paint = np.column_stack([paint[:, :2], number[paint[:, 2]]])
        return replace(self, hemisphere=self.hemisphere[kept], vertex=self.vertex[kept], paint=paint)


class VoxelMap:
    """Which voxel each vertex shows, looked up once so that a pick or a repaint costs microseconds.

    Parameters
    ----------
    table : Its `paint` rows say which vertices show which voxel; of two rows for one vertex the later wins.
    n_left, n_right : Vertices of the surface's hemispheres.

    Raises BadInputError if the table names a vertex, a hemisphere or a voxel that does not exist.
    """

    def __init__(self, table: VoxelTable, n_left: int, n_right: int) -> None:
        sizes = (n_left, n_right)
        _check_rows(table.paint, sizes=sizes, n_voxels=table.n_voxels)
        placed = table.vertex != NO_PLACE
        _check_vertices(table.hemisphere[placed], table.vertex[placed], sizes=sizes)
        self.table = table
        self._voxels = tuple(np.full(size, NO_VOXEL, dtype=np.int32) for size in sizes)
        for side, shown in enumerate(self._voxels):
            rows = table.paint[table.paint[:, 0] == side]
            shown[rows[:, 1]] = rows[:, 2]

    def paint(self, values: FloatArray) -> PaintedPair:
        """Values (n_voxels,) as (left (n_left,), right (n_right,)) float32; NaN where no voxel is shown."""
        if values.shape != (self.table.n_voxels,):
            raise refusal("values", allowed=f"{self.table.n_voxels} numbers, one a voxel", got=values.shape)
        # One NaN past the end answers for NO_VOXEL = -1.
        padded = np.append(values.astype(np.float32), np.float32(np.nan))
        return padded[self._voxels[0]], padded[self._voxels[1]]

    def voxels(self, side: int) -> npt.NDArray[np.int32]:
        """The voxel each vertex of a side shows, (n_vertices,); -1 for none."""
        return self._voxels[side]

    def voxel_at(self, side: int, vertex: int) -> int | None:
        """The voxel shown at a vertex, or None."""
        voxel = int(self._voxels[side][vertex])
        return None if voxel == NO_VOXEL else voxel

    def vertex_of(self, voxel: int) -> tuple[int, int] | None:
        """The (side, vertex) a voxel lies at; None for a voxel without a place."""
        vertex = int(self.table.vertex[voxel])
        return None if vertex == NO_PLACE else (int(self.table.hemisphere[voxel]), vertex)


def _check_rows(rows: npt.NDArray[np.int32], *, sizes: tuple[int, int], n_voxels: int) -> None:
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise refusal("paint", allowed="rows of (hemisphere, vertex, voxel)", got=rows.shape)
    if not np.isin(rows[:, 0], (0, 1)).all():
        raise refusal("paint", allowed="of hemispheres 0 and 1", got=int(rows[:, 0].max()))
    _check_vertices(rows[:, 0], rows[:, 1], sizes=sizes)
    if len(rows) and (rows[:, 2].min() < 0 or rows[:, 2].max() >= n_voxels):
        got = (int(rows[:, 2].min()), int(rows[:, 2].max()))
        raise refusal("paint", allowed=f"of voxels 0 to {n_voxels - 1}", got=got)


def _check_vertices(
    sides: npt.NDArray[np.int8] | npt.NDArray[np.int32], vertices: npt.NDArray[np.int32], *, sizes: tuple[int, int]
) -> None:
    limits = np.asarray(sizes)[sides]
    wrong = np.flatnonzero((vertices < 0) | (vertices >= limits))
    if len(wrong):
        side = "left" if sides[wrong[0]] == 0 else "right"
        allowed = f"0 to {int(limits[wrong[0]]) - 1} on the {side} surface"
        advice = "The subject belongs to another surface."
        raise refusal("vertex", allowed=allowed, got=int(vertices[wrong[0]]), advice=advice)
