"""Draws scenes without OpenGL, as one spot of colour a vertex: what is left where a machine's graphics fail.

Outlines are left out: as wide as a spot they would hide the values of small ROIs.
"""

from __future__ import annotations

import numpy as np

from app.cortex.scene import Format, Scene, to_rgb
from core.types import ByteArray

DARKEST = 0.45
"""Share of its colour that a vertex keeps whose surface is seen from the side."""

WIDEST = 15
"""Pixels of a spot: near to the cortex it stays a scatter of points."""


class PointRenderer:
    """Draws as `Renderer` does, with numpy alone."""

    def draw(self, scene: Scene, shape: Format, oversampling: float = 1.0) -> ByteArray:
        """The scene without anything written, (height, width, 4) uint8, `oversampling` times as large."""
        width, height = shape.pixels(oversampling)
        picture = np.zeros((height, width, 4), dtype=np.uint8)
        if shape.ground is not None:
            upper, lower = (255 * np.array([*to_rgb(name), 1.0]) for name in shape.ground)
            picture[:] = np.linspace(upper, lower, height).round()[:, None]
        forward = scene.pose.axes()[2].astype(np.float32)
        for side, mesh in sorted(scene.shown, key=lambda one: -float(one[1].box.mean(axis=0) @ forward)):
            facing = np.ones(len(mesh.points)) if scene.is_flat else mesh.normals @ -forward
            seen = np.unique(mesh.faces[(facing > 0)[mesh.faces].all(axis=1)])
            seen = seen[np.argsort(-(mesh.points[seen] @ forward))]  # of spots on one pixel the last stays, the nearest
            rgb = scene.colours()[side][mesh.kept][seen, :3] if scene.colours else np.full((len(seen), 3), 200)
            apart = np.linalg.norm(mesh.points[mesh.faces[:, 0]] - mesh.points[mesh.faces[:, 1]], axis=1)
            reach = np.arange(min(WIDEST, 2 + int(np.percentile(apart, 90) * height / (2 * scene.pose.scale))))
            around = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2) - len(reach) // 2
            at = np.floor(scene.pose.project(mesh.points[seen], width=width, height=height)).astype(int)
            at = (at[:, None] + around).reshape(-1, 2)
            inside = ((at >= 0) & (at < (width, height))).all(axis=1)
            light = DARKEST + (1 - DARKEST) * facing[seen, None]
            picture[at[inside, 1], at[inside, 0], :3] = np.repeat(rgb * light, len(around), axis=0)[inside]
            picture[at[inside, 1], at[inside, 0], 3] = 255
        return picture

    def close(self) -> None:
        """Nothing is held."""
