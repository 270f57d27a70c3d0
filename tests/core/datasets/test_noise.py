"""The noise stream: pinned for ever. Answers: numpy's documented legacy stream, moments."""

from __future__ import annotations

import numpy as np

from core.datasets.subject import draw_noise


def test_the_stream_is_the_documented_one() -> None:
    np.testing.assert_allclose(draw_noise(0, shape=(3,)), [1.76405235, 0.40015721, 0.97873798], rtol=1e-6)
    assert np.array_equal(draw_noise(7, shape=(2, 3)).ravel(), draw_noise(7, shape=(6,)))


def test_it_is_standard_normal() -> None:
    noise = draw_noise(1, shape=(200_000,))
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
