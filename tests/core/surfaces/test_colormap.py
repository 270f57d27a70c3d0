"""Colour maps: even steps, mirrored lightness, safe for colour-blind eyes, and exact look-up."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.colormap import ColormapKind, distinct_colours, find_colormap, list_colormaps
from core.surfaces.colour_vision import DEUTERANOPIA, PROTANOPIA, TRITANOPIA, see_as
from core.surfaces.oklab import fit_chroma, is_showable, oklab_to_srgb, srgb_to_oklab

# Machado, Oliveira, Fernandes (2009), doi:10.1109/TVCG.2009.113: severity 1, on linear sRGB.
DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPE = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)

TRITANOPE = np.array(
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
)
USUAL = np.eye(3)
BLIND = [DEUTERANOPE, PROTANOPE, TRITANOPE]
NAMES = ["deuteranope", "protanope", "tritanope"]

DIVERGING = list_colormaps(ColormapKind.DIVERGING)
SEQUENTIAL = list_colormaps(ColormapKind.SEQUENTIAL)


def lab_of(table: np.ndarray) -> np.ndarray:
    return srgb_to_oklab(table.astype(np.float64) / 255)


def seen_by(matrix: np.ndarray, table: np.ndarray) -> np.ndarray:
    rgb = table / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ matrix.T, 0, 1)
    return srgb_to_oklab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055))


def test_oklab_of_white_black_and_the_published_red() -> None:
    np.testing.assert_allclose(srgb_to_oklab(np.array([1.0, 1.0, 1.0])), [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(srgb_to_oklab(np.array([0.0, 0.0, 0.0])), [0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(srgb_to_oklab(np.array([1.0, 0.0, 0.0])), [0.62796, 0.22486, 0.12585], atol=1e-4)


def test_oklab_there_and_back() -> None:
    rgb = np.random.default_rng(0).random((500, 3))
    np.testing.assert_allclose(oklab_to_srgb(srgb_to_oklab(rgb)), rgb, atol=1e-6)


def test_chroma_is_cut_only_where_the_screen_cannot_show_it() -> None:
    wild = np.array([0.6, 0.3, 0.2])
    tame = fit_chroma(wild)
    assert not is_showable(wild)
    assert is_showable(tame)
    assert tame[0] == wild[0]
    assert tame[1] / tame[2] == pytest.approx(1.5)
    assert fit_chroma(np.array([0.6, 0.05, 0.02])) is not None


@pytest.mark.parametrize("colormap", DIVERGING, ids=lambda c: c.name)
def test_diverging_maps_mirror_in_lightness(colormap) -> None:
    lightness = lab_of(colormap.table)[:, 0]
    assert np.abs(lightness - lightness[::-1]).max() < 0.06
    middle = lab_of(colormap.table[127:129])
    assert np.hypot(middle[:, 1], middle[:, 2]).max() < 0.02


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
    assert reach.max() / reach.min() < 2.0


@pytest.mark.parametrize("matrix", BLIND, ids=NAMES)
@pytest.mark.parametrize("colormap", DIVERGING, ids=lambda c: c.name)
def test_colour_blind_eyes_tell_raise_from_lower(colormap, matrix) -> None:
    seen = seen_by(matrix, colormap.table.astype(np.float64))
    apart = np.linalg.norm(seen - seen[::-1], axis=1)
    assert apart[:96].min() > 0.08


@pytest.mark.parametrize("matrix", BLIND, ids=NAMES)
@pytest.mark.parametrize("colormap", [*DIVERGING, *SEQUENTIAL], ids=lambda c: c.name)
def test_colour_blind_eyes_see_lightness_change_one_way(colormap, matrix) -> None:
    lightness = seen_by(matrix, colormap.table.astype(np.float64))[:, 0]
    halves = [lightness] if colormap.kind is ColormapKind.SEQUENTIAL else [lightness[:128], lightness[128:]]
    for half in halves:
        steps = np.diff(half)
        assert (steps * np.sign(half[-1] - half[0])).min() > -0.001  # an 8-bit step of rounding
        assert abs(half[-1] - half[0]) > 0.3


@pytest.mark.parametrize("matrix", [USUAL, *BLIND], ids=["usual", *NAMES])
@pytest.mark.parametrize(("n", "least"), [(8, 0.11), (12, 0.07), (24, 0.05)])
def test_all_eyes_tell_roi_colours_apart(n, least, matrix) -> None:
    seen = seen_by(matrix, distinct_colours(n).astype(np.float64))
    gaps = np.linalg.norm(seen[:, None] - seen[None], axis=2) + 9 * np.eye(n)
    assert gaps.min() > least


@pytest.mark.parametrize("matrix", BLIND, ids=NAMES)
def test_colour_vision_follows_the_published_matrices(matrix) -> None:
    vision = dict(zip(NAMES, (DEUTERANOPIA, PROTANOPIA, TRITANOPIA), strict=True))
    name = NAMES[[np.array_equal(matrix, other) for other in BLIND].index(True)]
    rgb = np.random.default_rng(1).random((50, 3))
    np.testing.assert_allclose(srgb_to_oklab(see_as(vision[name], rgb)), seen_by(matrix, 255 * rgb), atol=1e-6)
    grey = np.full((5, 3), np.linspace(0, 1, 5)[:, None])
    np.testing.assert_allclose(see_as(vision[name], grey), grey, atol=2e-3)


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
    with pytest.raises(BadInputError, match="got 0"):
        distinct_colours(0)
