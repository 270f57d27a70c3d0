"""Resizing without rounding is the project's own resize, but for the rounding."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.images.transform import crop_resize, resize_pixels, resize_plain


def test_it_is_the_8_bit_resize_but_for_its_rounding() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    expected = np.asarray(crop_resize(Image.fromarray(levels), 24), dtype=np.float32)
    found = 255 * resize_pixels(levels.transpose(2, 0, 1)[None].astype(np.float32) / 255, 24)
    gap = np.abs(found[0].transpose(1, 2, 0) - expected)
    assert gap.max() < 2, "Pillow rounds after each of its two passes"
    assert gap.mean() < 0.4


def test_small_changes_survive_and_the_resize_is_linear() -> None:
    draw = np.random.default_rng(1)
    first, second = draw.normal(0, 1e-4, (2, 3, 30, 30)), draw.normal(0, 1e-4, (2, 3, 30, 30))
    both = resize_plain(first + second, 20)
    assert np.allclose(both, resize_plain(first, 20) + resize_plain(second, 20), atol=1e-9)
    assert np.abs(both).max() > 1e-5


def test_the_same_size_changes_nothing_and_the_range_is_kept() -> None:
    pixels = np.random.default_rng(2).integers(0, 2, (1, 3, 16, 16)).astype(np.float32)
    assert resize_pixels(pixels, 16) is pixels
    grown = resize_pixels(pixels, 33)
    assert grown.min() >= 0
    assert grown.max() <= 1
