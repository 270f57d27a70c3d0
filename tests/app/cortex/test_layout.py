"""Where hemispheres lie and what the camera sees: checked against which side of the brain faces the viewer."""

from __future__ import annotations

import numpy as np
import pytest

from app.cortex.camera import CameraPose
from app.cortex.layout import GAP, VIEWS, arrange, sides_of
from core.errors import BadInputError
from tests.helpers.cortex import make_cortex

SURFACE = make_cortex()
OUTWARD = (np.array([-1.0, 0, 0]), np.array([1.0, 0, 0]))


def placed(geometry, hemispheres, view):
    placements = arrange(SURFACE, geometry, hemispheres=hemispheres, view=view)
    return [placements[side].place(SURFACE.side(side).geometries[geometry]) for side in (0, 1)]


def facing_viewer(geometry, hemispheres, view, side):
    """The vertex of a side that is nearest to the camera."""
    forward = CameraPose(VIEWS[view].azimuth, VIEWS[view].elevation).axes()[2]
    return int(np.argmin(placed(geometry, hemispheres, view)[side] @ forward))


@pytest.mark.parametrize("hemispheres", ["both", "left", "right"])
@pytest.mark.parametrize("geometry", ["inflated", "pial"])
@pytest.mark.parametrize(
    ("view", "direction"),
    [
        ("lateral", None),
        ("medial", None),
        ("posterior", [0, -1, 0]),
        ("anterior", [0, 1, 0]),
        ("dorsal", [0, 0, 1]),
        ("ventral", [0, 0, -1]),
    ],
)
def test_each_view_shows_the_side_it_is_named_after(geometry, hemispheres, view, direction) -> None:
    for side in sides_of(hemispheres):
        outward = OUTWARD[side] if view == "lateral" else -OUTWARD[side]
        wanted = outward if direction is None else np.array(direction)
        points = SURFACE.side(side).geometries[geometry]
        shown = points[facing_viewer(geometry, hemispheres, view, side)]
        assert points @ wanted.astype(np.float32) == pytest.approx(points @ wanted)
        assert shown @ wanted > (points @ wanted).max() - 1e-3


@pytest.mark.parametrize("geometry", ["inflated", "sphere", "flat"])
@pytest.mark.parametrize("view", ["visual", "lateral", "medial", "posterior", "flat"])
def test_hemispheres_are_laid_apart_left_on_the_left(geometry, view) -> None:
    left, right = placed(geometry, "both", view)
    assert right[:, 0].min() - left[:, 0].max() == pytest.approx(GAP, abs=1e-3)


def test_folded_hemispheres_keep_their_place_to_one_another() -> None:
    left, right = placed("pial", "both", "dorsal")
    for mesh, side in ((left, 0), (right, 1)):
        measured = SURFACE.side(side).geometries["pial"]
        np.testing.assert_allclose(mesh - mesh[0], measured - measured[0], atol=1e-4)
    measured_gap = SURFACE.right.geometries["pial"][0] - SURFACE.left.geometries["pial"][0]
    np.testing.assert_allclose(right[0] - left[0], measured_gap, atol=1e-4)


@pytest.mark.parametrize("side", [0, 1])
def test_a_hemisphere_alone_is_centred(side) -> None:
    mesh = placed("pial", ("left", "right")[side], "lateral")[side]
    np.testing.assert_allclose(mesh.min(axis=0) + mesh.max(axis=0), 0, atol=1e-3)


def test_placing_keeps_distances() -> None:
    points = SURFACE.left.geometries["pial"]
    mesh = placed("pial", "both", "visual")[0]
    np.testing.assert_allclose(
        np.linalg.norm(mesh[1:] - mesh[:-1], axis=1), np.linalg.norm(np.diff(points, axis=0), axis=1), atol=1e-3
    )


def test_unknown_choices_are_refused_by_name() -> None:
    with pytest.raises(BadInputError, match=r"got 'latral'\. Did you mean 'lateral'\?"):
        arrange(SURFACE, "pial", hemispheres="both", view="latral")
    with pytest.raises(BadInputError, match=r"got 'pail'\. Did you mean 'pial'\?"):
        arrange(SURFACE, "pail", hemispheres="both", view="lateral")
    with pytest.raises(BadInputError, match="got 'none'"):
        sides_of("none")


@pytest.mark.parametrize("azimuth", [0.0, 37.0, 180.0, 300.0])
@pytest.mark.parametrize("elevation", [-90.0, -20.0, 0.0, 90.0])
def test_camera_axes_are_orthonormal_and_upright(azimuth, elevation) -> None:
    right, up, forward = CameraPose(azimuth, elevation).axes()
    np.testing.assert_allclose(np.stack([right, up, forward]) @ np.stack([right, up, forward]).T, np.eye(3), atol=1e-12)
    assert up[2] >= -1e-12
    assert right[2] == pytest.approx(0)


def test_known_directions_of_the_camera() -> None:
    np.testing.assert_allclose(CameraPose(0, 0).axes()[2], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(CameraPose(90, 0).axes()[2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(CameraPose(0, 90).axes()[2], [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(CameraPose(0, 90).axes()[1], [0, 1, 0], atol=1e-12)


def test_fitted_pose_brings_every_point_into_view_and_fills_it() -> None:
    points = np.random.default_rng(1).normal(size=(200, 3)) * [40, 60, 20] + [5, -9, 3]
    pose = CameraPose(30, -25).fitted(points, aspect=1.5, margin=1.0)
    screen = pose.project(points, width=600, height=400)
    low, high = screen.min(axis=0), screen.max(axis=0)
    assert low.min() >= -1e-6
    assert (high <= np.array([600, 400]) + 1e-6).all()
    assert min(low[0] + 600 - high[0], low[1] + 400 - high[1]) == pytest.approx(0, abs=1e-6)


def test_zoom_keeps_the_point_under_the_pointer() -> None:
    pose = CameraPose(20, 10, scale=80)
    right, up, _ = pose.axes()
    point = np.asarray(pose.centre) + 2 * pose.scale * (0.3 * right - 0.2 * up)
    before = pose.project(point, width=500, height=400)
    after = pose.zoomed(2.5, across=0.3, up=-0.2).project(point, width=500, height=400)
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_pan_moves_the_scene_with_the_pointer() -> None:
    pose = CameraPose(20, 10, scale=80)
    point = np.array([3.0, 4.0, 5.0])
    moved = pose.panned(0.25, -0.1).project(point, width=500, height=400) - pose.project(point, width=500, height=400)
    np.testing.assert_allclose(moved, [100, -40], atol=1e-9)


def test_orbit_stops_at_the_poles_and_between_goes_the_short_way() -> None:
    assert CameraPose(0, 80).orbited(0, 10).elevation == 90
    assert CameraPose(350, 0).between(CameraPose(10, 0), 0.5).azimuth == pytest.approx(0)
    assert CameraPose(0, 0, scale=20).between(CameraPose(0, 0, scale=80), 0.5).scale == pytest.approx(40)
