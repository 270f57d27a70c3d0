"""Everything the cortex view shows in three dimensions: meshes, outlines, marker, lights. Never knows Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper

from app.views.cortex_layout import Geometry, Hemispheres, NamedView, arrange, sides_of
from app.views.cortex_mesh import HemisphereMesh
from app.views.cortex_outlines import Outline, OutlineActor
from core.surfaces.atlas import Atlas
from core.surfaces.mesh import CorticalSurface
from core.types import ByteArray, FloatArray

Rgb = tuple[float, float, float]

LIGHTS = (((-0.25, 0.40, 1.0), 0.74), ((0.9, 0.1, 0.5), 0.24), ((-0.8, -0.5, 0.35), 0.20))
"""Directions (right, up, towards the viewer) and strengths: a key light, a fill, a little from below."""

MARKER_RADIUS = 1.5
"""mm."""

MARKER_LIFT = 0.8
"""mm from the vertex to the centre of the marker, along the normal."""


class CortexScene:
    """The actors of both hemispheres in one renderer.

    Parameters
    ----------
    renderer : vtkRenderer
    """

    def __init__(self, renderer: Any) -> None:
        self.renderer = renderer
        self.meshes = (HemisphereMesh(), HemisphereMesh())
        self.outlines = (OutlineActor(), OutlineActor())
        self.sides: tuple[int, ...] = (0, 1)
        self._paths: dict[tuple[int, bool], Outline] = {}
        self._surface: CorticalSurface | None = None
        self._geometry: Geometry = "inflated"
        self._atlas: Atlas | None = None
        self._marked: tuple[int, int] | None = None
        self._outlined = True
        self.marker = _make_marker()
        for actor in self._actors():
            renderer.AddActor(actor)
        self._light()

    def set_surface(self, surface: CorticalSurface) -> None:
        """Show another surface; `arrange` must follow."""
        self._surface = surface
        self._paths = {}

    def set_atlas(self, atlas: Atlas | None) -> None:
        """Outline the ROIs of an atlas."""
        self._atlas = atlas
        self._paths = {}
        self._place_outlines()
        self._show()

    def set_outlined(self, outlined: bool) -> None:
        """Draw or hide the outlines."""
        self._outlined = outlined
        self._place_outlines()
        self._show()

    def arrange(self, geometry: Geometry, *, hemispheres: Hemispheres, view: NamedView) -> None:
        """Lay the hemispheres out; outlines and marker follow."""
        if self._surface is None:
            return
        self._geometry, self.sides = geometry, sides_of(hemispheres)
        placements = arrange(self._surface, geometry, hemispheres=hemispheres, view=view)
        for side, mesh in enumerate(self.meshes):
            half = self._surface.side(side)
            mesh.set_shape(placements[side].place(half.geometries[geometry]), half.faces_of(geometry))
            mesh.set_lit(geometry != "flat")
        self._place_outlines()
        self._place_marker()
        self._show()

    def set_colours(self, rgba: Sequence[ByteArray]) -> None:
        """Colour the vertices of both sides, (n, 4) uint8 each."""
        for mesh, colours in zip(self.meshes, rgba, strict=True):
            mesh.set_colours(colours)

    def mark(self, place: tuple[int, int] | None) -> None:
        """Put the marker at (side, vertex), or take it away."""
        self._marked = place
        self._place_marker()
        self._show()

    def set_look(self, *, outline: Rgb, outline_opacity: float, marker: Rgb, ratio: float) -> None:
        """Take the theme's colours and the device pixels per interface pixel."""
        for line in self.outlines:
            line.set_look(outline, opacity=outline_opacity, ratio=ratio)
        self.marker.GetProperty().SetColor(*marker)

    def shown_points(self) -> FloatArray:
        """Coordinates (n, 3) of all vertices in view."""
        return np.concatenate([self._drawn(side) for side in self.sides])

    def marker_position(self) -> tuple[float, float, float] | None:
        """Where on the surface the marker sits, scene mm, or None while it is hidden."""
        if self._marked is None or self._marked[0] not in self.sides:
            return None
        side, vertex = self._marked
        x, y, z = (float(value) for value in self.meshes[side].points[vertex])
        return x, y, z

    def _drawn(self, side: int) -> FloatArray:
        mesh = self.meshes[side]
        return mesh.points[np.unique(mesh.faces)]

    def _place_outlines(self) -> None:
        if self._surface is None or self._atlas is None or not self._outlined:
            return
        for side, line in enumerate(self.outlines):
            mesh, path = self.meshes[side], self._path(side)
            line.set_shape(path.place(mesh.points, mesh.normals), path.segments)

    def _path(self, side: int) -> Outline:
        is_flat = self._geometry == "flat"
        if (side, is_flat) not in self._paths and self._surface is not None and self._atlas is not None:
            faces = self._surface.side(side).faces_of(self._geometry)
            self._paths[side, is_flat] = Outline(faces, self._atlas.labels(side))
        return self._paths[side, is_flat]

    def _place_marker(self) -> None:
        position = self.marker_position()
        if position is not None and self._marked is not None:
            side, vertex = self._marked
            self.marker.SetPosition(*(np.asarray(position) + MARKER_LIFT * self.meshes[side].normals[vertex]))

    def _show(self) -> None:
        for side in (0, 1):
            self.meshes[side].actor.SetVisibility(side in self.sides and self._surface is not None)
            drawn = self._outlined and self._atlas is not None and side in self.sides
            self.outlines[side].actor.SetVisibility(drawn)
        self.marker.SetVisibility(self.marker_position() is not None)

    def _actors(self) -> list[vtkActor]:
        return [*(mesh.actor for mesh in self.meshes), *(line.actor for line in self.outlines), self.marker]

    def _light(self) -> None:
        self.renderer.RemoveAllLights()
        self.renderer.AutomaticLightCreationOff()
        self.renderer.TwoSidedLightingOff()
        for direction, strength in LIGHTS:
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(*direction)
            light.SetFocalPoint(0.0, 0.0, 0.0)
            light.SetIntensity(strength)
            self.renderer.AddLight(light)


def _make_marker() -> vtkActor:
    ball = vtkSphereSource()
    ball.SetRadius(MARKER_RADIUS)
    ball.SetThetaResolution(24)
    ball.SetPhiResolution(16)
    mapper = vtkPolyDataMapper()
    mapper.SetInputConnection(ball.GetOutputPort())
    marker = vtkActor()
    marker.SetMapper(mapper)
    marker.PickableOff()
    marker.VisibilityOff()
    marker.GetProperty().SetAmbient(0.6)
    marker.GetProperty().SetDiffuse(0.5)
    return marker
