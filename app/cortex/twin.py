"""A second cortex beside the first, for another map, encoder or subject: same layout, camera and colours."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QWidget

from app.cortex.camera import CameraPose
from app.cortex.view import CortexView
from core.surfaces.placing import Placed


class TwinView(CortexView):
    """Follows a first view in all but its values; turning or clicking either is turning or clicking both.

    With voxels of its own it shows another subject: turned and zoomed with the first, about its own middle.
    """

    def __init__(self, first: CortexView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._first, self._follows = first, False
        self._own: Placed | None = None
        self._apart = np.zeros(3)
        self.painter.colormaps = first.painter.colormaps  # one choice for both
        self.morph_slider.setMaximumWidth(0)
        first.layout_changed.connect(self.follow_layout)
        for view in (first, self):
            view.scale_changed.connect(self.follow_scale)
        first.canvas.posed.connect(self._follow_pose)
        self.canvas.posed.connect(self._lead_pose)
        self.voxel_picked.connect(self._pass_pick)
        self.voxel_hovered.connect(first.voxel_hovered)

    def place(self, own: Placed | None) -> None:
        """Show the voxels of another subject, or with None those of the first view."""
        self._own = own
        self.follow_layout()

    def follow_layout(self) -> None:
        """Take the first view's geometry, hemispheres and camera, and its surface and voxels unless it has its own."""
        first, painter = self._first, self._first.painter
        if painter.surface is None or painter.voxels is None:
            return
        own = self._own or Placed(painter.surface, painter.voxels.table, painter.atlas)
        self._follows = True
        if self.surface is not own.surface:
            self.set_surface(own.surface)
        if self.painter.voxels is None or self.painter.voxels.table is not own.voxels:
            self.set_atlas(own.atlas)
            self.set_voxels(own.voxels)
        geometry = first.geometry_name if not own.surface.reason_without(first.geometry_name) else self.geometry_name
        shown = (first.hemispheres, first.named_view, geometry)
        if shown != (self.hemispheres, self.named_view, self.geometry_name):
            self.set_hemispheres(first.hemispheres)
            if first.named_view != "flat" or geometry == "flat":
                self.set_named_view(first.named_view)
            self.set_geometry(geometry)
        self._apart = np.zeros(3)
        if own.surface is not painter.surface:
            self._apart = _middle_of(self) - _middle_of(first)
        self.canvas.look_from(_moved(first.canvas.pose, self._apart))
        self._follows = False

    def follow_scale(self) -> None:
        """Take the first view's colour map and threshold, of another kind of map the same share of its limit."""
        reading, own = self._first.colour_bar.reading, self.colour_bar.reading
        if reading is not None:
            self.set_colormap(reading.colormap.name)
            is_alike = own is None or (own.unit, own.is_diverging) == (reading.unit, reading.is_diverging)
            share = 1.0 if own is None or is_alike else own.limit / reading.limit
            self.set_threshold(self._first.painter.threshold * share)

    def _follow_pose(self, pose: CameraPose) -> None:
        if (wanted := _moved(pose, self._apart)) != self.canvas.pose:
            self._follows = True
            self.canvas.look_from(wanted)
            self._follows = False

    def _lead_pose(self, pose: CameraPose) -> None:
        if not self._follows and self.isVisible():
            self._first.canvas.look_from(_moved(pose, -self._apart))

    def _pass_pick(self, voxel: int) -> None:
        if self._own is None:
            self._first.voxel_picked.emit(voxel)
        else:
            self._first.refused.emit("This cortex is another subject's: click the other one to choose a target.")


def _middle_of(view: CortexView) -> np.ndarray:
    points = view.canvas.scene.points()
    return (points.min(axis=0) + points.max(axis=0)) / 2.0 if len(points) else np.zeros(3)


def _moved(pose: CameraPose, by: np.ndarray) -> CameraPose:
    """The pose about a middle so far away, in mm."""
    return pose.moved_to(np.asarray(pose.centre) + by) if by.any() else pose
