"""Thinned hemispheres against fsaverage5, whose vertices a fine one keeps, and against what a surface must stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QFont

from app.cortex.annotate import find_annotations
from app.cortex.camera import CameraPose
from app.cortex.morph import MorphPath
from app.cortex.scene import Scene
from app.cortex.thinning import choose_vertices, move_faces, thin_half
from core.surfaces.mesh import CorticalSurface
from core.surfaces.store import load_fsaverage5
from tests.helpers.cortex import make_atlas, make_bare_half, make_cortex, make_icosphere
from tests.helpers.fine_cortex import make_fine_cortex

LOOKS = {"inflated": (0.0, 0.0), "flat": (0.0, 90.0)}
"""Azimuth and elevation, degrees."""


def as_set(faces: np.ndarray) -> set[tuple[int, ...]]:
    """Triangles with their orientation, whichever corner is first."""
    return {tuple(np.roll(face, -np.argmin(face)).tolist()) for face in faces}


def shuffled(fineness: int) -> tuple[np.ndarray, np.ndarray]:
    """An icosphere without its order."""
    points, faces = make_icosphere(fineness)
    order = np.random.default_rng(0).permutation(len(points))
    return points[order], np.argsort(order)[faces]


def border(faces: np.ndarray) -> np.ndarray:
    """Directed edges (k, 2) without their opposite."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).tolist()
    there = {tuple(edge) for edge in edges}
    assert len(there) == len(edges)
    return np.array([edge for edge in edges if tuple(edge[::-1]) not in there]).reshape(-1, 2)


@pytest.mark.parametrize("side", [0, 1])
def test_a_full_fsaverage_becomes_fsaverage5_in_every_geometry(side) -> None:
    fine, plain = make_fine_cortex().side(side), load_fsaverage5().side(side)
    for flat, expected in ((False, plain.faces), (True, plain.flat_faces)):
        kept, faces = thin_half(fine, flat=flat)
        assert np.array_equal(kept, np.arange(10_242))
        assert as_set(faces) == as_set(expected) and len(faces) == len(expected)


def test_a_surface_in_any_order_stays_closed_and_as_large() -> None:
    points, faces = shuffled(6)
    kept, thinned = thin_half(make_bare_half(points, faces), flat=False)
    assert 5_000 < len(kept) < 20_000 and len(np.unique(kept)) == len(kept)
    assert not len(border(thinned))
    a, b, c = (points[kept][thinned[:, corner]] for corner in range(3))
    turned = np.cross(b - a, c - a)
    assert np.linalg.norm(turned, axis=1).sum() / 2 == pytest.approx(4 * np.pi, rel=0.002)
    assert (np.einsum("ij,ij->i", turned, a + b + c) > 0).mean() > 0.999


def test_those_kept_share_no_edge_and_the_others_go_to_the_nearest_they_share_one_with() -> None:
    points, faces = shuffled(3)
    kept, onto = choose_vertices(points, faces)
    for vertex in range(len(points)):
        around = np.unique(faces[(faces == vertex).any(axis=1)])
        near = np.intersect1d(around, kept)
        if vertex in kept:
            assert near.tolist() == [vertex] == [kept[onto[vertex]]]
        else:
            away = np.linalg.norm(points[near] - points[vertex], axis=1)
            assert away[near == kept[onto[vertex]]] == pytest.approx(away.min())  # of some as near any


def test_a_hole_stays_where_it_is() -> None:
    points, faces = shuffled(6)
    kept, thinned = thin_half(make_bare_half(points, faces[points[faces][:, :, 2].max(axis=1) < 0.8]), flat=False)
    rim = points[kept][border(thinned)]
    assert len(rim) > 50 and np.abs(rim[:, :, 2] - 0.8).max() < 0.06  # two edges of the thinned one
    angle = np.arctan2(rim[..., 1], rim[..., 0])
    turn = np.angle(np.exp(1j * (angle[:, 1] - angle[:, 0]))).sum()
    assert abs(turn) == pytest.approx(2 * np.pi)  # once around


def test_triangles_that_fall_on_one_another_undo_each_other() -> None:
    onto = np.array([0, 1, 2, 3, 2])
    assert as_set(move_faces(np.array([[0, 1, 4], [1, 0, 2]]), onto)) == set()
    assert as_set(move_faces(np.array([[4, 1, 0], [0, 1, 3], [0, 4, 2]]), onto)) == {(0, 2, 1), (0, 1, 3)}


@pytest.mark.parametrize("position", [0.0, 0.5, 1.0, 1.6, 2.0])
def test_on_the_way_every_corner_is_a_vertex_and_what_stands_in_the_scene_stays(position) -> None:
    surface = make_fine_cortex(1)  # as fsaverage6
    path = MorphPath(surface, ("pial", "inflated", "flat"), hemispheres="both", view="lateral")
    scene = Scene(path=path, position=position, marked=(1, 30_000))
    thinned = replace(scene, thinned=True)
    assert scene.is_large
    for full, few in zip(scene.meshes, thinned.meshes, strict=True):
        assert len(few.points) == 10_242 and np.array_equal(few.points, full.points[few.kept])
        assert few.normals.shape == (10_242, 3)
    opened = position > 1
    assert as_set(few.faces) == as_set(load_fsaverage5().right.faces_of("flat" if opened else "pial"))
    np.testing.assert_array_equal(thinned.marker_position(0.8), scene.marker_position(0.8))


@pytest.mark.parametrize("geometry", ["inflated", "flat"])
def test_names_marker_and_captions_of_a_thinned_scene_stand_where_they_do_in_the_full_one(qapp, geometry) -> None:
    surface = make_fine_cortex(1)
    path = MorphPath(surface, (geometry,), hemispheres="both", view="lateral")
    scene = Scene(path=path, atlas=make_atlas(surface), marked=(0, 30_000), pose=CameraPose(*LOOKS[geometry]))
    scene = replace(scene, pose=scene.pose.fitted(scene.points(), aspect=1.5))
    full, few = (
        find_annotations(replace(scene, thinned=one), size=(600.0, 400.0), font=QFont()) for one in (False, True)
    )
    assert full.labels and full.labels == few.labels
    assert full.captions == few.captions and full.ring == few.ring


def test_a_small_surface_has_nothing_to_thin() -> None:
    for surface in (make_cortex(), load_fsaverage5(), CorticalSurface("s", make_cortex().left, make_cortex().left)):
        scene = Scene(path=MorphPath(surface, ("inflated",), hemispheres="both", view="lateral"))
        assert not scene.is_large
        assert all(mesh.thinned is mesh for mesh in scene.meshes)
