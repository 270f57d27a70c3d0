"""The renderer against what must be seen: colours on a flat map, a hole, a large surface, a change and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.cortex.camera import CameraPose
from app.cortex.colour import CortexStyle
from app.cortex.layout import VIEWS, sides_of
from app.cortex.morph import MorphPath
from app.cortex.painter import CortexPainter
from app.cortex.picking import pick_vertex
from app.cortex.scene import BLACK, WHITE, Format, GraphicsError, Scene, to_rgb
from app.cortex.studio import open_renderer
from app.look.theme import DARK, LIGHT
from core.figures.probe_maps import ProbeMap
from core.surfaces.mesh import CorticalSurface
from tests.helpers.cortex import make_atlas, make_bare_half, make_cortex, make_icosphere, make_table

SHAPE = Format((300.0, 200.0), 1.0, ("#000000", "#000000"))


@pytest.fixture(scope="module")
def renderer(qapp):
    made = open_renderer()
    yield made
    made.close()


def make_scene(surface=None, geometry="inflated", hemispheres="both", view="lateral", **parts) -> Scene:
    used = surface or make_cortex()
    path = MorphPath(used, (geometry,), hemispheres=hemispheres, view=view)
    colours = tuple(np.full((n, 4), (200, 60, 60, 255), np.uint8) for n in used.n_vertices)
    scene = replace(Scene(path=path, sides=sides_of(hemispheres), colours=lambda: colours), **parts)
    angles = VIEWS["flat" if geometry == "flat" else view]
    pose = CameraPose(angles.azimuth, angles.elevation).fitted(scene.points(), aspect=1.5)
    return replace(scene, pose=pose)


def covered_by_force(scene: Scene, size: tuple[int, int]) -> np.ndarray:
    """Pixels whose middle lies in some triangle, by asking every triangle."""
    covered = np.zeros(size[::-1], bool)
    for _, mesh in scene.shown:
        corners = scene.pose.project(mesh.points, width=size[0], height=size[1])[mesh.faces]
        for triangle in corners:
            (left, top), (right, bottom) = np.floor(triangle.min(axis=0)), np.ceil(triangle.max(axis=0))
            x, y = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
            turns = [
                (b[0] - a[0]) * (y + 0.5 - a[1]) - (b[1] - a[1]) * (x + 0.5 - a[0])
                for a, b in zip(triangle, np.roll(triangle, -1, axis=0), strict=True)
            ]
            inside = (np.minimum.reduce(turns) >= 0) | (np.maximum.reduce(turns) <= 0)
            covered[y[inside].astype(int), x[inside].astype(int)] = True
    return covered


@pytest.mark.parametrize("geometry", ["inflated", "flat"])
def test_what_is_covered_is_what_the_triangles_cover(renderer, geometry) -> None:
    scene = make_scene(geometry=geometry)
    picture = renderer.draw(scene, SHAPE)
    drawn, expected = picture[..., 0] > 0, covered_by_force(scene, (300, 200))
    assert picture.shape == (200, 300, 4)
    assert (drawn != expected).mean() < 0.002  # along edges half a pixel is a matter of taste


def test_a_flat_map_has_the_very_colours_and_a_folded_one_is_shaded(renderer) -> None:
    flat = renderer.draw(make_scene(geometry="flat"), SHAPE)
    assert {tuple(rgb) for rgb in flat[flat[..., 0] > 0][:, :3].tolist()} == {(200, 60, 60)}
    folded = renderer.draw(make_scene(), SHAPE)
    assert len({tuple(rgb) for rgb in folded[folded[..., 0] > 0][:, :3].tolist()}) > 20


def test_another_scene_and_back_is_the_same_picture(renderer) -> None:
    first = make_scene(atlas=make_atlas(make_cortex()), marked=(1, 5), emphasised=None)
    before = renderer.draw(first, SHAPE)
    others = [
        replace(first, sides=(0,)),
        replace(first, outlined=False, marked=None),
        replace(first, pose=first.pose.orbited(0.3, 0.2)),
        make_scene(geometry="flat"),
        replace(first, emphasised=tuple((np.arange(n) < 30).astype(np.int16) for n in (162, 642))),
    ]
    for other in others:
        assert not np.array_equal(renderer.draw(other, SHAPE), before)
    renderer.draw(first, replace(SHAPE, ground=None), 2.0)
    assert np.array_equal(renderer.draw(first, SHAPE), before)


def test_a_larger_picture_shows_the_same(renderer) -> None:
    scene = make_scene()
    small, large = renderer.draw(scene, SHAPE), renderer.draw(scene, SHAPE, 2.0)
    assert large.shape == (400, 600, 4)
    means = large.reshape(200, 2, 300, 2, 4).mean(axis=(1, 3))
    assert np.abs(means - small).mean() < 2


@pytest.mark.parametrize(("fineness", "thinned"), [(4, False), (6, True)])
def test_a_hole_shows_the_ground_and_is_not_picked(renderer, fineness, thinned) -> None:
    unit, faces = make_icosphere(fineness)
    kept = faces[unit[faces][:, :, 1].mean(axis=1) > -0.9]  # open towards the viewer behind
    far = unit[:, 1] > 0
    kept = kept[~far[kept].all(axis=1) | (np.abs(unit[kept][:, :, 0]).min(axis=1) > 0.5)]  # and through to the front
    half = make_bare_half(50 * unit, kept)
    surface = CorticalSurface("holed", half, half)
    scene = make_scene(surface, hemispheres="left", view="posterior")
    picture = renderer.draw(replace(scene, thinned=thinned), SHAPE)
    x, y = scene.pose.project(np.zeros(3), width=300, height=200)
    assert not picture[round(float(y)), round(float(x)), :3].any()
    assert pick_vertex(scene, SHAPE.size, (float(x), float(y))) is None
    beside = scene.pose.project(50 * np.array([0.8, -0.6, 0.0]), width=300, height=200)
    assert picture[round(float(beside[1])), round(float(beside[0])), 0] > 0
    assert pick_vertex(scene, SHAPE.size, tuple(beside.tolist())) is not None


def make_large(**parts) -> Scene:
    """Two balls of 40,962 vertices in smooth colours, with ROIs."""
    unit, faces = make_icosphere(6)
    half = make_bare_half(50 * unit, faces)
    half = replace(half, geometries={**half.geometries, "sphere": (100 * unit).astype(np.float32)})
    surface = CorticalSurface("large", half, half)
    rgba = np.full((len(unit), 4), 255, np.uint8)
    rgba[:, :3] = np.round(127.5 + 120 * np.sin(3 * unit[:, [1, 2, 0]]))
    return make_scene(surface, colours=lambda: (rgba, rgba[:, [1, 2, 0, 3]]), **parts)


@pytest.mark.parametrize("named", [False, True])
def test_a_thinned_frame_is_nearly_the_full_one(renderer, named) -> None:
    scene = make_large()
    scene = replace(scene, atlas=make_atlas(scene.path.surface), marked=(1, 20_000)) if named else scene
    full, thinned = (renderer.draw(replace(scene, thinned=one), SHAPE, 2.0)[..., :3].astype(float) for one in (0, 1))
    assert not np.array_equal(full, thinned)
    assert abs(full.mean() - thinned.mean()) < 0.2
    assert np.abs(full - thinned).mean() < (2.0 if named else 0.3)
    assert np.array_equal(renderer.draw(scene, SHAPE, 2.0)[..., :3], full)


def test_a_thinned_frame_has_the_colours_of_the_vertices_it_keeps_and_follows_them(renderer) -> None:
    scene = make_large()
    for colours in (scene.colours, lambda: tuple(255 - one for one in scene.colours())):
        renderer.draw(replace(scene, colours=colours, thinned=True), SHAPE)
        for side, mesh in enumerate(scene.meshes):
            data = renderer._meshes[2 + side].data
            kept, points, seen = mesh.thinned.kept, np.asarray(data.points), data.GetPointData().GetScalars()
            assert len(kept) == 10_242
            assert np.array_equal(points, mesh.points[kept]) and np.array_equal(seen, colours()[side][kept])


def test_values_that_are_all_unknown_show_the_bare_cortex(renderer) -> None:
    painter = CortexPainter()
    painter.surface = make_cortex()
    painter.set_voxels(make_table(painter.surface))
    bare = renderer.draw(make_scene(colours=painter.colours), SHAPE)
    unknown = CortexPainter()
    unknown.surface = make_cortex()
    unknown.set_voxels(make_table(unknown.surface))
    unknown.set_map(ProbeMap(np.full(unknown.voxels.table.n_voxels, np.nan), "", "", diverging=True))
    assert np.array_equal(renderer.draw(make_scene(colours=unknown.colours), SHAPE), bare)


def test_a_surface_of_330_000_vertices_is_drawn_and_picked(renderer) -> None:
    unit, faces = make_icosphere(7)  # 163,842 vertices
    half = make_bare_half(60 * unit, faces)
    surface = CorticalSurface("fine", half, half)
    scene = make_scene(surface, view="posterior")
    assert sum(surface.n_vertices) > 327_000
    drawn = renderer.draw(scene, SHAPE)[..., 0] > 0
    radius = 60 * 200 / (2 * scene.pose.scale)
    assert drawn.sum() == pytest.approx(2 * np.pi * radius**2, rel=0.02)
    mesh = scene.meshes[1]
    vertex = int(np.argmin(mesh.points @ scene.pose.axes()[2]))
    x, y = scene.pose.project(mesh.points[vertex], width=300, height=200)
    assert pick_vertex(scene, SHAPE.size, (float(x), float(y))).vertex == vertex


class Lost:
    """A render window whose context a driver took away."""

    def __init__(self, window) -> None:
        self._window = window

    def __getattr__(self, name: str):
        return (lambda: False) if name == "IsCurrent" else getattr(self._window, name)


def test_a_lost_context_is_told_and_not_drawn_into(qapp) -> None:
    made = open_renderer()
    made._window = Lost(made._window)
    with pytest.raises(GraphicsError):
        made.draw(make_scene(), SHAPE)
    made.close()


def test_nothing_to_show_is_the_ground(renderer) -> None:
    picture = renderer.draw(Scene(), replace(SHAPE, ground=("#102030", "#102030")))
    assert (picture.reshape(-1, 4) == (0x10, 0x20, 0x30, 255)).all()


@pytest.mark.parametrize(("ink", "theme", "halo"), [("", DARK, BLACK), ("", LIGHT, WHITE), ("#ffd23f", LIGHT, BLACK)])
def test_outlines_have_the_width_and_ink_asked_for_over_a_halo_of_the_opposite_lightness(
    renderer, ink, theme, halo
) -> None:
    style = CortexStyle(line_width=3.0, line_ink=ink)
    renderer.draw(make_scene(atlas=make_atlas(make_cortex()), style=style, theme=theme), SHAPE, 2.0)
    from app.cortex.renderer import HALO_WIDTH

    line = renderer.lines["outlines"][1]
    assert line.actor.GetProperty().GetLineWidth() == 6.0
    assert line.halo.GetProperty().GetLineWidth() == pytest.approx(2 * (3.0 + HALO_WIDTH))
    assert line.halo.GetProperty().GetColor() == pytest.approx(to_rgb(halo))
    expected = ink or (WHITE if theme.is_dark else BLACK)
    assert line.actor.GetProperty().GetColor() == pytest.approx(to_rgb(expected))


@pytest.mark.parametrize("colour", [(255, 255, 255), (20, 22, 28), (128, 128, 128)])
@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_an_outline_stands_out_from_every_colour_of_a_flat_map(renderer, colour, theme) -> None:
    surface = make_cortex()
    plain = tuple(np.full((n, 4), (*colour, 255), np.uint8) for n in surface.n_vertices)
    scene = make_scene(geometry="flat", atlas=make_atlas(surface), theme=theme)
    scene = replace(scene, colours=lambda: plain)
    without = renderer.draw(replace(scene, outlined=False), SHAPE, 2.0)[..., :3].astype(float).mean(axis=-1)
    drawn = renderer.draw(scene, SHAPE, 2.0)[..., :3].astype(float).mean(axis=-1)
    changed = np.abs(drawn - without)
    assert (changed > 60).sum() > 500, "line or halo, one of them is far from the map"
