"""Vertex colours: threshold, gate and marks change exactly the vertices they should."""

from __future__ import annotations

import numpy as np
import pytest

from app.cortex.colour import FADE, OPACITY, CortexStyle, colour_values, compose, shade_curvature
from app.cortex.painter import CortexPainter
from core.errors import BadInputError
from core.figures.colour_key import ColourKey
from core.figures.probe_maps import ProbeMap
from core.surfaces.colormap import find_colormap
from tests.helpers.cortex import make_atlas, make_cortex, make_table


@pytest.fixture
def painter() -> CortexPainter:
    painter = CortexPainter()
    painter.surface = make_cortex()
    painter.set_voxels(make_table(painter.surface))
    return painter


def table_of(painter):
    return painter.voxels.table


def changed(before, after):
    """The (side, vertex) pairs whose colour differs."""
    pairs = set()
    for side in (0, 1):
        pairs |= {(side, int(v)) for v in np.flatnonzero((before[side] != after[side]).any(axis=1))}
    return pairs


def places(painter, mask):
    table = table_of(painter)
    return {(int(table.hemisphere[v]), int(table.vertex[v])) for v in np.flatnonzero(mask)}


def test_values_colour_exactly_their_vertices(painter) -> None:
    bare = painter.colours()
    values = np.full(table_of(painter).n_voxels, np.nan, dtype=np.float32)
    values[[3, 200, 500]] = [1.0, -1.0, 0.5]
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=1.0))
    assert changed(bare, painter.colours()) == places(painter, np.isfinite(values))


def test_a_vertex_takes_the_colour_of_the_bar_over_its_grey(painter) -> None:
    values = np.full(table_of(painter).n_voxels, np.nan, dtype=np.float32)
    values[10] = 2.0
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=2.0))
    side, vertex = painter.voxels.vertex_of(10)
    grey = np.array(painter.greys)[int(painter.surface.side(side).curvature[vertex] > 0)]
    expected = np.round(OPACITY * find_colormap("polar").table[-1].astype(float) + (1 - OPACITY) * grey)
    np.testing.assert_allclose(painter.colours()[side][vertex, :3], expected, atol=1)
    assert painter.colours()[side][vertex, 3] == 255


def test_threshold_clears_exactly_the_values_under_it(painter) -> None:
    painter.style = CortexStyle(fades=False)
    values = np.linspace(-2, 2, table_of(painter).n_voxels).astype(np.float32)
    bare = painter.colours()
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=2.0))
    full = painter.colours()
    painter.set_threshold(0.7)
    cut = painter.colours()
    hidden = np.abs(values) < 0.7
    assert changed(full, cut) == places(painter, hidden)
    assert changed(bare, cut) == places(painter, ~hidden)


def test_a_sequential_map_hides_what_is_below_the_threshold_on_the_negative_side_too(painter) -> None:
    values = np.linspace(-1, 1, table_of(painter).n_voxels).astype(np.float32)
    bare = painter.colours()
    painter.set_map(ProbeMap(values, "", "", diverging=False, limit=1.0))
    painter.set_threshold(0.4)
    assert changed(bare, painter.colours()) == places(painter, values >= 0.4)


def test_the_gate_changes_exactly_the_dimmed_voxels_and_takes_their_colour(painter) -> None:
    values = np.full(table_of(painter).n_voxels, 1.0, dtype=np.float32)
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=1.0))
    full = painter.colours()
    mask = np.zeros(len(values), dtype=bool)
    mask[5:80:3] = True
    painter.set_dimmed(mask)
    dimmed = painter.colours()
    assert changed(full, dimmed) == places(painter, mask)
    side, vertex = painter.voxels.vertex_of(5)
    spread = [np.ptp(colours[side][vertex, :3].astype(int)) for colours in (full, dimmed)]
    assert spread[1] < 0.3 * spread[0]
    painter.set_dimmed(None)
    assert changed(full, painter.colours()) == set()


def test_a_set_is_outlined_and_hides_no_value(painter) -> None:
    values = np.full(table_of(painter).n_voxels, 1.0, dtype=np.float32)
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=1.0))
    full, labels = painter.colours(), painter.set_labels([7, 400])
    mask = np.isin(np.arange(len(values)), [7, 400])
    assert {(side, int(v)) for side in (0, 1) for v in np.flatnonzero(labels[side])} == places(painter, mask)
    assert changed(full, painter.colours()) == set()
    assert painter.set_labels([]) is None


