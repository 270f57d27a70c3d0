"""The centre of a change on the cortex: single voxels, brute force over all vertices, sides, what has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.datasets.subject import load_subject
from core.surfaces.anatomy import find_centres
from core.surfaces.store import load_surface
from core.types import VoxelTable


def make_table(hemisphere: list[int], vertex: list[int]) -> VoxelTable:
    n_voxels = len(vertex)
    return VoxelTable(
        np.array(hemisphere, np.int8),
        np.array(vertex, np.int32),
        ("",) * n_voxels,
        np.ones(n_voxels, np.float32),
        np.zeros((0, 3), np.int32),
    )


def test_one_voxel_is_its_own_centre_on_its_own_side() -> None:
    table = make_table([0, 0, 1], [17, 4000, 9000])
    change = np.array([[0, -2.0, 0], [0, 0, 0.1], [1.0, 0, 1.0], [0, 0, 0]])
    expected = [[4000, -1], [-1, 9000], [17, 9000], [-1, -1]]
    assert find_centres(load_surface("fsaverage5"), table, change).tolist() == expected


def test_equals_the_least_angle_to_the_weighted_mean() -> None:
    surface, table = load_surface("fsaverage5"), load_subject("simulated").voxels
    change = np.random.default_rng(0).standard_normal((4, table.n_voxels))
    change[0, :50] = np.nan
    found = find_centres(surface, table, change)
    for step, values in enumerate(change):
        for side in (0, 1):
            sphere = surface.side(side).geometries["sphere"].astype(np.float64)
            mean = np.zeros(3)
            for voxel in range(table.n_voxels):
                if table.hemisphere[voxel] == side and np.isfinite(values[voxel]):
                    place = sphere[table.vertex[voxel]]
                    mean += abs(values[voxel]) * place / np.linalg.norm(place)
            cosine = sphere @ mean / (np.linalg.norm(sphere, axis=1) * np.linalg.norm(mean))
            assert found[step, side] == np.argmax(cosine)


def test_voxels_without_a_place_weigh_nothing_and_no_sphere_gives_no_centre() -> None:
    surface, change = load_surface("fsaverage5"), np.ones((1, 2))
    assert find_centres(surface, make_table([0, 0], [-1, 5]), change).tolist() == [[5, -1]]

    def without_sphere(side: int) -> object:
        half = surface.side(side)
        kept = {name: points for name, points in half.geometries.items() if name != "sphere"}
        return replace(half, geometries=kept)

    bare = replace(surface, left=without_sphere(0), right=without_sphere(1))
    assert find_centres(bare, make_table([0, 1], [3, 5]), change).tolist() == [[-1, -1]]
