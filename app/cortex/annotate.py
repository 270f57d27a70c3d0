"""Finds what is written over the cortex, and where: names, the hemispheres' letters, the marker's ring."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QFont

from app.cortex.camera import CameraPose
from app.cortex.labels import LabelFinder, PickAt, PlacedLabel, drop_overlaps, is_in_sight
from app.cortex.overlay import Annotations, Ring, measure_label
from app.cortex.scene import CortexScene
from core.surfaces.atlas import Atlas

CAPTION_MARGIN = 9.0
"""Pixels kept free below a hemisphere's letter where the view is low."""

CAPTION_DROP = 13.0
"""Pixels from the lower edge of a hemisphere to its letter."""

CAPTION_POINTS = 12_000
"""The lower edge is sought among so many points of a hemisphere: every one of fsaverage5, some of a finer mesh."""


class Annotator:
    """Knows the atlas of a scene; finds places anew for every pose."""

    def __init__(self, scene: CortexScene) -> None:
        self._scene = scene
        self._atlas: Atlas | None = None
        self._finders: dict[int, LabelFinder] = {}
        self.labelled = True

    def set_atlas(self, atlas: Atlas | None) -> None:
        """Name the ROIs of an atlas, or none."""
        self._atlas, self._finders = atlas, {}

    def find(self, pose: CameraPose, *, size: tuple[float, float], font: QFont, pick_at: PickAt) -> Annotations:
        """Everything written over a picture of `size` in interface pixels; `pick_at` tells what lies in front."""
        labels = self._find_labels(pose, size=size, font=font, pick_at=pick_at)
        return Annotations(labels, self._find_captions(pose, size), self._find_ring(pose, size=size, pick_at=pick_at))

    def _find_labels(
        self, pose: CameraPose, *, size: tuple[float, float], font: QFont, pick_at: PickAt
    ) -> list[PlacedLabel]:
        if self._atlas is None or not self.labelled:
            return []
        found = []
        for side in self._scene.sides:
            mesh, finder = self._scene.meshes[side], self._finder(side, self._atlas)
            found += finder.find(mesh, pose, size=size, pick_at=pick_at)
        return drop_overlaps(found, lambda text: measure_label(text, font))

    def _finder(self, side: int, atlas: Atlas) -> LabelFinder:
        if side not in self._finders:
            self._finders[side] = LabelFinder(self._scene.meshes[side].faces, atlas.labels(side), atlas.names)
        return self._finders[side]

    def _find_captions(self, pose: CameraPose, size: tuple[float, float]) -> list[PlacedLabel]:
        captions = []
        for side in self._scene.sides:
            points = self._scene.meshes[side].points
            if len(points):
                thinned = points[:: max(1, len(points) // CAPTION_POINTS)]
                screen = pose.project(thinned, width=size[0], height=size[1])
                middle, lowest = float(np.mean([screen[:, 0].min(), screen[:, 0].max()])), float(screen[:, 1].max())
                height = min(lowest + CAPTION_DROP, size[1] - CAPTION_MARGIN)
                captions.append(PlacedLabel("LR"[side], middle, height, 0))
        return captions

    def _find_ring(self, pose: CameraPose, *, size: tuple[float, float], pick_at: PickAt) -> Ring | None:
        position = self._scene.marker_position()
        if position is None:
            return None
        x, y = (float(value) for value in pose.project(np.asarray(position), width=size[0], height=size[1]))
        return Ring(x, y, not is_in_sight(np.asarray(position), (x, y), pick_at=pick_at))
