"""Outlines and names: closed, between the right regions, on the surface in every geometry, never overlapping."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from app.cortex.annotate import LabelFinder, depth_inside, place_labels
from app.cortex.camera import CameraPose
from app.cortex.mesh import Mesh, vertex_normals
from app.cortex.outlines import LIFT, Outline, cross_borders
from app.cortex.overlay import PlacedLabel
from tests.helpers.cortex import make_atlas, make_cortex, make_icosphere

SURFACE = make_cortex()
ATLAS = make_atlas(SURFACE)


def degrees_of(segments: np.ndarray) -> np.ndarray:
    return np.bincount(segments.ravel())


def test_the_border_of_two_halves_of_a_sphere_is_one_closed_line_between_them() -> None:
    points, faces = make_icosphere(3)
    labels = (points[:, 2] > 0.05).astype(np.int16)
    middles, centres, segments = cross_borders(faces, labels)
    assert (degrees_of(segments) == 2).all()
    mixed = (labels[faces].min(axis=1) != labels[faces].max(axis=1)).sum()
    assert len(segments) == mixed
    at = points[middles].mean(axis=1)
    low, high = points[labels == 0, 2].max(), points[labels == 1, 2].min()
    assert at[:, 2].min() > low - 0.2
    assert at[:, 2].max() < high + 0.2
    assert len(centres) == 0


def test_three_regions_meet_in_the_middle_of_a_triangle() -> None:
    faces = np.array([[0, 1, 2]])
    middles, centres, segments = cross_borders(faces, np.array([1, 2, 3]))
    assert len(segments) == 3
    points = np.array([[0.0, 0, 0], [3, 0, 0], [0, 3, 0]])
    placed = np.concatenate([points[middles].mean(axis=1), points[centres].mean(axis=1)])
    assert sorted(degrees_of(segments)) == [1, 1, 1, 3]
    np.testing.assert_allclose(placed[degrees_of(segments) == 3][0], [1, 1, 0])


def test_no_regions_make_no_outline() -> None:
    points, faces = make_icosphere(1)
    outline = Outline(faces, np.zeros(len(points), dtype=np.int16))
    assert outline.place(points, points).shape == (0, 3)


@pytest.mark.parametrize("geometry", ["pial", "inflated", "sphere", "flat"])
def test_the_outline_follows_the_surface(geometry) -> None:
    half = SURFACE.right
    points, faces = half.geometries[geometry], half.faces_of(geometry)
    outline = Outline(faces, ATLAS.labels(1))
    placed = outline.place(points, vertex_normals(points, faces))
    nearest = np.linalg.norm(placed[:, None] - points[None, np.unique(faces)], axis=2).min(axis=1)
    edges = np.linalg.norm(points[faces[:, 0]] - points[faces[:, 1]], axis=1)
    assert nearest.max() < edges.max()


def test_the_outline_is_lifted_along_the_normals() -> None:
    points, faces = make_icosphere(3)
    outline = Outline(faces, (points[:, 2] > 0.05).astype(np.int16))
    flat = outline.place(points, np.zeros_like(points))
    lifted = outline.place(points, points)
    np.testing.assert_allclose(lifted, flat * (1 + LIFT), atol=1e-5)


def test_normals_of_a_sphere_point_outwards() -> None:
    points, faces = make_icosphere(3)
    assert ((vertex_normals(points, faces) * points).sum(axis=1) > 0.995).all()


def test_depth_counts_rings_from_the_border() -> None:
    # A strip of triangles along x: vertices 2 i and 2 i + 1 at step i; the region spans steps 0 to 5.
    steps = 9
    faces = np.array([(2 * i, 2 * i + 1, 2 * i + 2) for i in range(steps - 1)])
    labels = np.repeat((np.arange(steps) <= 5).astype(np.int16), 2)
    depth = depth_inside(faces, labels)
    assert depth[10] == 0
    assert depth[2] == 4
    assert (depth[labels == 0] == 0).all()


def test_names_stand_on_the_part_of_their_roi_that_is_seen() -> None:
    half, labels = SURFACE.right, ATLAS.labels(1)
    points = half.geometries["inflated"]
    mesh = Mesh(points, half.faces, lambda: vertex_normals(points, half.faces))
    finder = LabelFinder(half.faces, labels, ATLAS.names)
    pose = CameraPose(0, 0, scale=80)  # from behind, where V1 is

    def nothing_in_front(x: float, y: float) -> np.ndarray:
        screen = pose.project(mesh.points, width=400, height=300)
        front = np.flatnonzero(mesh.normals @ -pose.axes()[2] > 0)
        return mesh.points[front[np.argmin(((screen[front] - [x, y]) ** 2).sum(axis=1))]]

    found = {label.text: label for label in finder.find(mesh, pose, size=(400, 300), pick_at=nothing_in_front)}
    assert "V1" in found
    assert abs(found["V1"].x - 200) < 40
    assert finder.find(mesh, pose, size=(400, 300), pick_at=lambda x, y: None) == []
    behind = CameraPose(180, 0, scale=80)
    assert "V1" not in {label.text for label in finder.find(mesh, behind, size=(400, 300), pick_at=nothing_in_front)}


def boxes(labels, width=30.0, height=10.0) -> list[tuple[float, float, float, float]]:
    return [(one.x - width / 2, one.y - height / 2, one.x + width / 2, one.y + height / 2) for one in labels]


def touch(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def place(labels, **options):
    return place_labels(labels, lambda _text: (30.0, 10.0), size=(400.0, 300.0), **options)


def test_the_larger_roi_keeps_its_place_and_the_smaller_one_is_led_back_to_its_own() -> None:
    labels = [PlacedLabel("small", 100, 50, 5), PlacedLabel("large", 110, 52, 50), PlacedLabel("far", 200, 50, 1)]
    kept = {label.text: label for label in place(labels)}
    assert kept["large"] == labels[1]
    assert kept["far"] == labels[2]
    assert kept["small"].home == (100, 50)
    assert not any(touch(a, b) for a, b in itertools.combinations(boxes(kept.values()), 2))


@pytest.mark.parametrize("seed", range(5))
def test_no_two_rectangles_ever_touch_and_all_are_in_sight(seed) -> None:
    random = np.random.default_rng(seed)
    at = random.normal([200, 150], [40, 25], (24, 2))  # crowded, as on the whole brain from behind
    labels = [PlacedLabel(f"ROI {row}", *point, int(random.integers(1, 99))) for row, point in enumerate(at)]
    captions = [PlacedLabel("L", 150, 290, 0), PlacedLabel("R", 200, 150, 0)]
    kept = place(labels, taken=captions)
    assert len(kept) == 24, "there is room for all of them"
    assert not any(touch(a, b) for a, b in itertools.combinations(boxes([*kept, *captions]), 2))
    assert all(x0 >= 0 and y0 >= 0 and x1 <= 400 and y1 <= 300 for x0, y0, x1, y1 in boxes(kept))
    for label in kept:
        first = next(one for one in labels if one.text == label.text)
        assert (label.home or (label.x, label.y)) == (first.x, first.y)


def test_names_without_a_place_or_beside_the_picture_are_left_out() -> None:
    full = [PlacedLabel(str(row), 20, 8, row) for row in range(99)]
    kept = place_labels(full, lambda _text: (30.0, 10.0), size=(120.0, 30.0))
    assert 0 < len(kept) < 99
    assert not any(touch(a, b) for a, b in itertools.combinations(boxes(kept), 2))
    assert place([PlacedLabel("V1", -5, 40, 10)]) == []
