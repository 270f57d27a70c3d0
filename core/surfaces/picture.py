"""Small pictures of maps on the cortex, painted on the processor without a screen.

Which triangle each pixel shows is found once for a surface (nearer triangles over farther ones, parallel projection);
a map is then a look-up. Each hemisphere is seen from the side, from below and from the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from core.surfaces.colormap import DEFAULT_DIVERGING, find_colormap
from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from core.surfaces.paint import VoxelMap
from core.surfaces.store import load_surface
from core.types import ByteArray, FloatArray, VoxelTable

TILE = 150
"""Side in pixels of one view."""
OVERSAMPLING = 2
"""Pixels drawn along each side of one that is kept: smooth outlines."""
GYRUS, SULCUS = 205.0, 165.0
"""Greys of the folds under a map."""
DARKEST = 0.62
"""Part of its colour a triangle keeps that is seen edge-on."""
MARGIN = 0.04
VIEWS = ("lateral", "ventral", "medial")
NOWHERE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One hemisphere from one side: face (height, width) int32, -1 outside; shade (n_faces,) in [0, 1]."""

    side: int
    face: npt.NDArray[np.int32]
    shade: FloatArray


def draw_map(surface: str, table: VoxelTable, values: FloatArray, *, limit: float, tile: int = TILE) -> ByteArray:
    """A map on both hemispheres, (2 tile, 3 tile, 4) uint8, transparent outside: left above right, views as in `VIEWS`.

    Parameters
    ----------
    surface : Name of the surface the table lies on.
    values : (n_voxels,). NaN leaves the folds bare.
    limit : The value of the last colour; the map runs from -limit to limit.
    tile : Side of one view in pixels.

    Raises BadInputError if there is no such surface, or the table does not fit it.
    """
    shown = load_surface(surface)
    painted = VoxelMap(table, *shown.n_vertices).paint(np.asarray(values, dtype=np.float32))
    colours = [_colour_faces(shown.side(side), painted[side], limit) for side in (0, 1)]
    tiles = find_tiles(surface, tile)
    drawn = [_paint(one, colours[one.side]) for one in tiles]
    rows = [np.concatenate(drawn[: len(VIEWS)], axis=1), np.concatenate(drawn[len(VIEWS) :], axis=1)]
    return np.concatenate(rows, axis=0)


@lru_cache(maxsize=4)
def find_tiles(surface: str, tile: int) -> tuple[Tile, ...]:
    """Which triangle every pixel shows, for both hemispheres and all views of a surface."""
    shown = load_surface(surface)
    return tuple(_find_tile(shown, side, view, tile * OVERSAMPLING) for side in (0, 1) for view in VIEWS)


def _find_tile(surface: CorticalSurface, side: int, view: str, size: int) -> Tile:
    hemisphere = surface.side(side)
    names = [name for name in surface.geometries if name != "flat"]
    points = hemisphere.geometries["inflated" if "inflated" in names else names[0]].astype(np.float64)
    right, up, forward = _axes(side, view)
    across, above, depth = points @ right, points @ up, points @ forward
    extent = max(float(np.ptp(across)), float(np.ptp(above)))
    scale = size * (1 - 2 * MARGIN) / extent
    x = (across - (across.max() + across.min()) / 2) * scale + size / 2
    y = size / 2 - (above - (above.max() + above.min()) / 2) * scale
    faces = hemisphere.faces
    edges = points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]
    normal = np.cross(*edges)
    facing = -(normal @ forward) / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
    seen = np.flatnonzero(facing > 0)
    picture = Image.new("I", (size, size), NOWHERE)
    pen = ImageDraw.Draw(picture)
    corners = np.stack([x[faces], y[faces]], axis=2)
    for face in seen[np.argsort(-depth[faces[seen]].mean(axis=1), kind="stable")]:
        pen.polygon(corners[face].ravel().tolist(), fill=int(face))
    return Tile(side, np.asarray(picture, dtype=np.int32), DARKEST + (1 - DARKEST) * np.clip(facing, 0, 1))


def _axes(side: int, view: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Unit vectors right, up and forward (into the picture) in surface coordinates."""
    if view == "ventral":
        forward, up = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    else:
        outwards = -1.0 if side == 0 else 1.0
        forward = np.array([-outwards if view == "lateral" else outwards, 0.0, 0.0])
        up = np.array([0.0, 0.0, 1.0])
    return np.cross(forward, up), up, forward


def _colour_faces(hemisphere: HemisphereSurface, values: FloatArray, limit: float) -> FloatArray:
    """Colours (n_faces, 3) in [0, 255] of the values of vertices, over the folds."""
    fold = np.where(hemisphere.curvature > 0, SULCUS, GYRUS)[:, np.newaxis].repeat(3, axis=1)
    position = (values / max(limit, float(np.finfo(np.float32).tiny)) + 1) / 2
    over = find_colormap(DEFAULT_DIVERGING).look_up(np.nan_to_num(position, nan=0.5)).astype(np.float64)
    vertices = np.where(np.isfinite(values)[:, np.newaxis], over, fold)
    return np.asarray(vertices[hemisphere.faces].mean(axis=1))


def _paint(tile: Tile, colours: FloatArray) -> ByteArray:
    size = len(tile.face) // OVERSAMPLING
    shaded = np.vstack([colours * tile.shade[:, np.newaxis], np.zeros((1, 3))])[tile.face]
    covered = (tile.face != NOWHERE).astype(np.float64)[:, :, np.newaxis]
    blocks = np.concatenate([shaded * covered, covered], axis=2)
    mean = blocks.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 4).mean(axis=(1, 3))
    cover = mean[:, :, 3:]
    colour = np.divide(mean[:, :, :3], cover, out=np.zeros_like(mean[:, :, :3]), where=cover > 0)
    return np.round(np.concatenate([colour, 255 * cover], axis=2)).astype(np.uint8)
