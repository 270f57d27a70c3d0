"""What is laid out is seen again, and what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInputError
from core.images.stimulus import from_uint8
from core.stimuli.layout import Enlarging, Layout, Matching, apply_match, count_clipped, cut_out, lay_out, see

SIDE = 32


@pytest.fixture
def pixels() -> np.ndarray:
    return from_uint8(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8))


def test_by_default_the_file_holds_the_pixels_and_nothing_else(pixels: np.ndarray) -> None:
    levels = lay_out(pixels, Layout())
    assert levels.shape == (SIDE, SIDE, 3)
    np.testing.assert_array_equal(see(levels, Layout(), made_for=SIDE, side=SIDE), pixels)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_exact_enlarging_shows_the_network_the_very_same_pixels(pixels: np.ndarray, times: int) -> None:
    layout = Layout(picture_px=times * SIDE, enlarging=Enlarging.EXACT)
    levels = lay_out(pixels, layout)
    assert levels.shape == (times * SIDE, times * SIDE, 3)
    np.testing.assert_array_equal(levels[::times, ::times], lay_out(pixels, Layout()))
    np.testing.assert_array_equal(see(levels, layout, made_for=SIDE, side=SIDE), pixels)


def test_smooth_enlarging_is_pillows_bicubic_rounded_once(pixels: np.ndarray) -> None:
    layout = Layout(picture_px=80)
    expected = Image.fromarray(pixels[0]).resize((80, 80), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(
        lay_out(pixels, layout)[:, :, 0], np.rint(255 * np.clip(np.asarray(expected), 0, 1)).astype(np.uint8)
    )


def test_a_smooth_picture_survives_being_enlarged_and_seen_again() -> None:
    ramp = np.broadcast_to(np.linspace(0.2, 0.8, SIDE, dtype=np.float32), (3, SIDE, SIDE))
    layout = Layout(picture_px=3 * SIDE + 5)
    seen = see(lay_out(ramp, layout), layout, made_for=SIDE, side=SIDE)
    assert np.abs(seen - ramp).max() < 0.02


def test_the_background_surrounds_the_picture_and_is_not_seen(pixels: np.ndarray) -> None:
    layout = Layout(width_px=60, height_px=50, background=(10, 20, 30))
    levels = lay_out(pixels, layout)
    assert levels.shape == (50, 60, 3)
    assert levels[0, 0].tolist() == levels[-1, -1].tolist() == [10, 20, 30]
    np.testing.assert_array_equal(levels[9 : 9 + SIDE, 14 : 14 + SIDE], lay_out(pixels, Layout()))
    np.testing.assert_array_equal(cut_out(levels, layout, SIDE), lay_out(pixels, Layout()))
    np.testing.assert_array_equal(see(levels, layout, made_for=SIDE, side=SIDE), pixels)


def test_a_network_of_another_input_size_sees_the_picture_at_its_own(pixels: np.ndarray) -> None:
    assert see(lay_out(pixels, Layout()), Layout(), made_for=SIDE, side=48).shape == (3, 48, 48)


def test_no_matching_leaves_the_pixels_alone(pixels: np.ndarray) -> None:
    assert apply_match(pixels, 1.0, 0.0) is pixels
    np.testing.assert_allclose(apply_match(pixels, 0.5, 0.25), 0.5 * pixels + 0.25, rtol=1e-6)


def test_clipped_values_are_those_that_were_moved_onto_an_end() -> None:
    original = np.full((2, 2, 3), 200, dtype=np.uint8)
    levels = original.copy()
    levels[0, 0] = 255
    levels[1, 1, 0] = 0
    assert count_clipped(levels, original) == pytest.approx(4 / 12)
    assert count_clipped(original, original) == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"picture_px": 7}, "`picture_px` must be 32 to 4096 pixels, got 7"),
        ({"width_px": -1}, "`width_px` must be a whole number"),
        ({"background": (0, 0, 300)}, "three grey levels from 0 to 255"),
        ({"degrees": 0.0}, "`degrees` must be a finite number above 0"),
        ({"luminance": 0.5}, "`luminance` must be left out"),
        ({"matching": Matching.LUMINANCE, "contrast": 0.1}, "Choose the matching 'contrast'"),
    ],
)
def test_a_bad_setting_is_refused(settings: dict, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        Layout(**settings)


def test_a_file_smaller_than_its_picture_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"`file size` must be at least the picture's 224, got '100 x 300 pixels'"):
        Layout(width_px=100, height_px=300).sizes(224)
    with pytest.raises(BadInputError, match="a whole multiple of the network's 224 pixels"):
        Layout(picture_px=300, enlarging=Enlarging.EXACT).sizes(224)


def test_the_way_back_is_told_in_words() -> None:
    assert Layout().describe_view(224) == "pixels / 255"
    told = Layout(picture_px=448, width_px=600, height_px=500).describe_view(224)
    assert told.startswith("cut out the central 448 x 448 pixels, resize to 224 x 224 pixels (bicubic")
    assert Layout(picture_px=448, degrees=8.4).describe(224) == "picture 448 x 448 px, 8.4° wide"
