"""Bootstrap intervals against resampling by hand and against Fisher's z."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from core.encoders.config import ScoringConfig
from core.encoders.finish import bootstrap_intervals, draw_counts
from core.errors import Cancelled
from core.statistics import correlate_resamples


def draw(n_images: int, n_voxels: int, r: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    predicted = generator.normal(size=(n_images, n_voxels))
    noise = generator.normal(size=(n_images, n_voxels))
    return predicted + 100.0, (r * predicted + np.sqrt(1 - r**2) * noise) * 3 - 50.0


def test_resampled_r_is_that_of_the_images_drawn() -> None:
    predicted, measured = draw(30, 4, 0.5)
    counts = draw_counts(30, 20, seed=3)
    assert (counts.sum(axis=1) == 30).all()
    found = correlate_resamples(predicted, measured, counts)
    for row, count in enumerate(counts.astype(int)):
        drawn = np.repeat(np.arange(30), count)
        for voxel in range(4):
            wanted = np.corrcoef(predicted[drawn, voxel], measured[drawn, voxel])[0, 1]
            assert found[row, voxel] == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("r", [0.0, 0.4, 0.8])
def test_the_interval_is_that_of_fishers_z(r: float) -> None:
    n_images = 400
    predicted, measured = draw(n_images, 60, r)
    found = bootstrap_intervals(predicted, measured, [], scoring=ScoringConfig(1500, 0.95, seed=0))
    own = [np.corrcoef(predicted[:, voxel], measured[:, voxel])[0, 1] for voxel in range(60)]
    half = norm.ppf(0.975) / np.sqrt(n_images - 3)
    low, high = np.tanh(np.arctanh(own) - half), np.tanh(np.arctanh(own) + half)
    # Single intervals differ by the noise of the resamples and of the sample's own kurtosis; their mean does not.
    assert np.mean(found.low - low) == pytest.approx(0, abs=0.006)
    assert np.mean(found.high - high) == pytest.approx(0, abs=0.006)
    np.testing.assert_allclose(found.low, low, atol=0.05)
    np.testing.assert_allclose(found.high, high, atol=0.05)


def test_a_group_has_the_interval_of_its_median_over_the_same_resamples() -> None:
    predicted, measured = draw(50, 9, 0.6)
    groups = [np.arange(3), np.array([4, 8])]
    found = bootstrap_intervals(predicted, measured, groups, scoring=ScoringConfig(200, 0.8, seed=5))
    resampled = correlate_resamples(predicted, measured, draw_counts(50, 200, seed=5))
    for row, group in zip(found.medians, groups, strict=True):
        np.testing.assert_allclose(row, np.quantile(np.median(resampled[:, group], axis=1), [0.1, 0.9]), atol=1e-6)


def test_a_constant_voxel_has_the_interval_zero_to_zero() -> None:
    predicted, measured = draw(20, 2, 0.5)
    measured[:, 1] = 0.1
    found = bootstrap_intervals(predicted, measured, [np.array([1])], scoring=ScoringConfig(50, 0.95, seed=0))
    assert (found.low[1], found.high[1]) == (0.0, 0.0)
    assert found.medians.tolist() == [[0.0, 0.0]]
    assert found.low[0] < found.high[0]


def test_rows_of_a_larger_record_are_found_and_seeds_repeat() -> None:
    predicted, measured = draw(20, 3, 0.5)
    rows = np.array([4, 0, 7, 9, 12, 15])
    short = bootstrap_intervals(predicted[rows], measured[rows], [], scoring=ScoringConfig(99, 0.9, seed=1))
    long = bootstrap_intervals(predicted[rows], measured, [], rows=rows, scoring=ScoringConfig(99, 0.9, seed=1))
    other = bootstrap_intervals(predicted[rows], measured, [], rows=rows, scoring=ScoringConfig(99, 0.9, seed=2))
    np.testing.assert_array_equal(short.low, long.low)
    assert not np.array_equal(short.low, other.low)


def test_stopping_is_heard() -> None:
    predicted, measured = draw(20, 3, 0.5)
    with pytest.raises(Cancelled):
        bootstrap_intervals(predicted, measured, [], scoring=ScoringConfig(9, 0.9, seed=0), should_stop=lambda: True)
