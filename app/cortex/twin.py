"""A second cortex beside the first, for another encoder's map: same surface, layout, camera and colours."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.cortex.camera import CameraPose
from app.cortex.view import CortexView


class TwinView(CortexView):
    """Follows a first view in all but its values; turning or clicking either is turning or clicking both."""

    def __init__(self, first: CortexView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._first, self._follows = first, False
        self.morph_slider.setMaximumWidth(0)
        first.layout_changed.connect(self.follow_layout)
        first.scale_changed.connect(self.follow_scale)
        first.canvas.posed.connect(self._follow_pose)
        self.canvas.posed.connect(self._lead_pose)
        self.voxel_picked.connect(first.voxel_picked)
        self.voxel_hovered.connect(first.voxel_hovered)

    def follow_layout(self) -> None:
        """Take the first view's surface, voxels, geometry, hemispheres and camera."""
        first, painter = self._first, self._first._painter
        if painter.surface is None or painter.voxels is None:
            return
        self._follows = True
        if self.surface is not painter.surface:
            self.set_surface(painter.surface)
        if self._painter.voxels is None or self._painter.voxels.table is not painter.voxels.table:
            self.set_atlas(painter.atlas)
            self.set_voxels(painter.voxels.table)
        shown = (first.hemispheres, first.named_view, first.geometry_name)
        if shown != (self.hemispheres, self.named_view, self.geometry_name):
            self.set_hemispheres(first.hemispheres)
            self.set_named_view(first.named_view)
            self.set_geometry(first.geometry_name)
        self.canvas.look_from(first.canvas.pose)
        self._follows = False

    def follow_scale(self) -> None:
        """Take the first view's colour map and threshold; the limit comes with the values."""
        if (reading := self._first.colour_bar.reading) is not None:
            self.set_colormap(reading.colormap.name)
            self.set_threshold(reading.threshold)

    def _follow_pose(self, pose: CameraPose) -> None:
        if pose != self.canvas.pose:
            self._follows = True
            self.canvas.look_from(pose)
            self._follows = False

    def _lead_pose(self, pose: CameraPose) -> None:
        if not self._follows and self.isVisible():
            self._first.canvas.look_from(pose)
