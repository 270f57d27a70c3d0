"""Steps from voxel to voxel and ROI to ROI by key, and says where it is. Never chooses a target by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.cortex.canvas import CortexCanvas
from app.cortex.inputs import HELP
from app.cortex.painter import CortexPainter
from app.cortex.picking import HoverInfo, Pick
from app.widgets.basics import announce
from core.types import FloatArray, IntArray, VoxelTable

ASIDE_COST = 2.0
"""How much worse a pixel beside the direction is than one along it."""

NOWHERE = -1


class CortexCursor(QObject):
    """A voxel under the keys; `moved` tells the `Pick` of its vertex, `chosen` the voxel Enter was pressed on."""

    moved = Signal(object)
    chosen = Signal(object)

    def __init__(
        self, canvas: CortexCanvas, painter: CortexPainter, *, describe: Callable[[Pick], HoverInfo], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._painter = painter
        self._describe = describe
        self.voxel: int | None = None
        """Where the keys go on from, such as one that was clicked."""

        canvas.setAccessibleName("Cortex")
        canvas.setAccessibleDescription(HELP)
        canvas.input.stepped.connect(self._step)
        canvas.input.roi_stepped.connect(self._step_roi)
        canvas.input.chosen.connect(self._choose)

    def _step(self, across: int, down: int) -> None:
        """Go to the nearest voxel on the side of the screen an arrow points to."""
        shown, voxels = self.in_sight(), self._painter.voxels
        if not len(shown) or voxels is None:
            return
        places = self._places(voxels.table, shown)
        width, height = self._canvas.width(), self._canvas.height()
        here = np.array([width / 2, height / 2])
        at = np.flatnonzero(shown == (NOWHERE if self.voxel is None else self.voxel))
        if not len(at):
            self.go(int(shown[np.argmin(np.linalg.norm(places - here, axis=1))]))
            return
        if (row := find_towards(places, int(at[0]), direction=(across, down))) is not None:
            self.go(int(shown[row]))

    def _step_roi(self, by: int) -> None:
        """Go to the middle of the next ROI that can be seen, round the end."""
        shown, voxels = self.in_sight(), self._painter.voxels
        if not len(shown) or voxels is None:
            return
        rois = np.asarray(voxels.table.roi)
        names = [name for name in voxels.table.roi_names if name in set(rois[shown])]
        if not names:
            return
        current = "" if self.voxel is None else str(rois[self.voxel])
        at = names.index(current) + by if current in names else (0 if by > 0 else -1)
        members = shown[rois[shown] == names[at % len(names)]]
        places = self._places(voxels.table, members)
        middle = np.median(places, axis=0)
        self.go(int(members[np.argmin(np.linalg.norm(places - middle, axis=1))]))

    def _choose(self) -> None:
        pick = None if self.voxel is None else self._pick_of(self.voxel)
        if pick is not None:
            self.chosen.emit(pick)

    def go(self, voxel: int) -> None:
        """Stand on a voxel and say what is there."""
        self.voxel = voxel
        pick = self._pick_of(voxel)
        if pick is None:
            return
        self._canvas.change(marked=(pick.side, pick.vertex))
        self.moved.emit(pick)
        announce(self._canvas, self._describe(pick).describe())

    def _pick_of(self, voxel: int) -> Pick | None:
        place = self._painter.place_of(voxel)
        return None if place is None else Pick(place[0], place[1], (0.0, 0.0, 0.0))

    def in_sight(self) -> IntArray:
        """The voxels on a visible side whose vertex faces the camera, within the picture, (n,), ascending."""
        voxels = self._painter.voxels
        if voxels is None:
            return np.zeros(0, dtype=np.intp)
        table, scene, found = voxels.table, self._canvas.scene, []
        for side in scene.sides:
            here = np.flatnonzero((table.hemisphere == side) & (table.vertex >= 0))
            found.append(here[scene.meshes[side].normals[table.vertex[here]] @ scene.pose.axes()[2] < 0])
        shown = np.sort(np.concatenate(found))
        if not len(shown):
            return shown
        inside = self._places(table, shown) / (self._canvas.width(), self._canvas.height())
        return shown[((inside >= 0) & (inside <= 1)).all(axis=1)]

    def _places(self, table: VoxelTable, voxels: IntArray) -> FloatArray:
        """Where voxels (n,) are on the screen, (n, 2)."""
        points = np.empty((len(voxels), 3))
        for side, mesh in enumerate(self._canvas.scene.meshes):
            here = table.hemisphere[voxels] == side
            points[here] = mesh.points[table.vertex[voxels[here]]]
        return self._canvas.pose.project(points, width=self._canvas.width(), height=self._canvas.height())


def find_towards(places: FloatArray, start: int, *, direction: tuple[int, int]) -> int | None:
    """The row of `places` (n, 2) next to row `start` in a direction: within 45 degrees, nearest, least aside."""
    way = np.asarray(direction, dtype=np.float64)
    step = places - places[start]
    along = step @ way
    aside = np.abs(step @ np.array([-way[1], way[0]]))
    ahead = (along > 1e-6) & (aside <= along)
    if not ahead.any():
        return None
    return int(np.argmin(np.where(ahead, along + ASIDE_COST * aside, np.inf)))
