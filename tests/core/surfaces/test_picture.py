"""Pictures of maps: a hemisphere's own voxels show on its own row, one colour a sign, nothing outside the brain."""

from __future__ import annotations

import numpy as np
import pytest

from core.surfaces.picture import NOWHERE, VIEWS, draw_map, find_tiles
from core.surfaces.store import load_surface
from core.types import FloatArray, VoxelTable

TILE = 60


def make_whole_table() -> VoxelTable:
    """A voxel a vertex of fsaverage5."""
    sizes = load_surface("fsaverage5").n_vertices
    side = np.repeat([0, 1], sizes).astype(np.int8)
    vertex = np.concatenate([np.arange(size) for size in sizes]).astype(np.int32)
    count = len(vertex)
    paint = np.stack([side.astype(np.int32), vertex, np.arange(count, dtype=np.int32)], axis=1)
    return VoxelTable(side, vertex, ("",) * count, np.ones(count, np.float32), paint)


def split_rows(picture: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Red less blue of what is drawn of the left and of the right hemisphere."""
    warm = picture[:, :, 0].astype(float) - picture[:, :, 2]
    drawn = picture[:, :, 3] == 255
    return warm[:TILE][drawn[:TILE]], warm[TILE:][drawn[TILE:]]


def test_left_voxels_are_drawn_above_and_right_ones_below() -> None:
    table = make_whole_table()
    left, right = split_rows(
        draw_map("fsaverage5", table, np.where(table.hemisphere == 0, 1.0, -1.0), limit=1, tile=TILE)
    )
    assert (left > 20).all(), "raised: red"
    assert (right < -20).all(), "lowered: blue"


def test_voxels_without_a_value_leave_grey_folds() -> None:
    table = make_whole_table()
    left, right = split_rows(draw_map("fsaverage5", table, np.full(table.n_voxels, np.nan), limit=1, tile=TILE))
    assert np.abs(np.concatenate([left, right])).max() == 0


@pytest.mark.parametrize("side", [0, 1])
def test_each_pixel_shows_the_triangle_nearest_to_the_eye(side: int) -> None:
    """Brute force: of all triangles whose outline holds the middle pixel of the lateral view, the most lateral."""
    tile = find_tiles("fsaverage5", TILE)[side * len(VIEWS)]
    hemisphere = load_surface("fsaverage5").side(side)
    points = hemisphere.geometries["inflated"].astype(float)
    outwards = -1 if side == 0 else 1
    across, above = points[:, 1] * outwards, points[:, 2]
    size = len(tile.face)
    scale = size * 0.92 / max(np.ptp(across), np.ptp(above))
    row, column = size // 2, size // 2
    target_x = (column + 0.5 - size / 2) / scale + (across.max() + across.min()) / 2
    target_y = (size / 2 - row - 0.5) / scale + (above.max() + above.min()) / 2
    corners = np.stack([across, above], axis=1)[hemisphere.faces]
    edge = np.roll(corners, -1, axis=1) - corners
    rest = np.asarray([target_x, target_y]) - corners
    turn = edge[:, :, 0] * rest[:, :, 1] - edge[:, :, 1] * rest[:, :, 0]
    holds = (turn >= 0).all(axis=1) | (turn <= 0).all(axis=1)
    depth = points[hemisphere.faces].mean(axis=1)[:, 0] * outwards
    expected = int(np.flatnonzero(holds)[np.argmax(depth[holds])])
    found = int(tile.face[row, column])
    assert found != NOWHERE
    assert np.linalg.norm(points[hemisphere.faces[found]].mean(0) - points[hemisphere.faces[expected]].mean(0)) < 8


def test_the_corners_are_transparent() -> None:
    table = make_whole_table()
    picture = draw_map("fsaverage5", table, np.ones(table.n_voxels), limit=1, tile=TILE)
    assert picture.shape == (2 * TILE, 3 * TILE, 4)
    assert (picture[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 0).all()
