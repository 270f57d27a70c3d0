"""What a picture of the cortex shows, frozen: handed to whoever draws it, in whatever thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtGui import QColor

from app.cortex.camera import CameraPose
from app.cortex.colour import CortexStyle
from app.cortex.mesh import Mesh, points_in_frame
from app.cortex.morph import MorphPath
from app.look.theme import DARK, Theme
from core.errors import ProbeError
from core.surfaces.atlas import Atlas
from core.types import BoolArray, ByteArray, FloatArray, IntArray

WHITE, BLACK = "#ffffff", "#0d1013"
"""Inks of outlines, and of the halo around those of the opposite lightness."""

SET_WIDTH, EMPHASIS_WIDTH = 2.6, 4.0
"""Pixels of the interface."""

CONTOUR_INK = "#ffd23f"

MARKER_LIFT = 0.8
"""mm from the vertex to the centre of the marker, along the normal."""


class GraphicsError(ProbeError):
    """OpenGL cannot be used, or no longer."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Outlines of one kind.

    Parameters
    ----------
    labels : (n,) int of both sides. What is outlined; None for nothing.
    ink : "#rrggbb"
    width : In pixels of the interface, without the halo.
    """

    labels: tuple[IntArray, IntArray] | None
    ink: str
    width: float

    @property
    def halo(self) -> str:
        """Black around a light ink, white around a dark one."""
        return BLACK if QColor(self.ink).lightnessF() > 0.45 else WHITE


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Both hemispheres, their colours and all that lies over them, seen by a camera.

    Parameters
    ----------
    path, position : The shapes: a place on the way from folded to flat. No path, nothing to see.
    sides : (k,) int. The hemispheres shown: 0 left, 1 right.
    colours : Makes one RGBA colour a vertex for both sides, (n, 4) uint8 each; the same one makes the same colours.
    atlas : Whose ROIs are outlined and named.
    emphasised : The vertices labelled 1 on both sides, (n,) each, are outlined above all others.
    drawn : The same of the set of voxels that is the target.
    contours : The same of what a second map contours.
    marked : (side, vertex) of the marker.
    centres : Finds the vertices (n_steps, 2) of both sides that a path goes over, -1 for none.
    framed : The vertices (n,) of both sides that views bring into sight; None for all.
    thinned : Large hemispheres are drawn with fewer triangles; what stands in the scene is of the full ones.
    """

    path: MorphPath | None = None
    position: float = 0.0
    sides: tuple[int, ...] = (0, 1)
    colours: Callable[[], tuple[ByteArray, ByteArray]] | None = None
    atlas: Atlas | None = None
    outlined: bool = True
    labelled: bool = True
    emphasised: tuple[IntArray, IntArray] | None = None
    drawn: tuple[IntArray, IntArray] | None = None
    contours: tuple[IntArray, IntArray] | None = None
    marked: tuple[int, int] | None = None
    centres: Callable[[], IntArray] | None = None
    framed: tuple[BoolArray, BoolArray] | None = None
    style: CortexStyle = field(default_factory=CortexStyle)
    pose: CameraPose = field(default_factory=lambda: CameraPose(0.0, 0.0))
    theme: Theme = DARK
    thinned: bool = False

    @property
    def meshes(self) -> tuple[Mesh, ...]:
        """The left and the right hemisphere as they are drawn; none without a path."""
        full = () if self.path is None else tuple(self.path.shape(side, self.position) for side in (0, 1))
        return tuple(mesh.thinned for mesh in full) if self.thinned else full

    @property
    def is_large(self) -> bool:
        """Whether it is drawn faster when it is thinned."""
        return any(mesh.thin is not None for _, mesh in self.shown)

    @property
    def shown(self) -> tuple[tuple[int, Mesh], ...]:
        """The hemispheres in view with their sides."""
        return tuple((side, mesh) for side, mesh in enumerate(self.meshes) if side in self.sides)

    @property
    def is_flat(self) -> bool:
        """Whether it is the flat map: drawn in its very colours and moved only in its plane."""
        return self.path is not None and self.path.segment(self.position)[0] == "flat"

    @property
    def lines(self) -> dict[str, Line]:
        """What is outlined, by kind of line."""
        atlas = self.atlas if self.outlined else None
        regions = None if atlas is None else (atlas.labels(0), atlas.labels(1))
        ink = self.style.line_ink or (WHITE if self.theme.is_dark else BLACK)
        return {
            "outlines": Line(regions, ink, self.style.line_width),
            "contours": Line(self.contours, CONTOUR_INK, SET_WIDTH),
            "set": Line(self.drawn, self.theme.accent, SET_WIDTH),
            "emphasis": Line(self.emphasised, self.theme.accent, max(EMPHASIS_WIDTH, 2 * self.style.line_width)),
        }

    def points(self) -> FloatArray:
        """Coordinates (n, 3) of all that is in view."""
        return points_in_frame(self.shown, None)

    def marker_position(self, lift: float = 0.0) -> FloatArray | None:
        """Where on the surface the marker sits, (3,) scene mm, `lift` mm above it; None while it is hidden."""
        if self.marked is None or self.marked[0] not in self.sides or self.path is None:
            return None
        side, vertex = self.marked
        mesh = self.path.shape(side, self.position)
        return np.asarray(mesh.points[vertex] + lift * mesh.normals[vertex] if lift else mesh.points[vertex])


@dataclass(frozen=True, slots=True)
class Format:
    """The measures of a picture.

    Parameters
    ----------
    size : Width and height in interface pixels.
    ratio : Pixels of the picture in one interface pixel; lines and letters grow with it.
    ground : "#rrggbb" behind the cortex, above and below; None is see-through.
    """

    size: tuple[float, float]
    ratio: float = 1.0
    ground: tuple[str, str] | None = None

    def pixels(self, oversampling: float = 1.0) -> tuple[int, int]:
        """Width and height in pixels of the picture, that much larger."""
        width, height = (max(1, round(side * self.ratio * oversampling)) for side in self.size)
        return width, height


def background_of(theme: Theme) -> tuple[str, str]:
    """The upper and lower colour behind the cortex."""
    return (theme.raised, theme.window) if theme.is_dark else (theme.field, theme.window)


def to_rgb(name: str) -> tuple[float, float, float]:
    """A colour "#rrggbb" as shares of red, green and blue in [0, 1]."""
    colour = QColor(name)
    return colour.redF(), colour.greenF(), colour.blueF()
