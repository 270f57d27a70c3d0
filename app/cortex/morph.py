"""The way from the folded cortex over the inflated one to the flat map: shapes between geometries, and its slider.

Between two geometries every vertex moves on a straight line in the scene, and its normal turns with it; the flat map's
triangles, which the cuts left, are drawn from the moment the cortex begins to open.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QWidget

from app.cortex.camera import CameraPose
from app.cortex.layout import VIEWS, Geometry, Hemispheres, NamedView, arrange
from app.cortex.mesh import Mesh, points_in_frame, to_unit, vertex_normals
from app.cortex.thinning import MOST, thin_half
from app.widgets.basics import make_label, make_row
from app.widgets.editors import Slider
from core.checks import refusal
from core.surfaces.mesh import MEASURED, CorticalSurface
from core.types import BoolArray

SNAP = 0.03
"""A position nearer to a stop than this is that stop, so that the slider finds the measured shapes."""


class MorphPath:
    """The stops of a surface and what lies between them.

    Parameters
    ----------
    stops : At least one; see `find_stops`.
    hemispheres, view : Hemispheres, NamedView. How the hemispheres are laid out.
    """

    def __init__(
        self, surface: CorticalSurface, stops: tuple[Geometry, ...], *, hemispheres: Hemispheres, view: NamedView
    ) -> None:
        self.surface = surface
        self.stops = stops
        self.layout: tuple[Hemispheres, NamedView] = (hemispheres, view)
        self._stops: dict[tuple[int, Geometry], Mesh] = {}
        self._between: dict[int, tuple[float, Mesh]] = {}
        self._ends: dict[Geometry, tuple[tuple[object, ...], object, CameraPose]] = {}

    @property
    def length(self) -> int:
        """The position of the last stop; the first is at 0."""
        return len(self.stops) - 1

    def segment(self, position: float) -> tuple[Geometry, Geometry, float]:
        """The stops before and after a position, and the share of the way between them, in [0, 1].

        Raises BadInputError for a position that is not on the way.
        """
        if not 0 <= position <= self.length:
            raise refusal("position", allowed=f"in [0, {self.length}]", got=position)
        nearest = round(position)
        if abs(position - nearest) <= SNAP:
            return self.stops[nearest], self.stops[nearest], 0.0
        before = int(position)
        return self.stops[before], self.stops[before + 1], position - before

    def nearest(self, position: float) -> Geometry:
        """The stop nearest to a position."""
        before, after, share = self.segment(position)
        return before if share < 0.5 else after

    def position_of(self, geometry: Geometry) -> float:
        """Where a geometry is; one that is no stop, such as the sphere, counts as the second."""
        return float(self.stops.index(geometry) if geometry in self.stops else min(1, self.length))

    def shape(self, side: int, position: float) -> Mesh:
        """One hemisphere at a position; the same one for as long as the position is."""
        before, after, share = self.segment(position)
        start = self.stop(side, before)
        if before == after:
            return start
        kept = self._between.get(side)
        if kept is None or kept[0] != position:
            kept = (position, _blend(start, self.stop(side, after), np.float32(share)))
            self._between[side] = kept
        return kept[1]

    def stop(self, side: int, geometry: Geometry) -> Mesh:
        """One hemisphere at a stop, computed once."""
        if (side, geometry) not in self._stops:
            hemispheres, view = self.layout
            half = self.surface.side(side)
            placement = arrange(self.surface, geometry, hemispheres=hemispheres, view=view)[side]
            points, faces = placement.place(half.geometries[geometry]), half.faces_of(geometry)
            thin = partial(thin_half, half, flat=geometry == "flat") if half.n_vertices > MOST else None
            self._stops[side, geometry] = Mesh(points, faces, partial(vertex_normals, points, faces), thin)
        return self._stops[side, geometry]

    def pose(
        self,
        position: float,
        sides: tuple[int, ...],
        folded: tuple[float, float],
        *,
        aspect: float,
        margin: float,
        framed: tuple[BoolArray, BoolArray] | None = None,
    ) -> CameraPose:
        """The camera at a position: at `folded` (azimuth, elevation) until the cortex opens, then over the flat map.

        `framed` as in `points_in_frame`.
        """
        before, after, share = self.segment(position)
        ends = []
        for stop in (before, after):
            angles = (VIEWS["flat"].azimuth, VIEWS["flat"].elevation) if stop == "flat" else folded
            asked, kept = (sides, angles, aspect, margin), self._ends.get(stop)
            if kept is None or kept[0] != asked or kept[1] is not framed:
                end, shown = CameraPose(*angles), [(side, self.stop(side, stop)) for side in sides]
                points = points_in_frame(shown, framed, forward=end.axes()[2])
                kept = self._ends[stop] = (asked, framed, end.fitted(points, aspect=aspect, margin=margin))
            ends.append(kept[2])
        return ends[0].between(ends[1], share)


def _blend(start: Mesh, end: Mesh, share: np.float32) -> Mesh:
    points = start.points + share * (end.points - start.points)
    return Mesh(points, end.faces, lambda: to_unit(start.normals + share * (end.normals - start.normals)), end.thin)


def follow_path(
    kept: MorphPath | None,
    surface: CorticalSurface | None,
    *,
    geometry: Geometry,
    hemispheres: Hemispheres,
    view: NamedView,
) -> MorphPath | None:
    """The way of what is shown: the one kept while it still holds, else a new one; None where there is nothing between.

    A flat map has no view of its own to fold back to, so it folds back to "visual".
    """
    if surface is None:
        return None
    layout: tuple[Hemispheres, NamedView] = (hemispheres, "visual" if view == "flat" else view)
    measured = geometry if geometry in MEASURED else None
    if kept is not None and kept.surface is surface and kept.layout == layout and measured in (None, *kept.stops):
        return kept
    stops = find_stops(surface, measured or "pial")
    return MorphPath(surface, stops, hemispheres=layout[0], view=layout[1]) if len(stops) > 1 else None


def find_stops(surface: CorticalSurface, folded: Geometry) -> tuple[Geometry, ...]:
    """Where the way of a surface stops: its folded geometry, the inflated and the flat one, as far as it has them."""
    ordered: tuple[Geometry, ...] = (folded, "pial", "midthickness", "white")
    measured = [name for name in ordered if name in MEASURED and name in surface.geometries]
    unfolded: tuple[Geometry, ...] = ("inflated", "flat")
    return (*measured[:1], *(name for name in unfolded if name in surface.geometries))


STEPS = 100
"""Slider positions between two geometries."""

TIP = "Unfold the cortex: drag from {stops}. Outlines, names and the marker follow."
WIDTH = 132


class MorphSlider(QWidget):
    """A labelled slider whose stops are geometries.

    Signals
    -------
    moved(float)
        The user moved it; 0 is the first stop, 1 the second.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = Slider("Unfold")
        self.slider.setFixedWidth(WIDTH)
        self.slider.setSingleStep(STEPS // 20)
        self.slider.setPageStep(STEPS // 2)
        self.slider.setTickPosition(Slider.TickPosition.TicksBelow)
        self.slider.setTickInterval(STEPS)
        self._first, self._last = make_label("", "muted"), make_label("", "muted")
        self.setLayout(make_row(self._first, self.slider, self._last, gap=6))
        self.slider.valueChanged.connect(self._tell)

    def set_stops(self, names: Sequence[str]) -> None:
        """Take the geometries from end to end; with fewer than two there is nothing to slide."""
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(names) - 1) * STEPS)
        self._first.setText(names[0].capitalize() if names else "")
        self._last.setText(names[-1].capitalize() if len(names) > 1 else "")
        self.slider.setToolTip(TIP.format(stops=" to ".join(names)))
        self.setVisible(len(names) > 1)

    def set_position(self, position: float) -> None:
        """Move the handle without telling anyone."""
        self.slider.set_value(round(position * STEPS))

    def position(self) -> float:
        """Where the handle is."""
        return self.slider.value() / STEPS

    def _tell(self, _value: int) -> None:
        self.moved.emit(self.position())
