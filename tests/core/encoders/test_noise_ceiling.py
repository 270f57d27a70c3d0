"""The noise ceiling by hand, with equal and with mixed repeats, and against the truth of a simulation."""

from __future__ import annotations

import numpy as np
import pytest

from core.encoders.responses import count_repeats, estimate_noise_ceiling, has_repeats, noise_share, signal_to_noise


def test_by_hand() -> None:
    # One voxel, images (1, 3) and (5, 7): variance across repeats 2 and 2, so noise 2; variance of 1, 3, 5, 7 is 5,
    # so signal 3, ncsnr^2 = 3/2 and, for two repeats, 1.5 / (1.5 + 1/2) = 3/4.
    responses = np.array([[[1.0], [3.0]], [[5.0], [7.0]]])
    assert signal_to_noise(responses)[0] == pytest.approx(np.sqrt(1.5))
    assert estimate_noise_ceiling(responses, scored=np.array([True, True]))[0] == pytest.approx(0.75)


def test_mixed_repeats_average_one_over_k() -> None:
    # A = 2 images of 3 repeats, B = 1 of 2, C = 3 of 1: (2/3 + 1/2 + 3) / 6.
    responses = np.random.default_rng(0).normal(size=(6, 3, 2))
    responses[2, 2] = np.nan
    responses[3:, 1:] = np.nan
    assert count_repeats(responses).tolist() == [3, 3, 2, 1, 1, 1]
    share = (2 / 3 + 1 / 2 + 3) / 6
    assert noise_share(count_repeats(responses)) == pytest.approx(share)
    squared = signal_to_noise(responses) ** 2
    ceiling = estimate_noise_ceiling(responses, scored=np.ones(6, dtype=bool))
    np.testing.assert_allclose(ceiling, squared / (squared + share))
    only_single = estimate_noise_ceiling(responses, scored=np.array([False] * 3 + [True] * 3))
    np.testing.assert_allclose(only_single, squared / (squared + 1))


def test_single_images_do_not_count_as_noise() -> None:
    responses = np.array([[[1.0], [3.0]], [[5.0], [7.0]], [[4.0], [np.nan]]])
    # Noise is still 2; the variance of 1, 3, 5, 7, 4 is 4.
    assert signal_to_noise(responses)[0] == pytest.approx(np.sqrt(2 / 2))


def test_recovers_the_truth_of_a_simulation() -> None:
    generator = np.random.default_rng(1)
    noise_sd = np.array([0.5, 1.0, 2.0])
    signal = generator.normal(size=(20_000, 1, 3))
    responses = signal + generator.normal(size=(20_000, 3, 3)) * noise_sd
    ceiling = estimate_noise_ceiling(responses, scored=np.ones(20_000, dtype=bool))
    np.testing.assert_allclose(ceiling, 1 / (1 + noise_sd**2 / 3), atol=0.02)


def test_extremes() -> None:
    exact = np.repeat(np.arange(4.0).reshape(4, 1, 1), 2, axis=1)
    assert estimate_noise_ceiling(exact, scored=np.ones(4, dtype=bool)).tolist() == [1.0]
    constant = np.zeros((4, 2, 1))
    assert estimate_noise_ceiling(constant, scored=np.ones(4, dtype=bool)).tolist() == [0.0]
    opposite = np.tile([[1.0], [-1.0]], (4, 1, 1))
    assert estimate_noise_ceiling(opposite, scored=np.ones(4, dtype=bool)).tolist() == [0.0]


def test_without_repeats_there_is_no_estimate() -> None:
    responses = np.ones((3, 2, 1))
    responses[:, 1] = np.nan
    assert not has_repeats(responses)
    assert has_repeats(np.ones((3, 2, 1)))
