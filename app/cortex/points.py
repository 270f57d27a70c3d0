"""Draws scenes without OpenGL, as one spot of colour a vertex: what is left where a machine's graphics fail."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor

from app.cortex.mesh import Mesh
from app.cortex.scene import Format, Scene
from core.types import ByteArray, FloatArray, IntArray

DARKEST = 0.45
"""Share of its colour that a vertex keeps whose surface is seen from the side."""

WIDEST = 15
"""Pixels of a spot: near to the cortex it stays a scatter of points."""

EDGES = 1000
"""Of a mesh, by which the distance of its vertices is judged."""


class PointRenderer:
    """Draws as `Renderer` does, with numpy alone."""

    def draw(self, scene: Scene, shape: Format, oversampling: float = 1.0) -> ByteArray:
        """The scene without anything written, (height, width, 4) uint8, `oversampling` times as large."""
        width, height = shape.pixels(oversampling)
        picture = _make_ground(shape.ground, (width, height))
        spots = [_find_spots(scene, side, mesh, (width, height)) for side, mesh in scene.shown]
        if not spots:
            return picture
        at, depth, rgb = (np.concatenate(parts) for parts in zip(*spots, strict=True))
        order = np.argsort(-depth)  # of several spots on a pixel the last one, the nearest, stays
        inside = ((at[order] >= 0) & (at[order] < (width, height))).all(axis=1)
        across, down = at[order][inside].T
        picture[down, across, :3] = rgb[order][inside]
        picture[down, across, 3] = 255
        return picture

    def close(self) -> None:
        """Nothing is held."""


def _make_ground(ground: tuple[str, str] | None, size: tuple[int, int]) -> ByteArray:
    picture = np.zeros((size[1], size[0], 4), dtype=np.uint8)
    if ground is not None:
        upper, lower = (np.array(QColor(name).getRgb()) for name in ground)
        picture[:] = np.linspace(upper, lower, size[1])[:, None]
    return picture


def _find_spots(scene: Scene, side: int, mesh: Mesh, size: tuple[int, int]) -> tuple[IntArray, FloatArray, ByteArray]:
    """Pixels (k, 2), depths (k,) and colours (k, 3) of the spots of one hemisphere."""
    forward = scene.pose.axes()[2]
    facing = mesh.normals @ -forward.astype(np.float32)
    seen = np.unique(mesh.faces[:, :]) if scene.is_flat else np.flatnonzero(facing > 0)
    rgb = np.full((len(mesh.points), 3), 200, np.uint8) if scene.colours is None else scene.colours()[side][:, :3]
    light = np.ones(len(seen)) if scene.is_flat else DARKEST + (1 - DARKEST) * facing[seen]
    colours = (rgb[seen] * light[:, None]).astype(np.uint8)
    for labels, ink in zip(scene.line_labels.values(), _inks(scene), strict=True):
        if labels is not None:
            mixed = mesh.faces[np.ptp(labels[side][mesh.faces], axis=1) > 0]
            colours[np.isin(seen, mixed)] = QColor(ink).getRgb()[:3]
    places = scene.pose.project(mesh.points[seen], width=size[0], height=size[1])
    ends = mesh.points[mesh.faces[:: max(1, len(mesh.faces) // EDGES)]]
    apart = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    step = size[1] / (2 * scene.pose.scale) * (np.percentile(apart, 90) if len(apart) else 1.0)
    reach = np.arange(min(WIDEST, int(np.ceil(step)) + 1)) - min(WIDEST, int(np.ceil(step)) + 1) // 2
    around = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    at = (np.floor(places)[:, None].astype(np.int64) + around).reshape(-1, 2)
    depth = np.repeat(mesh.points[seen] @ forward.astype(np.float32), len(around))
    return at, depth, np.repeat(colours, len(around), axis=0)


def _inks(scene: Scene) -> tuple[str, str]:
    return ("#ffffff" if scene.theme.is_dark else "#121419", scene.theme.accent)
