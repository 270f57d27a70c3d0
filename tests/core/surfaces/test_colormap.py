"""Colour maps: those of their names, the defaults safe for colour-blind eyes, and exact look-up."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.colormap import ColormapKind, distinct_colours, find_colormap, list_colormaps
from core.surfaces.map_names import OLD_NAMES
from tests.helpers.colour_sight import BLIND, NAMES, USUAL, seen_by

DIVERGING = list_colormaps(ColormapKind.DIVERGING)
SEQUENTIAL = list_colormaps(ColormapKind.SEQUENTIAL)
UNEVEN = {
    "magma": 2.4,
    "inferno": 2.4,
    "Blues_r": 2.5,
    "coolwarm": 2.7,
    "RdBu_r": 3.1,
    "PuOr_r": 2.8,
    "berlin": 2.4,
    "cold_hot": 9.7,
}
TILTED = {"PuOr_r": 0.2, "berlin": 0.08, "cold_hot": 0.18}
TINTED = {"berlin": 0.024, "cold_hot": 0.05}
ALIKE = {"RdBu_r": 0.073, "PuOr_r": 0.074, "cold_hot": -1.0}
WAVERING = {"berlin": -0.003, "cividis": -0.0013}
"""Maps that the field knows by name, and what each holds where it does not hold the bound. The defaults hold all."""


def test_the_defaults_hold_every_bound() -> None:
    defaults = {DIVERGING[0].name, SEQUENTIAL[0].name}
    assert defaults == {"polar", "viridis"}
    assert not defaults & {*UNEVEN, *TILTED, *TINTED, *ALIKE, *WAVERING}


def lab_of(table: np.ndarray) -> np.ndarray:
    return seen_by(USUAL, table.astype(np.float64))


def test_oklab_of_white_black_and_the_published_red() -> None:
    colours = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], dtype=np.uint8)
    expected = [[1, 0, 0], [0, 0, 0], [0.62796, 0.22486, 0.12585]]
    np.testing.assert_allclose(lab_of(colours), expected, atol=1e-4)


@pytest.mark.parametrize("matrix", BLIND, ids=NAMES)
def test_greys_look_the_same_to_all_eyes(matrix) -> None:
    grey = np.linspace(0, 255, 5)[:, None] * np.ones(3)
    np.testing.assert_allclose(seen_by(matrix, grey), lab_of(grey), atol=2e-3)


@pytest.mark.parametrize("colormap", [*DIVERGING[1:], *SEQUENTIAL], ids=lambda c: c.name)
def test_a_map_is_the_one_of_that_name(colormap) -> None:
    from nilearn.plotting.cm import cold_hot  # type: ignore[attr-defined]

    places = np.linspace(0, 1, 256)
    published = cold_hot(places) if colormap.name == "cold_hot" else matplotlib.colormaps[colormap.name](places)
    assert np.abs(colormap.table / 255 - published[:, :3]).max() < 1.5 / 255


def test_polar_is_the_map_of_version_0_3() -> None:
    colours = {0: (24, 68, 185), 64: (83, 168, 237), 127: (238, 238, 238), 192: (237, 127, 69), 255: (158, 0, 14)}
    table = find_colormap("polar").table.astype(int)
    assert np.abs(table[list(colours)] - list(colours.values())).max() <= 3  # drawn through 33 of its 256 colours


@pytest.mark.parametrize("old", OLD_NAMES)
def test_a_name_of_version_0_3_finds_a_map_of_its_kind(old) -> None:
    kind = ColormapKind.DIVERGING if old in ("aurora", "heath") else ColormapKind.SEQUENTIAL
    assert find_colormap(old).name in [colormap.name for colormap in list_colormaps(kind)]


@pytest.mark.parametrize("colormap", DIVERGING, ids=lambda c: c.name)
def test_diverging_maps_mirror_in_lightness(colormap) -> None:
    lightness = lab_of(colormap.table)[:, 0]
    assert np.abs(lightness - lightness[::-1]).max() < TILTED.get(colormap.name, 0.06)
    middle = lab_of(colormap.table[127:129])
    assert np.hypot(middle[:, 1], middle[:, 2]).max() < TINTED.get(colormap.name, 0.02)


@pytest.mark.parametrize("colormap", SEQUENTIAL, ids=lambda c: c.name)
def test_sequential_maps_rise_in_lightness(colormap) -> None:
    lightness = lab_of(colormap.table)[:, 0]
    assert np.diff(lightness).min() > -0.003  # one 8-bit step of rounding
    assert lightness[-1] - lightness[0] > 0.55


@pytest.mark.parametrize("colormap", [*DIVERGING, *SEQUENTIAL], ids=lambda c: c.name)
def test_steps_are_even(colormap) -> None:
    lab = lab_of(colormap.table)
    reach = np.linalg.norm(lab[8:] - lab[:-8], axis=1)
    if colormap.kind is ColormapKind.DIVERGING:
        reach = np.concatenate([reach[:116], reach[132:]])  # not across the corner in the middle
    assert reach.max() / reach.min() < UNEVEN.get(colormap.name, 2.0)


@pytest.mark.parametrize("matrix", BLIND, ids=NAMES)
@pytest.mark.parametrize("colormap", DIVERGING, ids=lambda c: c.name)
def test_colour_blind_eyes_tell_raise_from_lower(colormap, matrix) -> None:
    seen = seen_by(matrix, colormap.table.astype(np.float64))
    apart = np.linalg.norm(seen - seen[::-1], axis=1)
    assert apart[:96].min() > ALIKE.get(colormap.name, 0.08)


@pytest.mark.parametrize("matrix", BLIND, ids=NAMES)
@pytest.mark.parametrize("colormap", [*DIVERGING, *SEQUENTIAL], ids=lambda c: c.name)
def test_colour_blind_eyes_see_lightness_change_one_way(colormap, matrix) -> None:
    lightness = seen_by(matrix, colormap.table.astype(np.float64))[:, 0]
    halves = [lightness] if colormap.kind is ColormapKind.SEQUENTIAL else [lightness[:128], lightness[128:]]
    for half in halves:
        steps = np.diff(half)
        assert (steps * np.sign(half[-1] - half[0])).min() > WAVERING.get(
            colormap.name, -0.001
        )  # an 8-bit step of rounding
        assert abs(half[-1] - half[0]) > 0.3


@pytest.mark.parametrize("matrix", [USUAL, *BLIND], ids=["usual", *NAMES])
@pytest.mark.parametrize(("n", "least"), [(8, 0.11), (12, 0.07), (24, 0.05)])
def test_all_eyes_tell_roi_colours_apart(n, least, matrix) -> None:
    seen = seen_by(matrix, distinct_colours(n).astype(np.float64))
    gaps = np.linalg.norm(seen[:, None] - seen[None], axis=2) + 9 * np.eye(n)
    assert gaps.min() > least


def test_look_up_takes_ends_middle_and_nan() -> None:
    colormap = find_colormap("polar")
    colours = colormap.look_up(np.array([-3.0, 0.0, 0.5, 1.0, 7.0, np.nan, np.inf], dtype=np.float32))
    expected = colormap.table[[0, 0, 128, 255, 255, 0, 255]]
    np.testing.assert_array_equal(colours, expected)


def test_an_unknown_map_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInputError, match=r"got 'polr'\. Did you mean 'polar'\?"):
        find_colormap("polr")


def test_distinct_colours_stay_apart_and_do_not_depend_on_how_many() -> None:
    few, many = distinct_colours(8), distinct_colours(24)
    np.testing.assert_array_equal(few, many[:8])
    lab = lab_of(many)
    gaps = np.linalg.norm(lab[:, None] - lab[None], axis=2) + np.eye(24)
    assert gaps.min() > 0.06
    np.testing.assert_array_equal(distinct_colours(300)[256:], distinct_colours(44))
    with pytest.raises(BadInputError, match="got 0"):
        distinct_colours(0)
