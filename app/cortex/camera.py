"""The camera of the cortex view: a frozen pose on a turntable with parallel projection.

Vertical stays vertical: dragging turns the scene about its upright axis and tips it between straight above and below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.types import FloatArray

DISTANCE = 1000.0
"""mm from the camera to its centre; with a parallel projection it only has to lie outside the scene."""

TURN_PER_HEIGHT = 180.0
"""Degrees turned by a drag as long as the view is high."""

SMALLEST_SCALE, LARGEST_SCALE = 8.0, 600.0
"""mm from the middle to the upper edge of the view."""


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Where the camera is.

    Parameters
    ----------
    azimuth, elevation : Degrees; 0, 0 looks from behind (along +y), azimuth 90 from the left, elevation 90 from above.
    centre : (3,) float. Point in the middle of the view, mm.
    scale : mm from the middle to the upper edge.
    """

    azimuth: float
    elevation: float
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 100.0

    def axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Unit vectors right, up and forward (into the screen), each (3,)."""
        azimuth, elevation = np.deg2rad([self.azimuth, self.elevation])
        right = np.array([np.cos(azimuth), -np.sin(azimuth), 0.0])
        level = np.array([np.sin(azimuth), np.cos(azimuth), 0.0])
        forward = np.cos(elevation) * level - np.sin(elevation) * np.array([0.0, 0.0, 1.0])
        return right, np.cross(right, forward), forward

    def orbited(self, across: float, down: float) -> CameraPose:
        """Turned by a drag, given in view heights."""
        elevation = float(np.clip(self.elevation + TURN_PER_HEIGHT * down, -90.0, 90.0))
        return replace(self, azimuth=(self.azimuth + TURN_PER_HEIGHT * across) % 360.0, elevation=elevation)

    def panned(self, across: float, down: float) -> CameraPose:
        """Shifted by a drag, given in view heights: the scene follows the pointer."""
        right, up, _ = self.axes()
        return self.moved_to(np.asarray(self.centre) + 2 * self.scale * (down * up - across * right))

    def zoomed(self, factor: float, *, across: float = 0.0, up: float = 0.0) -> CameraPose:
        """Magnified by `factor`; the point `across`, `up` from the middle (in view heights) stays where it is."""
        scale = float(np.clip(self.scale / factor, SMALLEST_SCALE, LARGEST_SCALE))
        right, upward, _ = self.axes()
        drift = 2 * (self.scale - scale) * (across * right + up * upward)
        return replace(self.moved_to(np.asarray(self.centre) + drift), scale=scale)

    def moved_to(self, point: FloatArray) -> CameraPose:
        """Centred on a point (3,)."""
        x, y, z = (float(value) for value in point)
        return replace(self, centre=(x, y, z))

    def fitted(self, points: FloatArray, *, aspect: float, margin: float = 1.06) -> CameraPose:
        """Centred and scaled so that all points (n, 3) fill a view `aspect` times as wide as high."""
        right, up, forward = self.axes()
        seen = np.ascontiguousarray(np.stack([right, up, forward]).astype(points.dtype) @ points.T)
        low, high = seen.min(axis=1).astype(np.float64), seen.max(axis=1).astype(np.float64)
        half = (high - low) / 2
        scale = margin * max(float(half[1]), float(half[0]) / aspect, SMALLEST_SCALE)
        middle = (high + low) / 2
        return replace(self.moved_to(middle @ np.stack([right, up, forward])), scale=scale)

    def between(self, other: CameraPose, share: float) -> CameraPose:
        """The pose `share` of the way to another one, the short way round."""
        turn = (other.azimuth - self.azimuth + 180.0) % 360.0 - 180.0
        centre = (1 - share) * np.asarray(self.centre) + share * np.asarray(other.centre)
        return CameraPose(
            azimuth=(self.azimuth + share * turn) % 360.0,
            elevation=(1 - share) * self.elevation + share * other.elevation,
            scale=float(np.exp((1 - share) * np.log(self.scale) + share * np.log(other.scale))),
        ).moved_to(centre)

    def project(self, points: FloatArray, *, width: float, height: float) -> FloatArray:
        """Screen positions (n, 2) of points (n, 3): x rightwards, y downwards from the upper left corner."""
        right, up, _ = self.axes()
        per_mm = height / (2 * self.scale)
        onto = np.stack([right * per_mm, -up * per_mm], axis=1)
        origin = np.array([width / 2, height / 2]) - np.asarray(self.centre) @ onto
        return np.asarray(points @ onto.astype(points.dtype) + origin)

    def ray(self, x: float, y: float, *, width: float, height: float) -> tuple[FloatArray, FloatArray]:
        """The point (3,) of the middle plane at a screen position, and the direction (3,) in which it is looked at."""
        right, up, forward = self.axes()
        per_mm = height / (2 * self.scale)
        return np.asarray(self.centre) + ((x - width / 2) * right + (height / 2 - y) * up) / per_mm, forward

    def apply(self, camera: Any) -> None:
        """Put a vtkCamera there."""
        _, up, forward = self.axes()
        camera.SetParallelProjection(1)
        camera.SetFocalPoint(*self.centre)
        camera.SetPosition(*(np.asarray(self.centre) - DISTANCE * forward))
        camera.SetViewUp(*up)
        camera.SetParallelScale(self.scale)
        camera.SetClippingRange(1.0, 2 * DISTANCE)
