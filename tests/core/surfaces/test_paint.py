"""Painting voxels on hemispheres of unequal size, so that a left-right swap fails. Answers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.paint import VoxelMap
from core.types import VoxelTable

N_LEFT, N_RIGHT = 5, 3


def make_table(paint: list[tuple[int, int, int]], *, vertex: tuple[int, ...] = (4, 0, 2)) -> VoxelTable:
    """Voxels 0 (left vertex 4), 1 (right vertex 0), 2 (right vertex 2)."""
    return VoxelTable(
        hemisphere=np.array([0, 1, 1], dtype=np.int8),
        vertex=np.array(vertex, dtype=np.int32),
        roi=("V1", "V1", "FFA"),
        noise_ceiling=np.ones(3, dtype=np.float32),
        paint=np.array(paint, dtype=np.int32).reshape(-1, 3),
    )


ONE_EACH = [(0, 4, 0), (1, 0, 1), (1, 2, 2)]


def test_values_land_on_their_own_side() -> None:
    left, right = VoxelMap(make_table(ONE_EACH), N_LEFT, N_RIGHT).paint(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(left, np.array([np.nan, np.nan, np.nan, np.nan, 1], dtype=np.float32))
    np.testing.assert_array_equal(right, np.array([2, np.nan, 3], dtype=np.float32))
    assert left.dtype == right.dtype == np.float32


def test_a_parcel_shows_one_voxel_everywhere() -> None:
    table = make_table([(0, 0, 2), (0, 1, 2), (1, 1, 2)])
    left, right = VoxelMap(table, N_LEFT, N_RIGHT).paint(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(left, np.array([3, 3, np.nan, np.nan, np.nan], dtype=np.float32))
    np.testing.assert_array_equal(right, np.array([np.nan, 3, np.nan], dtype=np.float32))


def test_vertex_and_voxel_look_up_are_inverse() -> None:
    shown = VoxelMap(make_table(ONE_EACH), N_LEFT, N_RIGHT)
    for voxel in range(3):
        assert shown.voxel_at(*shown.vertex_of(voxel)) == voxel
    assert shown.voxel_at(0, 0) is None and shown.voxel_at(1, 1) is None
    assert shown.voxel_at(0, 2) is None, "right vertex 2 has a voxel, left vertex 2 has none"
    assert shown.voxels(1).tolist() == [1, -1, 2]


def test_swapped_hemispheres_are_noticed() -> None:
    with pytest.raises(BadInputError, match=r"`vertex` must be 0 to 2 on the left surface, got 4"):
        VoxelMap(make_table(ONE_EACH), N_RIGHT, N_LEFT)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ((1, 3, 0), "0 to 2 on the right surface, got 3"),
        ((0, 1, 7), "voxels 0 to 2"),
        ((2, 0, 0), "hemispheres 0 and 1"),
    ],
)
def test_impossible_rows_are_refused(row: tuple[int, int, int], match: str) -> None:
    with pytest.raises(BadInputError, match=match):
        VoxelMap(make_table([row]), N_LEFT, N_RIGHT)


def test_a_voxel_at_an_impossible_vertex_is_refused() -> None:
    with pytest.raises(BadInputError, match="right surface, got 9"):
        VoxelMap(make_table(ONE_EACH, vertex=(4, 9, 2)), N_LEFT, N_RIGHT)


def test_values_of_another_length_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"`values` must be 3 numbers, one a voxel, got \(4,\)"):
        VoxelMap(make_table(ONE_EACH), N_LEFT, N_RIGHT).paint(np.zeros(4))
