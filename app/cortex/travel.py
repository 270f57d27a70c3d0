"""Goes to places of the cortex: the peak of the map, the same place of the other hemisphere; hides a hemisphere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from app.cortex.layout import Hemispheres
from app.cortex.view import CortexView
from app.widgets.desk import Desk, Feature, does
from core.probes.target import resolve_roi
from core.surfaces.anatomy import find_homologue

NO_VOXEL = "Choose a voxel first: click it, or step to it with Ctrl and an arrow key"
FARTHEST = 8.0
"""mm on the white surface from the matching place to the voxel that stands for it."""


class Travel(Feature):
    """One method a command."""

    def __init__(self, desk: Desk, view: CortexView) -> None:
        super().__init__(desk)
        self._view = view

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """Where one can go, and what can be hidden."""
        peaks = {f"peak_{where}": partial(self._peak, where) for where in ("map", "view", "roi")}
        hide = {"hide_left": partial(self._hide, "right"), "hide_right": partial(self._hide, "left")}
        return {**super().commands(), **peaks, **hide}

    def _peak(self, where: str) -> None:
        """Go to the voxel of the largest value of the map, in sight, or in the ROI of the target or of the keys."""
        painter, cursor, target = self._view.painter, self._view.voxel_cursor, self._session.state.target
        if painter.voxels is None:
            return
        table, told = painter.voxels.table, {"map": "of the map", "view": "in view"}.get(where, "")
        among = np.arange(table.n_voxels) if where == "map" else cursor.in_sight()
        if where == "roi":
            roi = target.roi if target is not None else ""
            roi = roi or ("" if cursor.voxel is None else table.roi[cursor.voxel])
            if not roi:
                self._view.refused.emit("Choose a voxel in an ROI, or an ROI, first")
                return
            subject = self._session.state.subject
            among, told = resolve_roi(table if subject is None else subject.voxels, roi)[1], f"in {roi}"
        voxel = painter.find_peak(among)
        if voxel is None:
            self._view.refused.emit(f"No voxel {told} has a value that is shown")
        else:
            self._view.go_to(voxel)

    @does("homologue")
    def homologue(self) -> None:
        """The voxel at the matching place of the other hemisphere."""
        painter, voxel = self._view.painter, self._view.voxel_cursor.voxel
        place = None if voxel is None or painter.voxels is None else painter.place_of(voxel)
        if place is None or painter.surface is None or painter.voxels is None:
            self._view.refused.emit(NO_VOXEL)
            return
        with self._session.problems.shown():
            side, vertex = 1 - place[0], find_homologue(painter.surface, *place)
            white, table = painter.surface.side(side).geometries["white"], painter.voxels.table
            there = np.flatnonzero((table.hemisphere == side) & (table.vertex >= 0))
            away = np.linalg.norm(white[table.vertex[there]] - white[vertex], axis=1)
            if not len(there) or away.min() > FARTHEST:
                where = f"{('left', 'right')[side]} vertex {vertex}"
                self._view.refused.emit(f"No voxel lies within {FARTHEST:g} mm of the matching place, {where}")
                return
            self._view.go_to(int(there[np.argmin(away)]))

    @does("frame_data")
    def frame(self) -> None:
        """Frame the voxels, or all of the cortex."""
        framed = not self._session.settings.flag("frame_data")
        self._session.settings.set("frame_data", framed)
        self._view.arrange()
        self._desk.say("Views show the voxels." if framed else "Views show the whole brain.", "info")

    def _hide(self, other: Hemispheres) -> None:
        self._view.set_hemispheres("both" if self._view.hemispheres == other else other)
