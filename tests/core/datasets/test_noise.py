"""The noise stream: pinned for ever. Answers: numpy's documented legacy stream, moments."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets.subject import DRAWN_AT_ONCE, draw_noise
from core.errors import Cancelled


def test_the_stream_is_the_documented_one() -> None:
    np.testing.assert_allclose(draw_noise(0, shape=(3,)), [1.76405235, 0.40015721, 0.97873798], rtol=1e-6)
    assert np.array_equal(draw_noise(7, shape=(2, 3)).ravel(), draw_noise(7, shape=(6,)))


def test_it_is_standard_normal() -> None:
    noise = draw_noise(1, shape=(200_000,))
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01


def test_noise_of_many_images_is_one_stream_and_can_be_stopped() -> None:
    """Odd numbers an image: the generator keeps the second of each pair it draws."""
    shape = (3 * DRAWN_AT_ONCE + 5, 3, 7)
    at_once = np.random.RandomState(5).standard_normal(shape).astype(np.float32)
    np.testing.assert_array_equal(draw_noise(5, shape=shape), at_once)
    asked: list[bool] = []

    def should_stop() -> bool:
        asked.append(len(asked) == 2)
        return asked[-1]

    with pytest.raises(Cancelled):
        draw_noise(5, shape=shape, should_stop=should_stop)
    assert len(asked) == 3
