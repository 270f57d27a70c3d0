"""Resampled r against brute force and scipy with 3, 5 and 30 images, nearly constant resamples, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.experiments.measured.bootstrap import SUMMARY, summarise_pairs
from core.statistics import correlate_resamples, count_draws, interval_of, percentiles


def draw(n_images: int, n_voxels: int, seed: int, r: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(seed)
    first = stream.normal(size=(n_images, n_voxels))
    second = r * first + np.sqrt(1 - r**2) * stream.normal(size=first.shape)
    return 50 + first, 1000 * second - 3


def draw_images(n_images: int, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, n_images, (count, n_images))


def brute_force(first: np.ndarray, second: np.ndarray, draws: np.ndarray) -> np.ndarray:
    found = np.full((len(draws), first.shape[1]), np.nan)
    for row, images in enumerate(draws):
        for voxel in range(first.shape[1]):
            x, y = first[images, voxel], second[images, voxel]
            if np.ptp(x) > 0 and np.ptp(y) > 0:
                found[row, voxel] = stats.pearsonr(x, y).statistic
    return found


@pytest.mark.parametrize("n_images", [3, 5, 30])
def test_every_resample_is_that_of_the_images_drawn(n_images: int) -> None:
    first, second = draw(n_images, 6, seed=n_images)
    draws = draw_images(n_images, 400, seed=1)
    found = correlate_resamples(first, second, count_draws(draws, n_images))
    wanted = brute_force(first, second, draws)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert np.isnan(found).any() == (n_images < 30) and np.nanmax(np.abs(found)) <= 1


@pytest.mark.filterwarnings("ignore::scipy.stats.NearConstantInputWarning")
@pytest.mark.parametrize("scale", [1e-3, 1e-6, 1e-9, 1e-12])
def test_nearly_constant_resamples_are_right_and_in_bounds(scale: float) -> None:
    """One image far from four near ones: resamples without it have next to no variance."""
    first, second = draw(5, 40, seed=9)
    first, second = scale * (first - 50), scale * (second + 3)
    first[0], second[0] = 1.0, -1.0
    draws = draw_images(5, 300, seed=2)
    found = correlate_resamples(first, second, count_draws(draws, 5))
    known = np.isfinite(found)
    assert np.abs(found[known]).max() <= 1
    assert known.sum() >= 0.99 * known.size
    wanted = brute_force(first, second, draws)
    np.testing.assert_allclose(found[known], wanted[known], atol=max(1e-9, 1e-15 / scale * 50))


@pytest.mark.parametrize("n_images", [3, 5, 30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_three_places_keep_r_in_its_bounds(n_images: int, dtype: type) -> None:
    """Five held-out images once gave r = 44: values that differ from one another by rounding alone."""
    stream = np.random.default_rng(n_images)
    base = 0.1 + 1e-7 * stream.integers(0, 3, (n_images, 50))
    predicted, measured = base.astype(dtype), stream.normal(size=(n_images, 50)).astype(dtype)
    weights = count_draws(draw_images(n_images, 500, 3), n_images)
    assert np.nanmax(np.abs(correlate_resamples(predicted, measured, weights))) <= 1
    signed = noise = np.ones(n_images)
    for voxel in range(10):
        x, y = predicted[:, voxel].astype(float), measured[:, voxel].astype(float)
        row = summarise_pairs(weights, x, y, signed=signed, noise=noise)[SUMMARY.index("r")]
        assert not (np.abs(row[np.isfinite(row)]) > 1).any()


def test_a_resample_without_r_is_left_out_and_not_taken_for_zero() -> None:
    first, second = draw(5, 1, seed=3, r=0.9)
    draws = np.vstack([np.full((1, 5), 2), draw_images(5, 99, seed=4)])
    r = correlate_resamples(first, second, count_draws(draws, 5))
    assert np.isnan(r[0, 0])
    low, high = percentiles(r, 0.9)[:, 0]
    np.testing.assert_allclose((low, high), np.nanquantile(r, [0.05, 0.95]))


def test_what_never_varies_has_no_correlation_at_all() -> None:
    first, second = draw(5, 2, seed=3)
    first[:, 1] = 0.1
    r = correlate_resamples(first, second, count_draws(draw_images(5, 50, 1), 5))
    assert (r[:, 1] == 0).all()


def test_an_interval_needs_half_of_its_resamples() -> None:
    values = np.arange(10.0)
    values[:5] = np.nan
    assert interval_of(1.0, values, 0.8).low == pytest.approx(np.quantile(values[5:], 0.1))
    values[5] = np.inf
    assert np.isnan(interval_of(1.0, values, 0.8).low)
    assert np.isnan(interval_of(1.0, np.zeros(0), 0.8).high)
    assert percentiles(np.zeros((0, 3)), 0.9).shape == (2, 3)


@pytest.mark.parametrize(("n_images", "least"), [(5, 0.80), (30, 0.88)])
def test_the_intervals_cover_no_less_than_with_zeros_for_what_is_unknown(n_images: int, least: float) -> None:
    truth, n_voxels = 0.6, 800
    first, second = draw(n_images, n_voxels, seed=11, r=truth)
    r = correlate_resamples(first, second, count_draws(draw_images(n_images, 500, 5), n_images))
    covered = [((low <= truth) & (truth <= high)).mean() for low, high in (percentiles(r, 0.95),)]
    guessed = percentiles(np.nan_to_num(r), 0.95)
    before = ((guessed[0] <= truth) & (truth <= guessed[1])).mean()
    assert covered[0] >= least and covered[0] >= before - 0.01
