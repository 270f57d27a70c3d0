"""Statistics against hand-worked numbers, naive resampling and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.encoders.scores import correlate
from core.sweeps.discriminability import (
    coefficient_of_variation,
    intraclass,
    normalised_variance,
    resample_tables,
    treves_rolls,
)
from core.sweeps.fragility import area_under, epsilon_at, measure_linearity
from core.sweeps.meaning import compare_evidence, locate, measure_spectrum, score_selectivity
from core.sweeps.predictivity import resample_r
from core.sweeps.statistics import (
    bootstrap,
    compare_pairs,
    correlate_pairs,
    count_for_pairs,
    draw_resamples,
    holm,
    resample_means,
)


def test_holm_by_hand() -> None:
    assert np.allclose(holm(np.asarray([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    assert holm(np.asarray([0.9, 0.8])).max() <= 1


def test_counting_draws_equals_copying_them() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 5))
    draws = draw_resamples(5, 3, count=40, seed=1)
    naive = [values[:, draws.targets[b]][:, :, draws.images[b]].mean(axis=(1, 2)) for b in range(40)]
    assert np.allclose(resample_means(values, draws), naive)
    tables = resample_tables(values, draws)
    assert np.allclose(tables[7], values[:, draws.targets[7]][:, :, draws.images[7]].mean(axis=2))


def test_resampled_r_equals_the_r_of_copied_rows() -> None:
    draw = np.random.default_rng(2)
    predicted, measured = draw.normal(size=(30, 3)), draw.normal(size=(30, 3)) + 1
    resamples = draw_resamples(30, 3, count=10, seed=4)
    naive = [correlate(predicted[i], measured[i])[t] for i, t in zip(resamples.images, resamples.targets, strict=True)]
    assert np.allclose(resample_r(predicted, measured, count=10, seed=4), naive)


def test_the_bootstrap_of_a_mean_has_its_standard_error() -> None:
    values = np.random.default_rng(3).normal(size=400)
    found = bootstrap(np.mean, values, count=4000, confidence=0.95, seed=0)  # type: ignore[arg-type]
    error = values.std() / np.sqrt(400)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_pairs_that_differ_are_found_and_equal_ones_are_not() -> None:
    draw = np.random.default_rng(5)
    resampled = draw.normal([0, 0, 10], 1, size=(2000, 3))
    p, differs = compare_pairs(resampled, level=0.05)
    assert differs.tolist() == [False, True, True]
    assert p[1] == pytest.approx(3 * 2 / 2001)
    n = count_for_pairs(14, 100)
    assert 91 * 2 / (n + 1) < 0.05


def test_an_encoder_without_a_score_differs_from_none() -> None:
    resampled = np.random.default_rng(3).standard_normal((1000, 3)) * 0.01 + [0.0, 1.0, np.nan]
    adjusted, differs = compare_pairs(resampled, level=0.05)
    assert differs.tolist() == [True, False, False] and adjusted[1:].tolist() == [1.0, 1.0]


def test_spread_statistics_by_hand() -> None:
    values = np.asarray([[1.0, 1.0], [3.0, 3.0]])
    assert coefficient_of_variation(values) == pytest.approx(np.sqrt(2) / 2)
    assert normalised_variance(values) == pytest.approx(0.5)
    assert treves_rolls(values) == pytest.approx(1 - 4 / 5)
    assert intraclass(values) == pytest.approx(1)


def test_icc_follows_from_the_f_of_scipy() -> None:
    values = np.random.default_rng(6).normal(size=(4, 9)) + np.arange(4)[:, None]
    f = stats.f_oneway(*values).statistic
    assert intraclass(values) == pytest.approx((f - 1) / (f + 9 - 1))


def test_area_and_epsilon_of_a_straight_line() -> None:
    epsilons = np.asarray([0.1, 1.0, 10.0])
    assert area_under(np.asarray([[1.0, 2.0, 3.0]]), epsilons)[0] == pytest.approx(1.5 + 2.5)
    slope = np.asarray([[0.5], [20.0], [0.05]])
    assert np.allclose(epsilon_at(slope * epsilons, epsilons), [2.0, 0.05, np.inf])


def test_a_linear_encoder_has_linearity_one_and_no_gradient_none() -> None:
    epsilons = np.asarray([1.0, 2.0])
    found = measure_linearity(np.asarray([[3.0, -6.0], [0.0, 0.0]]), np.asarray([3.0, 0.0]), epsilons)
    assert found[0].tolist() == [1.0, 1.0]
    assert np.isnan(found[1]).all()


def test_a_grating_has_its_frequency_and_a_corner_its_place() -> None:
    across = np.cos(2 * np.pi * 5 * np.arange(32) / 32)
    grating = np.broadcast_to(across, (1, 3, 32, 32)).copy()
    spectrum = measure_spectrum(grating)
    assert spectrum.median == 5
    assert spectrum.share[5] == pytest.approx(1)
    corner = np.zeros((1, 3, 4, 4))
    corner[0, :, 0, 3] = 1
    place = locate(corner)
    assert (place.x, place.y, place.spread) == pytest.approx((0.375, 0.375, 0.0))
    assert place.eccentricity == pytest.approx(np.hypot(0.375, 0.375))


def test_selectivity_by_hand() -> None:
    shift = np.asarray([5.0, 1.0, 3.0])
    assert score_selectivity(shift, ("FFA", "V1", "PPA"), "FFA") == pytest.approx((5 - 2) / np.sqrt(2))
    assert np.isnan(score_selectivity(shift, ("FFA", "V1", "PPA"), ""))


def test_correlation_is_numpys_and_undefined_for_constants() -> None:
    draw = np.random.default_rng(7)
    first, second = draw.normal(size=10), draw.normal(size=10)
    assert correlate_pairs(first, second) == pytest.approx(float(stats.pearsonr(first, second).statistic))
    assert np.isnan(correlate_pairs(np.ones(5), np.arange(5.0)))


def test_class_evidence_names_the_likeliest_class_before_and_after() -> None:
    before, after = np.asarray([[0.7, 0.2, 0.1]]), np.asarray([[0.1, 0.3, 0.6]])
    (found,) = compare_evidence(before, after, ("cat", "dog", "car"))
    assert (found.clean_class, found.perturbed_class) == ("cat", "car")
    assert (found.clean_probability, found.perturbed_probability, found.clean_class_after) == (0.7, 0.6, 0.1)
