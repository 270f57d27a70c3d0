"""Paints voxels into a set on the cortex, or out of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF, Signal

from app.cortex.canvas import CortexCanvas
from app.cortex.picking import voxels_near
from core.surfaces.paint import VoxelMap

BRUSH_SIZES = (2.0, 40.0)
"""Radius in mm."""

BRUSH_GROWTH = 1.25
"""Of the radius by a key or a notch of the wheel."""


class Brush(QObject):
    """The brush of one canvas: its radius in mm on the geometry shown, and the voxels `drawn` so far.

    Signals
    -------
    painted(tuple of int)
        A stroke changed the set, which is shown then.
    ended(tuple of int)
        A stroke ended; all voxels of the set, ascending.
    resized(float)
        It has another radius.
    """

    painted = Signal(tuple)
    ended = Signal(tuple)
    resized = Signal(float)

    def __init__(self, canvas: CortexCanvas, voxels: Callable[[], VoxelMap | None]) -> None:
        super().__init__(canvas)
        self._canvas, self._voxels = canvas, voxels
        self._takes = False
        self.erases = False
        """Whether it takes voxels out; with Shift it does the opposite."""

        self.radius, self.drawn = BRUSH_SIZES[0], set[int]()
        given = canvas.input
        given.brush_began.connect(self._begin)
        given.brushed.connect(self._paint)
        given.brush_ended.connect(self._end)
        given.brush_resized.connect(lambda steps: self.set_radius(self.radius * BRUSH_GROWTH**steps))

    def use(self, drawing: bool) -> None:
        """Let a left drag brush voxels into the set, or out of it, instead of turning the cortex."""
        self._canvas.set_brush(self.radius if drawing else 0.0)

    def set_radius(self, radius: float) -> None:
        """Make it `radius` mm wide, within `BRUSH_SIZES`."""
        self.radius = min(max(radius, BRUSH_SIZES[0]), BRUSH_SIZES[1])
        if self._canvas.input.brushing:
            self._canvas.set_brush(self.radius)
        self.resized.emit(self.radius)

    def _begin(self, position: QPointF, inverted: bool) -> None:
        self._takes = self.erases != inverted
        self._paint(position)

    def _paint(self, position: QPointF) -> None:
        pick, voxels = self._canvas.pick_at(position), self._voxels()
        if pick is None or voxels is None:
            return
        near = voxels_near(pick, self._canvas.scene.meshes[pick.side], voxels, radius=self.radius)
        drawn = self.drawn - near if self._takes else self.drawn | near
        if drawn != self.drawn:
            self.painted.emit(tuple(drawn))

    def _end(self) -> None:
        self.ended.emit(tuple(sorted(self.drawn)))