def test_regions_colour_every_labelled_vertex(painter) -> None:
    painter.atlas = make_atlas(painter.surface)
    bare = painter.colours()
    painter.shows_regions = True
    expected = {(side, int(v)) for side in (0, 1) for v in np.flatnonzero(painter.atlas.labels(side))}
    assert changed(bare, painter.colours()) == expected
    assert painter.scale is None


def test_another_subject_forgets_the_old_map(painter) -> None:
    bare = painter.colours()
    painter.set_map(ProbeMap(np.ones(table_of(painter).n_voxels, dtype=np.float32), "", "", diverging=True))
    painter.set_voxels(make_table(painter.surface))
    assert changed(bare, painter.colours()) == set()


def test_wrong_lengths_are_refused_with_the_number_wanted(painter) -> None:
    n_voxels = table_of(painter).n_voxels
    with pytest.raises(BadInputError, match=rf"`values` must be {n_voxels} numbers.*got \(3,\)"):
        painter.set_map(ProbeMap(np.zeros(3), "", "", diverging=True))
    with pytest.raises(BadInputError, match=r"`mask` must be .* got \(4,\)"):
        painter.set_dimmed(np.zeros(4, dtype=bool))


def test_colour_map_choice_is_kept_for_its_kind(painter) -> None:
    values = np.ones(table_of(painter).n_voxels, dtype=np.float32)
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=1.0))
    painter.set_colormap("viridis")
    assert painter.scale.colormap.name == "polar"
    painter.set_map(ProbeMap(values, "", "", diverging=False, limit=1.0))
    assert painter.scale.colormap.name == "viridis"


def test_limits_found_from_data(painter) -> None:
    def find_limit(values: np.ndarray, *, diverging: bool) -> float:
        painter.set_map(ProbeMap(values, "", "", diverging=diverging))
        return painter.scale.limit

    n_voxels = table_of(painter).n_voxels
    values = np.linspace(-1, 1, n_voxels)
    values[:2] = np.nan, 50.0
    assert find_limit(values, diverging=True) == pytest.approx(np.nanpercentile(np.abs(values), 99))
    assert find_limit(-np.ones(n_voxels), diverging=False) == 1.0
    assert find_limit(np.full(n_voxels, np.nan), diverging=True) == 1.0
    assert find_limit(np.zeros(n_voxels), diverging=True) == 1.0


def test_curvature_makes_two_greys_with_a_soft_edge() -> None:
    shades = shade_curvature(np.array([-1.0, -0.02, 0.0, 0.02, 1.0]), gyrus=200, sulcus=100)
    np.testing.assert_allclose(shades[:, 0], [200, 200, 150, 100, 100])
    assert (shades == shades[:, :1]).all()


def test_compose_without_layers_is_the_underlay() -> None:
    underlay = np.array([[10.0, 20.0, 30.0]], dtype=np.float32)
    np.testing.assert_array_equal(compose(underlay, []), [[10, 20, 30, 255]])
    layer = colour_values(np.array([np.nan]), ColourKey(find_colormap("polar"), "", "", 1.0), dimmed=np.array([False]))
    np.testing.assert_array_equal(compose(underlay, [layer]), [[10, 20, 30, 255]])


@pytest.mark.parametrize(("fades", "opacity"), [(True, OPACITY), (False, OPACITY), (True, 0.5), (False, 0.25)])
def test_near_zero_a_diverging_map_fades_into_the_curvature(painter, fades, opacity) -> None:
    table = table_of(painter)
    values = np.linspace(-2, 2, table.n_voxels).astype(np.float32)
    values[::9] = np.nan
    bare = painter.colours()
    painter.style = CortexStyle(fades=fades, opacity=opacity)
    painter.set_map(ProbeMap(values, "", "", diverging=True, limit=2.0))
    shown, colours = painter.colours(), find_colormap("polar").table.astype(float)
    for voxel in range(0, table.n_voxels, 5):
        side, vertex, value = table.hemisphere[voxel], table.vertex[voxel], float(values[voxel])
        cover = 0.0 if np.isnan(value) else opacity * (min(1.0, abs(value) / (FADE * 2.0)) if fades else 1.0)
        row = 0 if np.isnan(value) else min(255, int(256 * (value / 2 + 1) / 2))
        expected = cover * colours[row] + (1 - cover) * bare[side][vertex, :3]
        assert np.abs(shown[side][vertex, :3] - expected).max() <= 1


def test_a_sequential_map_never_fades(painter) -> None:
    values = np.full(table_of(painter).n_voxels, 0.01, np.float32)
    painter.set_map(ProbeMap(values, "", "", diverging=False, limit=2.0))
    first = painter.colours()
    painter.style = CortexStyle(fades=False)
    assert all(np.array_equal(one, other) for one, other in zip(first, painter.colours(), strict=True))
