"""fsaverage5 and its finer kin. Answers: FreeSurfer's own counts, the vertices all levels share, brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.surfaces.icosphere import FSAVERAGE_SIZES, fsaverage_sphere, is_fsaverage, nearest_on_fsaverage5, refine
from core.surfaces.placing import place_voxels
from core.surfaces.store import load_surface
from core.types import VoxelTable
from tests.helpers.cortex import make_cortex

COARSE = FSAVERAGE_SIZES["fsaverage5"]
FINE = FSAVERAGE_SIZES["fsaverage6"]


def test_refining_halves_every_edge_and_keeps_the_old_vertices_first() -> None:
    points = np.array([[100.0, 0, 0], [0, 100, 0], [0, 0, 100]])
    sphere = refine(points, np.array([[0, 1, 2]]))
    half = 100 / np.sqrt(2)
    np.testing.assert_allclose(sphere.points[:3], points)
    # The order of FreeSurfer's icosahedra: the edges third-first, second-third, first-second.
    np.testing.assert_allclose(sphere.points[3:], [[half, 0, half], [0, half, half], [half, half, 0]])
    assert sphere.faces.tolist() == [[0, 5, 3], [3, 4, 2], [5, 4, 3], [5, 1, 4]]


def test_fsaverage6_has_freesurfers_counts_and_first_triangles() -> None:
    sphere = fsaverage_sphere(FINE)
    assert (len(sphere.points), len(sphere.faces)) == (40_962, 81_920)
    # The first triangles of FreeSurfer 7.3.2's fsaverage6/surf/lh.white.
    assert sphere.faces[:3].tolist() == [[0, 10244, 10242], [0, 10242, 10245], [0, 10245, 10247]]
    np.testing.assert_allclose(np.linalg.norm(sphere.points, axis=1), 100, rtol=1e-4)


def test_the_nearest_coarse_vertex_is_that_of_brute_force() -> None:
    nearest, points = nearest_on_fsaverage5(FINE), fsaverage_sphere(FINE).points
    np.testing.assert_array_equal(nearest[:COARSE], np.arange(COARSE))
    for vertex in range(COARSE, FINE, 3001):
        apart = np.linalg.norm(points[:COARSE] - points[vertex], axis=1)
        assert nearest[vertex] == np.flatnonzero(apart < apart.min() + 0.01)[0], "of two as near the lower number"


def test_only_fsaverage_is_taken_for_fsaverage() -> None:
    template = load_surface("fsaverage5")
    assert is_fsaverage(template)
    assert not is_fsaverage(make_cortex())
    turned = replace(template.left, geometries=template.left.geometries | {"sphere": template.left.geometries["pial"]})
    assert not is_fsaverage(replace(template, left=turned))
    shuffled = replace(template.left, faces=template.left.faces[::-1].copy())
    assert not is_fsaverage(replace(template, left=shuffled))


def table_at(places: list[tuple[int, int]]) -> VoxelTable:
    rows = np.array([(side, vertex, voxel) for voxel, (side, vertex) in enumerate(places)], dtype=np.int32)
    ceiling = np.ones(len(places), dtype=np.float32)
    return VoxelTable(rows[:, 0].astype(np.int8), rows[:, 1].copy(), ("",) * len(places), ceiling, rows)


def test_voxels_of_fsaverage_are_shown_on_fsaverage5_until_it_is_imported() -> None:
    finer = int(np.flatnonzero(nearest_on_fsaverage5(FINE) == 7)[1])
    placed = place_voxels(table_at([(0, 7), (0, finer), (1, 10_241), (1, finer)]), "fsaverage6")
    assert placed.surface.name == "fsaverage5" and "surfaces fetch fsaverage6" in placed.note
    assert placed.voxels.vertex.tolist() == [7, 7, 10_241, 7]
    from core.surfaces.paint import VoxelMap

    shown = VoxelMap(placed.voxels, COARSE, COARSE)
    assert shown.voxel_at(0, 7) == 0, "a vertex both meshes have shows its own voxel"
    assert shown.voxel_at(1, 7) == 3, "a vertex without a voxel of its own shows the nearest"
    too_far = place_voxels(table_at([(0, FINE)]), "fsaverage6")
    assert "do not fit the surface fsaverage6" in too_far.note
