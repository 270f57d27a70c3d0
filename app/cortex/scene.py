"""Everything the cortex view shows in three dimensions: meshes, outlines, marker, lights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PySide6.QtGui import QColor
from vtkmodules.vtkFiltersSources import vtkSphereSource
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper

from app.cortex.layout import Geometry, Hemispheres, NamedView, sides_of
from app.cortex.mesh import HemisphereMesh
from app.cortex.morph import MorphPath, used_vertices
from app.cortex.outlines import EMPHASIS_TOWARDS_VIEWER, EMPHASIS_WIDTH, Outline, OutlineActor
from app.cortex.picking import CortexPicker
from app.look.theme import Theme
from core.surfaces.atlas import Atlas
from core.surfaces.mesh import CorticalSurface
from core.types import ByteArray, FloatArray, IntArray

Rgb = tuple[float, float, float]

LIGHTS = (((-0.25, 0.40, 1.0), 0.74), ((0.9, 0.1, 0.5), 0.24), ((-0.8, -0.5, 0.35), 0.20))
"""Directions (right, up, towards the viewer) and strengths: a key light, a fill, a little from below."""

OUTLINE_DARK: tuple[Rgb, float] = ((1.0, 1.0, 1.0), 0.92)
OUTLINE_LIGHT: tuple[Rgb, float] = ((0.07, 0.08, 0.10), 0.88)
MARKER_RADIUS = 1.5
"""mm."""

MARKER_LIFT = 0.8
"""mm from the vertex to the centre of the marker, along the normal."""


class CortexScene:
    """The actors of both hemispheres in one renderer."""

    def __init__(self, renderer: Any) -> None:
        self.renderer = renderer
        self.meshes = (HemisphereMesh(), HemisphereMesh())
        self.picker = CortexPicker(renderer)
        self.outlines = (OutlineActor(), OutlineActor())
        self.emphasis = (OutlineActor(EMPHASIS_TOWARDS_VIEWER), OutlineActor(EMPHASIS_TOWARDS_VIEWER))
        self.sides: tuple[int, ...] = (0, 1)
        self.atlas: Atlas | None = None
        self.changed: Callable[[], object] = lambda: None
        """Called when something else than colours is to be drawn."""

        self._paths: dict[tuple[str, int, bool], Outline] = {}
        self._emphasised: tuple[IntArray, IntArray] | None = None
        self._surface: CorticalSurface | None = None
        self._geometry: Geometry = "inflated"
        self._marked: tuple[int, int] | None = None
        self._outlined = True
        self.marker = _make_marker()
        for actor in self._actors():
            renderer.AddActor(actor)
        self._light()

    def set_surface(self, surface: CorticalSurface) -> None:
        """Show another surface; `arrange` must follow."""
        self._surface = surface
        self._emphasised, self._paths = None, {}
        self._show()

    def set_atlas(self, atlas: Atlas | None) -> None:
        """Outline and name the ROIs of an atlas."""
        self.atlas, self._paths = atlas, {}
        self._show()

    def emphasise(self, labels: tuple[IntArray, IntArray] | None) -> None:
        """Outline the vertices labelled 1 on both sides, (n,) each, above all others; None takes it away."""
        self._emphasised = labels
        self._paths = {key: path for key, path in self._paths.items() if key[0] != "emphasis"}
        self._show()

    def set_outlined(self, outlined: bool) -> None:
        """Draw or hide the outlines."""
        self._outlined = outlined
        self._show()

    def arrange(self, geometry: Geometry, *, hemispheres: Hemispheres, view: NamedView) -> None:
        """Lay the hemispheres out; outlines and marker follow."""
        if self._surface is None:
            return
        self.sides = sides_of(hemispheres)
        self.show_morph(MorphPath(self._surface, (geometry,), hemispheres=hemispheres, view=view), 0)

    def show_morph(self, path: MorphPath, position: float) -> None:
        """Show a place on the way from folded to flat; outlines and marker follow."""
        before, after, _ = path.segment(position)
        self._geometry = after if after == "flat" else before
        for side, mesh in enumerate(self.meshes):
            shape = path.shape(side, position)
            mesh.set_shape(shape.points, shape.faces, shape.normals)
            mesh.set_lit(before != "flat")
        self._show()

    def set_colours(self, rgba: Sequence[ByteArray]) -> None:
        """Colour the vertices of both sides, (n, 4) uint8 each."""
        for mesh, colours in zip(self.meshes, rgba, strict=True):
            mesh.set_colours(colours)

    def mark(self, place: tuple[int, int] | None) -> None:
        """Put the marker at (side, vertex), or take it away."""
        self._marked = place
        self._place_marker()
        self.changed()

    def set_look(self, theme: Theme, ratio: float) -> None:
        """Take the theme's colours, and the device pixels per interface pixel."""
        ink, opacity = OUTLINE_DARK if theme.is_dark else OUTLINE_LIGHT
        accent = to_rgb(theme.accent)
        for line in self.outlines:
            line.set_look(ink, opacity=opacity, ratio=ratio)
        for line in self.emphasis:
            line.set_look(accent, opacity=1.0, ratio=ratio, width=EMPHASIS_WIDTH)
        self.marker.GetProperty().SetColor(*accent)

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
        return mesh.points[used_vertices(mesh.faces, len(mesh.points))]

    def _labels(self, kind: str) -> tuple[IntArray, IntArray] | None:
        """What is outlined on both sides, (n,) each."""
        if kind == "emphasis":
            return self._emphasised
        return (self.atlas.labels(0), self.atlas.labels(1)) if self.atlas is not None and self._outlined else None

    def _place_lines(self, kind: str, lines: Sequence[OutlineActor]) -> None:
        labels = self._labels(kind)
        for side, line in enumerate(lines):
            line.actor.SetVisibility(labels is not None and side in self.sides)
            mesh, key = self.meshes[side], (kind, side, self._geometry == "flat")
            if self._surface is None or labels is None or not len(mesh.points):
                continue
            if key not in self._paths:
                self._paths[key] = Outline(self._surface.side(side).faces_of(self._geometry), labels[side])
            line.set_shape(self._paths[key].place(mesh.points, mesh.normals), self._paths[key].segments)

    def _place_marker(self) -> None:
        position = self.marker_position()
        if position is not None and self._marked is not None:
            side, vertex = self._marked
            self.marker.SetPosition(*(np.asarray(position) + MARKER_LIFT * self.meshes[side].normals[vertex]))
        self.marker.SetVisibility(position is not None)

    def _show(self) -> None:
        """Bring outlines and marker where the shapes are now."""
        self.picker.set_meshes(self.meshes, self.sides)
        for side, mesh in enumerate(self.meshes):
            mesh.actor.SetVisibility(side in self.sides and self._surface is not None)
        self._place_lines("outlines", self.outlines)
        self._place_lines("emphasis", self.emphasis)
        self._place_marker()
        self.changed()

    def _actors(self) -> list[vtkActor]:
        lines = (*self.outlines, *self.emphasis)
        return [*(mesh.actor for mesh in self.meshes), *(line.actor for line in lines), self.marker]

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


def to_rgb(name: str) -> Rgb:
    """A colour "#rrggbb" as VTK takes it."""
    colour = QColor(name)
    return colour.redF(), colour.greenF(), colour.blueF()
