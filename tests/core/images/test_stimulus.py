"""Stimuli: the 8-bit grid, rounding and hashes. Answers by hand and by hashlib."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from core.errors import BadInputError
from core.images.stimulus import from_uint8, make_stimulus, to_uint8


def test_every_grey_level_survives_the_round_trip() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    pixels = from_uint8(levels)
    assert pixels.dtype == np.float32 and pixels.shape == (3, 16, 16)
    assert pixels[0, 15, 15] == 1.0 and pixels[0, 0, 1] == np.float32(1 / 255)
    assert np.array_equal(to_uint8(pixels), levels)


def test_levels_are_rounded_not_truncated() -> None:
    pixels = np.full((3, 1, 1), 99.6 / 255, dtype=np.float32)
    assert to_uint8(pixels).tolist() == [[[100, 100, 100]]]


def test_channels_stay_in_order() -> None:
    levels = np.zeros((2, 3, 3), dtype=np.uint8)
    levels[1, 2] = (10, 20, 30)
    assert (from_uint8(levels)[:, 1, 2] * 255).round().tolist() == [10, 20, 30]


def test_stimulus_carries_the_hash_of_its_levels_and_is_read_only() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    stimulus = make_stimulus("x", levels, source="x.png")
    assert stimulus.sha256 == hashlib.sha256(levels.tobytes()).hexdigest()
    assert np.array_equal(stimulus.levels, levels)
    with pytest.raises(ValueError, match="read-only"):
        stimulus.pixels[0, 0, 0] = 1.0


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_pixels_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(BadInputError, match=r"`pixels` must be finite and in \[0, 1\]"):
        to_uint8(np.full((3, 2, 2), value, dtype=np.float32))


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"\(3, height, width\).*\(2, 2, 3\)"):
        to_uint8(np.zeros((2, 2, 3), dtype=np.float32))
    with pytest.raises(BadInputError, match="uint8"):
        from_uint8(np.zeros((2, 2, 3), dtype=np.float32))  # type: ignore[arg-type]
