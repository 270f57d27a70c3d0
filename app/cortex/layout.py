"""Where each hemisphere lies in the scene, by geometry, choice of hemispheres and named view.

A hemisphere is turned about the vertical axis and shifted as a rigid body; both are baked into the coordinates that are
shown, so picks, outlines, markers and labels all live in one space (mm; x right, y away from the viewer, z up).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.cortex.mesh import find_box
from core.checks import check_choice
from core.surfaces.mesh import GEOMETRIES, MEASURED, CorticalSurface
from core.types import FloatArray

Geometry = Literal["pial", "midthickness", "white", "inflated", "sphere", "flat"]
Hemispheres = Literal["both", "left", "right"]
NamedView = Literal["visual", "lateral", "medial", "ventral", "dorsal", "posterior", "anterior", "flat"]

GAP = 10.0
"""mm between the hemispheres where they are laid apart."""

PREFERRED: tuple[Geometry, ...] = ("inflated", "pial", "midthickness", "white", "sphere")
"""Which geometry is shown first of a surface that lacks the one on screen."""


@dataclass(frozen=True, slots=True)
class ViewAngles:
    """A named view: how far each hemisphere turns outwards, and from where the camera looks, all in degrees."""

    turn: float
    azimuth: float
    elevation: float


VIEWS: dict[str, ViewAngles] = {
    "visual": ViewAngles(turn=12, azimuth=0, elevation=-18),
    "lateral": ViewAngles(turn=90, azimuth=0, elevation=0),
    "medial": ViewAngles(turn=-90, azimuth=0, elevation=0),
    "ventral": ViewAngles(turn=0, azimuth=180, elevation=-90),
    "dorsal": ViewAngles(turn=0, azimuth=0, elevation=90),
    "posterior": ViewAngles(turn=0, azimuth=0, elevation=0),
    "anterior": ViewAngles(turn=0, azimuth=180, elevation=0),
    "flat": ViewAngles(turn=0, azimuth=0, elevation=90),
}
"""Azimuth 0 looks from behind, elevation 90 from above. A turn of 90 shows the lateral side to a viewer behind."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A rigid motion: rotation (3, 3), then shift (3,) in mm."""

    rotation: FloatArray
    shift: FloatArray

    def place(self, points: FloatArray) -> FloatArray:
        """Scene coordinates (n, 3) float32 of surface coordinates (n, 3)."""
        return np.asarray(points @ self.rotation.T.astype(points.dtype) + self.shift.astype(points.dtype), np.float32)


def sides_of(hemispheres: Hemispheres) -> tuple[int, ...]:
    """The hemispheres shown: 0 left, 1 right."""
    check_choice("hemispheres", hemispheres, ("both", "left", "right"))
    return {"both": (0, 1), "left": (0,), "right": (1,)}[hemispheres]


def arrange(
    surface: CorticalSurface, geometry: Geometry, *, hemispheres: Hemispheres, view: NamedView
) -> tuple[Placement, Placement]:
    """The placement of the left and the right hemisphere.

    Hemispheres side by side are each centred in depth and height; measured ones that are not turned stay as measured.
    A hemisphere alone is centred.
    """
    check_choice("geometry", geometry, GEOMETRIES)
    check_choice("view", view, VIEWS)
    turn = 0.0 if geometry == "flat" else VIEWS[view].turn
    rotations = (_about_vertical(turn), _about_vertical(-turn))
    shapes = [surface.side(side).geometries[geometry] for side in (0, 1)]
    boxes = [find_box(points @ rotations[side].T.astype(points.dtype)) for side, points in enumerate(shapes)]
    if hemispheres == "both" and geometry in MEASURED and not turn:
        middle = -np.mean(boxes, axis=(0, 1))
        return Placement(rotations[0], middle), Placement(rotations[1], middle)
    left, right = (-box.mean(axis=0) for box in boxes)
    if sides_of(hemispheres) == (0, 1):
        left[0] = -GAP / 2 - boxes[0][1, 0]
        right[0] = GAP / 2 - boxes[1][0, 0]
    return Placement(rotations[0], left), Placement(rotations[1], right)


def _about_vertical(degrees: float) -> FloatArray:
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
