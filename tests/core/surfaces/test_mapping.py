"""Voxels on a surface, both ways. Answers: brute force over all distances, and moves that must change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.mapping import LIMIT_MM, middle_of_sheet, paint_table, scanner_points
from tests.helpers.cortex import make_cortex

SURFACE = make_cortex()
AFFINE = np.array([[-3.0, 0.2, 0, 70], [0.1, 2.8, 0.3, -65], [0, -0.2, 3.2, -50], [0, 0, 0, 1]])


def grid() -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(45), np.arange(46), np.arange(32), indexing="ij"), axis=-1).reshape(-1, 3)


def by_force(points: np.ndarray, sheets: list[np.ndarray], limit: float):
    both = np.concatenate(sheets)
    apart = np.sqrt(((points[:, None] - both[None]) ** 2).sum(axis=2))
    row, distance = apart.argmin(axis=1), apart.min(axis=1)
    painted = [(v, int(apart[:, v].argmin())) for v in range(len(both)) if apart[:, v].min() <= limit]
    return row, distance, painted


def test_places_and_paint_are_those_of_brute_force() -> None:
    chosen = np.random.default_rng(0).permutation(grid())[:900]
    sheets = [middle_of_sheet(SURFACE, side) for side in (0, 1)]
    row, distance, painted = by_force(scanner_points(chosen, AFFINE), sheets, LIMIT_MM)
    places = paint_table(SURFACE, chosen, AFFINE)
    n_left = SURFACE.n_vertices[0]
    np.testing.assert_array_equal(places.hemisphere, row >= n_left)
    np.testing.assert_allclose(places.distance, distance, rtol=1e-5)
    expected = np.where(distance <= LIMIT_MM, np.where(row >= n_left, row - n_left, row), -1)
    np.testing.assert_array_equal(places.vertex, expected)
    assert 0 < places.n_placed < len(chosen)
    rows = [(int(v >= n_left), v - n_left * (v >= n_left), voxel) for v, voxel in painted]
    assert places.paint.tolist() == [list(map(int, row)) for row in rows]


def test_the_middle_of_the_sheet_is_the_mean_of_white_and_pial_in_scanner_space() -> None:
    shift = np.eye(4)
    shift[:3, 3] = (5.0, -17.5, 19.0)
    moved = replace(SURFACE, to_scanner=shift)
    expected = (SURFACE.left.geometries["pial"] + SURFACE.left.geometries["white"]) / 2 + shift[:3, 3]
    np.testing.assert_allclose(middle_of_sheet(moved, 0), expected, atol=1e-4)


def test_a_brain_and_its_volume_moved_together_give_the_same_places() -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[0, -1], [1, 0]]
    turn[:3, 3] = (11, 3, -40)
    here = paint_table(SURFACE, grid()[::7], AFFINE)
    there = paint_table(replace(SURFACE, to_scanner=turn), grid()[::7], turn @ AFFINE)
    np.testing.assert_array_equal(here.vertex, there.vertex)
    np.testing.assert_array_equal(here.paint, there.paint)


def test_forgetting_the_offset_of_the_surface_file_puts_voxels_elsewhere() -> None:
    shift = np.eye(4)
    shift[:3, 3] = (0, -18, 20)
    right = paint_table(replace(SURFACE, to_scanner=shift), grid()[::7], shift @ AFFINE)
    wrong = paint_table(SURFACE, grid()[::7], shift @ AFFINE)
    assert (right.vertex != wrong.vertex).mean() > 0.05


def test_a_volume_far_from_the_surface_is_refused_with_the_distance() -> None:
    away = AFFINE.copy()
    away[:3, 3] += 500
    with pytest.raises(BadInputError, match=r"No voxel of the volume lies within 4 mm of the surface made-up.*mm away"):
        paint_table(SURFACE, grid()[::50], away)


@pytest.mark.parametrize(
    ("indices", "affine", "match"),
    [
        (np.zeros((4, 2), int), AFFINE, r"`indices` must be rows of 3"),
        (np.zeros((0, 3), int), AFFINE, "at least one voxel"),
        (np.zeros((4, 3), int), np.zeros((4, 4)), "`affine` must be an invertible matrix"),
        (np.zeros((4, 3), int), np.eye(3), "`affine` must be an invertible matrix"),
    ],
)
def test_shapes_that_cannot_be_are_refused(indices: np.ndarray, affine: np.ndarray, match: str) -> None:
    with pytest.raises(BadInputError, match=match):
        paint_table(SURFACE, indices, affine)


def test_a_surface_without_folds_cannot_place_voxels() -> None:
    left = replace(SURFACE.left, geometries={"sphere": SURFACE.left.geometries["sphere"]})
    with pytest.raises(BadInputError, match="one with white or pial"):
        paint_table(replace(SURFACE, left=left), grid()[:5], AFFINE)
