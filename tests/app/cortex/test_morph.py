"""From folded to flat: the stops are the geometries themselves, everything goes along, picks stay exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from app.cortex.annotate import depth_inside
from app.cortex.mesh import vertex_normals
from app.cortex.morph import MorphPath, find_stops, follow_path
from app.cortex.view import CortexView
from core.errors import BadInputError
from tests.helpers.cortex import make_atlas, make_cortex, make_table
from tests.helpers.cortex_actors import drawn, line_points

SURFACE = make_cortex()


def without(surface, *names):
    halves = []
    for side in (0, 1):
        half = surface.side(side)
        kept = {name: points for name, points in half.geometries.items() if name not in names}
        faces = np.empty((0, 3), dtype=np.int32) if "flat" in names else half.flat_faces
        halves.append(replace(half, geometries=kept, flat_faces=faces))
    return replace(surface, left=halves[0], right=halves[1])


@pytest.fixture
def view(qtbot):
    view = CortexView()
    view.resize(620, 460)
    view.set_surface(SURFACE)
    view.set_voxels(make_table(SURFACE))
    view.set_atlas(make_atlas(SURFACE))
    qtbot.addWidget(view)
    view.show()
    qtbot.waitExposed(view)
    yield view
    view.close()


def points_of(view) -> list[np.ndarray]:
    return [mesh.points.copy() for mesh in view.canvas.scene.meshes]


@pytest.mark.parametrize(("position", "geometry"), [(0, "pial"), (1, "inflated"), (2, "flat")])
def test_a_stop_is_the_geometry_itself_seen_as_it_is_alone(view, position, geometry) -> None:
    view.set_geometry(geometry)
    expected, pose = points_of(view), view.canvas.pose
    faces = [mesh.faces for mesh in view.canvas.scene.meshes]
    view.set_geometry("inflated" if geometry != "inflated" else "pial")
    view.set_morph(0.5)
    view.set_morph(position)
    for side in (0, 1):
        np.testing.assert_array_equal(view.canvas.scene.meshes[side].points, expected[side])
        np.testing.assert_array_equal(view.canvas.scene.meshes[side].faces, faces[side])
    assert view.geometry_name == geometry
    assert (view.canvas.pose.azimuth, view.canvas.pose.elevation) == (pose.azimuth, pose.elevation)
    assert view.canvas.pose.scale == pytest.approx(pose.scale, rel=1e-5)


def test_halfway_every_vertex_is_halfway() -> None:
    path = MorphPath(SURFACE, ("pial", "inflated", "flat"), hemispheres="both", view="lateral")
    for start, position in (("pial", 0.5), ("inflated", 1.5)):
        end = path.stops[path.stops.index(start) + 1]
        for side in (0, 1):
            middle = (path.stop(side, start).points + path.stop(side, end).points) / 2
            shape = path.shape(side, position)
            np.testing.assert_allclose(shape.points, middle, atol=1e-4)
            np.testing.assert_array_equal(shape.faces, SURFACE.side(side).faces_of(end))


def test_normals_between_two_stops_turn_with_the_shape() -> None:
    path = MorphPath(SURFACE, ("pial", "inflated"), hemispheres="both", view="lateral")
    shape = path.shape(1, 0.4)
    true = vertex_normals(shape.points, shape.faces)
    assert np.einsum("ij,ij->i", true, shape.normals).min() > 0.97
    np.testing.assert_allclose(np.linalg.norm(shape.normals, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("position", [0.3, 0.8, 1.25, 1.7])
def test_picks_outlines_and_marker_follow(view, position) -> None:
    view.select_voxel(25)
    view.set_morph(position)
    scene = view.canvas.scene
    table = make_table(SURFACE)
    side, vertex = int(table.hemisphere[25]), int(table.vertex[25])
    np.testing.assert_array_equal(scene.marker_position(), scene.meshes[side].points[vertex])
    checked = 0
    with drawn(scene) as renderer:
        lines = [line_points(renderer, "outlines", side) for side in (0, 1)]
    for mesh, line, number in zip(scene.meshes, lines, (0, 1), strict=True):
        used = mesh.points[np.unique(mesh.faces)]
        longest = np.linalg.norm(mesh.points[mesh.faces[:, 0]] - mesh.points[mesh.faces[:, 1]], axis=1).max()
        assert np.linalg.norm(line[:, None] - used[None], axis=2).min(axis=1).max() < longest
        towards = -view.canvas.pose.axes()[2]
        facing = [v for v in np.unique(mesh.faces) if mesh.normals[v] @ towards > 0.9]
        for place in facing:
            pick = view.canvas.pick_at(QPointF(view.canvas.screen_position(mesh.points[place])))
            if pick is not None and pick.side == number and np.linalg.norm(pick.point - mesh.points[place]) < 0.5:
                assert pick.vertex == place
                checked += 1
    assert checked > 10


def test_the_slider_moves_the_cortex_and_follows_the_chosen_geometry(view) -> None:
    slider = view.morph_slider
    assert slider.slider.maximum() == 200 and slider.position() == 1.0
    slider.slider.setValue(130)
    before = points_of(view)
    assert view.geometry_name == "inflated"
    slider.slider.setValue(160)
    assert view.geometry_name == "flat" and not np.allclose(points_of(view)[0], before[0])
    view.set_geometry("pial")
    assert slider.position() == 0.0
    view.set_named_view("flat")
    assert slider.position() == 2.0
    slider.slider.setValue(100)
    assert (view.geometry_name, view.named_view) == ("inflated", "visual")


def test_white_is_the_folded_end_once_it_was_chosen(view) -> None:
    view.set_geometry("white")
    view.set_morph(0.0)
    assert view.geometry_name == "white"
    expected = points_of(view)
    view.set_geometry("white")
    np.testing.assert_allclose(points_of(view)[1], expected[1], atol=1e-4)


def test_a_camera_the_user_turned_stays_while_the_cortex_inflates(view) -> None:
    view.canvas._orbit(0.2, 0.1)
    pose = view.canvas.pose
    view.set_morph(0.5)
    assert view.canvas.pose == pose
    view.set_morph(2.0)
    assert view.canvas.pose.elevation == 90
    view.set_morph(1.0)
    assert (view.canvas.pose.azimuth, view.canvas.pose.elevation) == (pose.azimuth, pose.elevation)


def test_stops_are_what_the_surface_has() -> None:
    assert find_stops(SURFACE, "white") == ("white", "inflated", "flat")
    assert find_stops(without(SURFACE, "flat", "pial"), "inflated") == ("white", "inflated")
    assert find_stops(without(SURFACE, "inflated"), "pial") == ("pial", "flat")
    alone = without(SURFACE, "flat", "inflated", "sphere", "white")
    assert follow_path(None, alone, geometry="pial", hemispheres="both", view="visual") is None
    path = MorphPath(SURFACE, ("pial", "inflated"), hemispheres="both", view="visual")
    with pytest.raises(BadInputError, match=r"`position` must be in \[0, 1\], got 1\.2"):
        path.segment(1.2)
    assert follow_path(path, SURFACE, geometry="sphere", hemispheres="both", view="visual") is path
    assert follow_path(path, SURFACE, geometry="white", hemispheres="both", view="visual") is not path


def test_a_surface_without_a_flat_map_says_so_and_stays_folded(view) -> None:
    said = []
    view.refused.connect(said.append)
    view.set_named_view("flat")
    view.set_surface(without(SURFACE, "flat", "inflated"))
    assert view.geometry_name == "pial" and not view.morph_slider.isVisible()
    view.set_named_view("flat")
    view.set_geometry("inflated")
    assert view.geometry_name == "pial"
    assert said[0].startswith("made-up has no flat geometry") and said[1].startswith("made-up has no inflated geometry")


def test_an_emphasised_roi_is_outlined_above_the_others_through_the_morph(view) -> None:
    with drawn(view.canvas.scene) as renderer:
        assert not len(line_points(renderer, "emphasis", 0))
    view.emphasise_roi("FFA")
    labels = make_atlas(SURFACE)
    for position in (0.0, 0.6, 1.5, 2.0):
        view.set_morph(position)
        with drawn(view.canvas.scene) as renderer:
            lines = [line_points(renderer, "emphasis", side) for side in (0, 1)]
            widths = {kind: pair[0].actor.GetProperty().GetLineWidth() for kind, pair in renderer.lines.items()}
        assert widths["emphasis"] > widths["outlines"]
        for mesh, line, side in zip(view.canvas.scene.meshes, lines, (0, 1), strict=True):
            members = mesh.points[labels.vertices_in(side, "FFA")]
            longest = np.linalg.norm(mesh.points[mesh.faces[:, 0]] - mesh.points[mesh.faces[:, 1]], axis=1).max()
            assert len(line) and np.linalg.norm(line[:, None] - members[None], axis=2).min(axis=1).max() < longest
    view.emphasise_roi("")
    with drawn(view.canvas.scene) as renderer:
        assert not len(line_points(renderer, "emphasis", 0))


def test_an_roi_the_atlas_does_not_know_is_outlined_where_its_voxels_are(view) -> None:
    table = make_table(SURFACE)
    mine = replace(table, roi=tuple("mine" if v < 40 else "" for v in range(table.n_voxels)))
    view.set_voxels(mine)
    view.emphasise_roi("mine")
    with drawn(view.canvas.scene) as renderer:
        assert len(line_points(renderer, "emphasis", int(table.hemisphere[0])))
    view.emphasise_roi("nobody")
    assert view.canvas.scene.emphasised is None


def test_depth_of_a_region_is_its_distance_to_the_border_by_brute_force() -> None:
    half, labels = SURFACE.right, make_atlas(SURFACE).labels(1)
    depth = depth_inside(half.faces, labels)
    corners = labels[half.faces]
    border = set(half.faces[(corners != corners[:, :1]).any(axis=1)].ravel().tolist()) | set(
        np.flatnonzero(labels == 0).tolist()
    )
    near: dict[int, set[int]] = {}
    for triangle in half.faces.tolist():
        for corner in triangle:
            near.setdefault(corner, set()).update(triangle)
    distance, ring, seen = dict.fromkeys(border, 0), border, set(border)
    while ring:
        ring = {other for vertex in ring for other in near[vertex]} - seen
        seen |= ring
        distance |= dict.fromkeys(ring, max(distance.values()) + 1)
    assert depth.tolist() == [distance[vertex] for vertex in range(len(labels))]
    assert depth.max() > 1
    whole = depth_inside(half.faces, np.ones(len(labels), dtype=np.int16))
    assert (whole == whole[0]).all() and whole[0] > 0


def test_the_camera_on_the_way_follows_all_it_is_asked_for() -> None:
    def make() -> MorphPath:
        return MorphPath(SURFACE, find_stops(SURFACE, "pial"), hemispheres="both", view="visual")

    kept = make()
    every, few = (tuple(np.arange(n) < n // part for n in SURFACE.n_vertices) for part in (1, 3))
    asked = {"sides": (0, 1), "folded": (20.0, 10.0), "aspect": 1.5, "margin": 1.1, "framed": every}
    changes = [{}, {"framed": few}, {"framed": None}, {"aspect": 0.7}, {"folded": (80.0, 0.0)}, {"sides": (1,)}]
    poses = []
    for change in [*changes, {"margin": 1.4}, {}]:
        for position in (0.0, 0.4, 1.0, 1.5, 2.0):
            given = {**asked, **change}
            rest = {name: given[name] for name in ("aspect", "margin", "framed")}
            poses.append(kept.pose(position, given["sides"], given["folded"], **rest))
            assert poses[-1] == make().pose(position, given["sides"], given["folded"], **rest)
    assert len(set(poses)) > 20
