"""Going to places: peaks by numpy on the values, the matching place by hand, and that what is gone to is in sight."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from app.base.problems import Problems
from app.cortex.travel import FARTHEST, Travel
from app.cortex.view import CortexView
from core.datasets.subject import load_subject
from core.figures.probe_maps import ProbeMap
from core.probes.target import target_roi
from core.surfaces.anatomy import find_homologue
from core.surfaces.placing import place_voxels


@pytest.fixture(scope="module")
def placed():
    return place_voxels(load_subject("simulated").voxels, "fsaverage5")


@pytest.fixture
def travel(qtbot, placed):
    view = CortexView()
    qtbot.addWidget(view)
    view.resize(700, 600)
    view.set_surface(placed.surface)
    view.set_atlas(placed.atlas)
    view.set_voxels(placed.voxels)
    rng = np.random.default_rng(0)
    values = rng.normal(size=placed.voxels.n_voxels).astype(np.float32)
    values[::11] = np.nan
    view.set_map(ProbeMap(values, title="Shift", unit="SD", diverging=True, limit=3.0))
    state = SimpleNamespace(target=None, subject=SimpleNamespace(voxels=placed.voxels))
    services = SimpleNamespace(state=state, problems=Problems(), settings=None)
    made = Travel(SimpleNamespace(services=services, parent=None, say=lambda *_: None), view)
    made.values = values
    yield made
    view.canvas.close_canvas()


def voxel_of(travel) -> int:
    return travel._view.voxel_cursor.voxel


def is_in_sight(travel) -> bool:
    view = travel._view
    side, vertex = view.painter.place_of(voxel_of(travel))
    mesh = view.canvas.scene.meshes[side]
    inside = view.canvas.rect().contains(view.canvas.screen_position(mesh.points[vertex]).toPoint())
    return inside and side in view.canvas.scene.sides and mesh.normals[vertex] @ view.canvas.pose.axes()[2] < 0


def test_the_peak_of_the_map_is_its_largest_size_and_comes_into_sight(travel) -> None:
    for side in ("anterior", "posterior", "flat"):
        travel._view.set_named_view(side)
        travel.commands()["peak_map"]()
        assert voxel_of(travel) == np.nanargmax(np.abs(travel.values))
        assert side == "flat" or is_in_sight(travel)
    travel._view.set_hemispheres("left")
    travel.values[:] = 0
    right = int(np.flatnonzero(travel._view.painter.voxels.table.hemisphere == 1)[5])
    travel.values[right] = -2.0
    travel._view.set_map(ProbeMap(travel.values, title="Shift", unit="SD", diverging=True, limit=3.0))
    travel.commands()["peak_map"]()
    assert voxel_of(travel) == right
    assert is_in_sight(travel)


def test_dimmed_and_thresholded_voxels_are_no_peak(travel) -> None:
    view, size = travel._view, np.abs(np.nan_to_num(travel.values))
    order = np.argsort(-size)
    dimmed = np.zeros(len(size), bool)
    dimmed[order[:3]] = True
    view.set_dimmed(dimmed)
    travel.commands()["peak_map"]()
    assert voxel_of(travel) == order[3]
    view.set_map(ProbeMap(np.abs(travel.values), title="r", unit="", diverging=False, limit=3.0))
    view.set_map(ProbeMap(-np.abs(travel.values), title="r", unit="", diverging=False, limit=3.0))
    travel.commands()["peak_map"]()
    assert voxel_of(travel) == np.nanargmax(np.where(dimmed, np.nan, -np.abs(travel.values)))


def test_the_peak_in_view_is_among_what_is_seen(travel) -> None:
    view = travel._view
    view.set_named_view("lateral")
    table, canvas = view.painter.voxels.table, view.canvas
    best, found = -1.0, -1
    for voxel in range(table.n_voxels):
        mesh = canvas.scene.meshes[table.hemisphere[voxel]]
        at = canvas.screen_position(mesh.points[table.vertex[voxel]])
        faces = mesh.normals[table.vertex[voxel]] @ -canvas.pose.axes()[2] > 0
        if (
            faces
            and 0 <= at.x() <= canvas.width()
            and 0 <= at.y() <= canvas.height()
            and abs(travel.values[voxel]) > best
        ):
            best, found = abs(travel.values[voxel]), voxel
    travel.commands()["peak_view"]()
    assert voxel_of(travel) == found


def test_the_peak_in_an_roi_may_be_in_one_hemisphere(travel, placed) -> None:
    for roi, mask in (
        ("FFA", np.array(placed.voxels.roi) == "FFA"),
        ("left FFA", (np.array(placed.voxels.roi) == "FFA") & (placed.voxels.hemisphere == 0)),
    ):
        travel._session.state.target = target_roi(placed.voxels, roi)
        travel.commands()["peak_roi"]()
        assert voxel_of(travel) == np.nanargmax(np.where(mask, np.abs(travel.values), np.nan))


def test_the_same_place_of_the_other_hemisphere(travel, placed) -> None:
    table, white = placed.voxels, placed.surface.right.geometries["white"]
    start = int(np.flatnonzero((np.array(table.roi) == "V1") & (table.hemisphere == 0))[20])
    travel._view.select_voxel(start)
    travel.homologue()
    found = voxel_of(travel)
    goal = white[find_homologue(placed.surface, 0, int(table.vertex[start]))]
    assert table.hemisphere[found] == 1
    assert table.roi[found] == "V1"
    right = np.flatnonzero(table.hemisphere == 1)
    assert found == right[np.argmin(np.linalg.norm(white[table.vertex[right]] - goal, axis=1))]


def test_without_a_voxel_a_map_or_a_match_it_says_so(travel, placed, qtbot) -> None:
    told: list[str] = []
    travel._view.refused.connect(told.append)
    travel.homologue()
    assert told[-1].startswith("Choose a voxel first")
    travel.commands()["peak_roi"]()
    assert told[-1] == "Choose a voxel in an ROI, or an ROI, first"
    alone = int(np.flatnonzero(np.array(placed.voxels.roi) == "VWFA")[0])
    travel._view.select_voxel(alone)
    travel.homologue()
    arrived = placed.voxels.hemisphere[voxel_of(travel)] == 1
    assert arrived or told[-1].startswith(f"No voxel lies within {FARTHEST:g} mm")
    travel._view.set_map(ProbeMap(None, title="", unit="", diverging=True))
    travel.commands()["peak_map"]()
    assert told[-1] == "No voxel of the map has a value that is shown"


def test_a_hemisphere_is_hidden_and_comes_back(travel) -> None:
    hide = travel.commands()["hide_left"]
    hide()
    assert travel._view.hemispheres == "right"
    hide()
    assert travel._view.hemispheres == "both"
    travel.commands()["hide_right"]()
    assert travel._view.hemispheres == "left"
