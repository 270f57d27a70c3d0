"""A second map: the opacity of every vertex and the contoured voxels against numpy, the bar, the menu; four views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.cortex.colour import OPACITY, CortexStyle
from app.cortex.montage import SCALE, SIDES, TILE, draw_montage, seen_from
from app.cortex.over import Over, make_over
from app.cortex.painter import CortexPainter
from app.cortex.panel import CortexPanel
from app.cortex.pose import capture_view, show_view
from core.figures.probe_maps import ProbeMap
from core.surfaces.colormap import find_colormap
from tests.helpers.cortex import make_atlas, make_cortex, make_table

TABLE = make_table(make_cortex())


@pytest.fixture
def panel(qtbot):
    panel = CortexPanel()
    panel.view.set_surface(make_cortex())
    panel.view.set_voxels(TABLE)
    panel.view.set_atlas(make_atlas(make_cortex()))
    qtbot.addWidget(panel)
    yield panel
    panel.view.canvas.close_canvas()


def second(diverging=False) -> tuple[np.ndarray, ProbeMap]:
    values = np.random.default_rng(1).uniform(-0.2, 0.8, TABLE.n_voxels).astype(np.float32)
    values[::8] = np.nan
    return values, ProbeMap(values, "Accuracy", "held-out r", diverging=diverging, limit=0.8)


@pytest.mark.parametrize("diverging", [True, False])
@pytest.mark.parametrize("level", [0.25, 0.75])
def test_a_2d_map_is_the_first_map_with_the_second_as_its_opacity(diverging, level) -> None:
    painter = CortexPainter()
    painter.surface = make_cortex()
    painter.set_voxels(TABLE)
    painter.style = CortexStyle(fades=False)
    bare = painter.colours()
    first = np.random.default_rng(0).uniform(-2, 2, TABLE.n_voxels).astype(np.float32)
    painter.set_map(ProbeMap(first, diverging=True, limit=2.0, title="Shift", unit="SD"))
    values, made = second(diverging)
    painter.over = make_over(made, "Encoder r", "opacity", level)
    colours, table = painter.colours(), find_colormap("polar").table.astype(float)
    size = np.abs(values) if diverging else values
    for voxel in range(0, TABLE.n_voxels, 3):
        side, vertex = TABLE.hemisphere[voxel], TABLE.vertex[voxel]
        cover = 0.0 if np.isnan(size[voxel]) else OPACITY * min(1.0, max(0.0, size[voxel] / (level * 0.8)))
        row = min(255, int(256 * (first[voxel] / 2 + 1) / 2))
        expected = cover * table[row] + (1 - cover) * bare[side][vertex, :3]
        assert np.abs(colours[side][vertex, :3] - expected).max() <= 1
    assert painter.scale.caption() == f"Shift (SD) × Encoder r to {level * 0.8:.2g}"
    bar = painter.scale.over("#000000").astype(float)
    assert bar.shape == (16, 256, 3)
    np.testing.assert_allclose(bar[0], table, atol=1)
    assert not bar[-1].any()
    np.testing.assert_allclose(bar[5], table * (10 / 15), atol=1)


def test_contours_run_round_the_voxels_from_the_level_on(panel) -> None:
    values, made = second()
    panel.view.set_map(
        ProbeMap(np.ones(TABLE.n_voxels, np.float32), title="Shift", unit="SD", diverging=True, limit=2.0)
    )
    before = panel.view.painter.colours()
    panel.view.set_over(made, mode="contours", level=0.5)
    labels = panel.view.canvas.scene.contours
    inside = np.nan_to_num(values, nan=-1) >= 0.4
    for side in (0, 1):
        here = TABLE.vertex[inside & (TABLE.hemisphere == side)]
        assert np.flatnonzero(labels[side]).tolist() == sorted(here.tolist())
    assert all(np.array_equal(a, b) for a, b in zip(before, panel.view.painter.colours(), strict=True))
    assert panel.view.colour_bar.reading.caption() == "Shift (SD) · contour Accuracy ≥ 0.4"
    panel.view.set_over(None)
    assert panel.view.canvas.scene.contours is None
    assert panel.view.colour_bar.reading.caption() == "Shift (SD)"


def test_a_map_without_values_is_no_second_map_and_another_subject_forgets_it(panel) -> None:
    assert make_over(None, "", "opacity", 0.5) is None
    assert make_over(ProbeMap(None, "r", "", diverging=False), "", "opacity", 0.5) is None
    panel.view.set_over(second()[1])
    assert isinstance(panel.view.painter.over, Over)
    panel.view.set_voxels(replace(TABLE))
    assert panel.view.painter.over is None


def test_the_menu_chooses_one_of_each_and_a_session_keeps_it(panel, qtbot) -> None:
    assert panel.over.value() == ("", "opacity", "0.5")
    menu = panel.over.button.menu()
    for title in ("Encoder r", "As contours over the first map", "From 75 % of its range"):
        with qtbot.waitSignal(panel.look_changed):
            next(action for action in menu.actions() if action.text() == title).trigger()
    assert panel.over.value() == ("r", "contours", "0.75")
    record = capture_view(panel)
    panel.over.set_value("", "opacity", "0.5")
    show_view(panel, record)
    assert panel.over.value() == ("r", "contours", "0.75")
    panel.over.set_value("gone", "opacity")
    assert panel.over.value() == ("r", "opacity", "0.75")


class TestMontage:
    @pytest.mark.parametrize("geometry", ["inflated", "flat", "pial"])
    def test_every_side_is_laid_out_and_framed_as_its_view_is(self, panel, geometry) -> None:
        view = panel.view
        view.set_geometry(geometry)
        folded = "inflated" if geometry == "flat" else geometry
        for side in SIDES:
            scene = seen_from(view.canvas.scene, view.surface, side)
            view.set_geometry(folded)
            view.set_named_view(side)
            for (_, mesh), (_, shown) in zip(scene.shown, view.canvas.scene.shown, strict=True):
                np.testing.assert_array_equal(mesh.points, shown.points)
            pose, other = scene.pose, view.canvas.pose
            assert (pose.azimuth, pose.elevation) == (other.azimuth, other.elevation)
            at = pose.project(scene.points(), width=TILE[0], height=TILE[1])
            assert (at >= 0).all()
            assert (at <= TILE).all()
            view.set_geometry(geometry)

    def test_the_picture_holds_the_four_views_and_the_colour_bar(self, panel) -> None:
        panel.resize(500, 400)
        values = np.linspace(-2, 2, TABLE.n_voxels).astype(np.float32)
        panel.view.set_map(ProbeMap(values, title="Shift", unit="SD", diverging=True, limit=2.0))
        image = draw_montage(panel.view)
        assert (image.width(), image.height()) == (2 * TILE[0] * SCALE, (2 * TILE[1] + 70) * SCALE)
        small = image.scaled(2 * TILE[0], 2 * TILE[1] + 70)
        ground = small.pixelColor(3, 100)
        for x in (0, 1):
            for y in (0, 1):
                tile = [
                    small.pixelColor(x * TILE[0] + column, y * TILE[1] + row)
                    for column in range(0, TILE[0], 20)
                    for row in range(0, TILE[1], 20)
                ]
                assert sum(colour != ground for colour in tile) > 0.2 * len(tile)


def test_views_are_framed_on_the_voxels_that_are_seen_or_on_all(panel) -> None:
    view = panel.view
    few = replace(TABLE, paint=TABLE.paint[(TABLE.paint[:, 0] == 0) & (TABLE.paint[:, 1] < 12)])
    view.set_voxels(few)
    view.set_hemispheres("left")
    view.set_named_view("lateral")
    mesh, pose, canvas = view.canvas.scene.meshes[0], view.canvas.pose, view.canvas
    seen = [v for v in few.paint[:, 1] if mesh.normals[v] @ -pose.axes()[2] > 0]
    at = pose.project(mesh.points[seen], width=canvas.width(), height=canvas.height())
    middle = (at.min(axis=0) + at.max(axis=0)) / 2
    assert middle == pytest.approx([canvas.width() / 2, canvas.height() / 2], abs=0.5)
    span = np.ptp(at, axis=0) / (canvas.width(), canvas.height())
    assert span.max() == pytest.approx(1 / 1.1, abs=0.01)
    view.set_style(CortexStyle(framed=False))
    whole = pose.fitted(view.canvas.scene.points(), aspect=canvas.width() / canvas.height(), margin=1.1)
    assert view.canvas.pose.scale == pytest.approx(whole.scale)


def test_where_none_of_the_voxels_faces_the_viewer_the_whole_cortex_is_shown(panel) -> None:
    view = panel.view
    sphere = make_cortex().left.geometries["sphere"]
    behind = set(np.flatnonzero(sphere[:, 1] < -80).tolist())
    rows = [row for row in TABLE.paint.tolist() if row[0] == 0 and row[1] in behind]
    view.set_voxels(replace(TABLE, paint=np.array(rows, np.int32)))
    view.set_hemispheres("left")
    view.set_named_view("anterior")
    canvas = view.canvas
    whole = canvas.pose.fitted(canvas.scene.points(), aspect=canvas.width() / canvas.height(), margin=1.1)
    assert canvas.pose.scale == pytest.approx(whole.scale)
    view.set_named_view("posterior")
    assert canvas.pose.scale < 0.7 * whole.scale
