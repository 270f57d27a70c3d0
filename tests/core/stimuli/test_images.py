"""What is written is what was asked, rounded; what is measured has closed forms."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import BadInputError
from core.files import hash_file
from core.images.stimulus import from_uint8, to_uint8
from core.stimuli.images import measure_image, read_levels, relative_luminance, structural_similarity, write_levels


def grey(value: float, size: int = 16) -> np.ndarray:
    return np.full((3, size, size), value, dtype=np.float32)


def test_a_png_holds_the_rounded_grey_levels_and_never_the_truncated_ones(tmp_path: Path) -> None:
    pixels = np.zeros((3, 2, 3), dtype=np.float32)
    pixels[0, 0, 1], pixels[1, 1, 2], pixels[2, 0, 0] = 0.9999 / 255, 100.6 / 255, 1.0
    write_levels(tmp_path / "a.png", to_uint8(pixels))
    levels = np.asarray(Image.open(tmp_path / "a.png"))
    assert levels.shape == (2, 3, 3)
    assert (levels[0, 1, 0], levels[1, 2, 1], levels[0, 0, 2]) == (1, 101, 255)
    assert levels.sum() == 1 + 101 + 255


def test_pixels_on_the_grey_level_grid_survive_the_file_exactly(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (3, 9, 7))
    pixels = (levels / 255).astype(np.float32)
    write_levels(tmp_path / "a.png", to_uint8(pixels))
    np.testing.assert_array_equal(from_uint8(read_levels(tmp_path / "a.png")), pixels)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_pixels_outside_the_bounds_are_refused_and_not_wrapped(tmp_path: Path, value: float) -> None:
    with pytest.raises(BadInputError, match="`pixels` must be finite and in"):
        write_levels(tmp_path / "a.png", to_uint8(grey(value)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"probe" * 100_000)
    assert hash_file(tmp_path / "a") == hashlib.sha256(b"probe" * 100_000).hexdigest()


def test_luminance_of_white_black_and_the_primaries() -> None:
    assert relative_luminance(grey(1.0)) == pytest.approx(1.0)
    assert relative_luminance(grey(0.0)) == pytest.approx(0.0)
    red, green, blue = (relative_luminance(np.eye(3)[i].reshape(3, 1, 1)).item() for i in range(3))
    assert (red, green, blue) == pytest.approx((0.2126, 0.7152, 0.0722))


def test_luminance_of_middle_grey_is_a_fifth() -> None:
    assert relative_luminance(grey(0.5)) == pytest.approx(((0.5 + 0.055) / 1.055) ** 2.4)
    assert relative_luminance(grey(0.04)) == pytest.approx(0.04 / 12.92)


def test_contrast_of_half_black_half_white_is_a_half() -> None:
    pixels = grey(0.0)
    pixels[:, :, ::2] = 1.0
    figures = measure_image(pixels, pixels)
    assert (figures.mean_luminance, figures.rms_contrast, figures.ssim) == pytest.approx((0.5, 0.5, 1.0))


def test_similarity_of_two_constant_pictures_has_its_closed_form() -> None:
    a, b, c1 = 100.0, 140.0, (0.01 * 255) ** 2
    first, second = (np.full((32, 32, 3), value, dtype=np.uint8) for value in (a, b))
    assert structural_similarity(first, second) == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), rel=1e-9)
