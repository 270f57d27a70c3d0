"""Statistics against hand-worked numbers, published tables, scipy, and simulations whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.encoders.scores import correlate
from core.sweeps.discriminability import ICC, SPARSENESS, VARIANCE, VARIATION, intraclass, spread, subtract
from core.sweeps.fragility import area_under, epsilon_at, measure_linearity, middle_of
from core.sweeps.meaning import compare_evidence, locate, measure_spectrum, rate_selectivity
from core.sweeps.predictivity import interval_of_r, part_r
from core.sweeps.statistics import (
    Interval,
    compare_pairs,
    correlate_pairs,
    explain_too_few,
    find_error,
    holm,
    interval_of_mean,
    interval_of_ratio,
    interval_of_rows,
)
from tests.helpers.crossed import add_crossed, count_false_pairs


def test_holm_by_hand() -> None:
    assert np.allclose(holm(np.asarray([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    assert holm(np.asarray([0.9, 0.8])).max() <= 1


def test_the_error_of_a_mean_is_that_of_a_two_way_table() -> None:
    values = np.random.default_rng(0).normal(size=(7, 6)) + 3 * np.random.default_rng(1).normal(size=(7, 1))
    by_target, by_image, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    rest = values - by_target[:, None] - by_image + mean
    squares = [6 * by_target.var(ddof=1), 7 * by_image.var(ddof=1), (rest**2).sum() / 30]
    error, freedom = find_error(values)
    total = squares[0] + squares[1] - squares[2]
    assert error == pytest.approx(np.sqrt(total / 42))
    assert freedom == pytest.approx(total**2 / (squares[0] ** 2 / 6 + squares[1] ** 2 / 5 + squares[2] ** 2 / 30))


def test_one_target_leaves_the_t_interval_over_images_of_scipy() -> None:
    values = np.random.default_rng(2).normal(1, 2, size=(1, 7))
    found, expected = interval_of_mean(values, 0.95), stats.ttest_1samp(values[0], 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    values[0, 3] = np.nan
    assert interval_of_mean(values, 0.95).value == pytest.approx(np.nanmean(values))
    assert np.isnan(interval_of_mean(values, 0.95).low)


def test_a_ratio_without_noise_is_known_exactly_and_one_over_nothing_not_at_all() -> None:
    below = np.random.default_rng(3).uniform(1, 2, size=(3, 4, 5))
    assert np.allclose(interval_of_ratio(0.3 * below, below, 0.95), 0.3)
    assert np.isnan(interval_of_ratio(below, np.zeros_like(below), 0.95)).all()


def test_the_parts_of_r_are_those_of_leaving_each_image_out() -> None:
    draw = np.random.default_rng(2)
    predicted = draw.normal(size=(9, 3))
    measured = predicted + draw.normal(size=(9, 3))
    measured[:, 2] = 1.0
    parts, r = part_r(predicted, measured), correlate(predicted, measured)
    for target in range(2):
        x, y = predicted[:, target], measured[:, target]
        without = [stats.pearsonr(np.delete(x, one), np.delete(y, one)).statistic for one in range(9)]
        assert np.allclose(parts[target], r[target] + 8 * (np.mean(without) - without))
    assert (parts[2] == 0).all(), "a response that never varies"


def test_pairs_that_differ_are_found_and_equal_ones_are_not() -> None:
    draw = np.random.default_rng(5)
    values = add_crossed(draw, np.asarray([0.0, 0.0, 10.0]), 6, 8)
    p, differs = compare_pairs(values, level=0.05)
    assert differs.tolist() == [False, True, True]
    raw = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        error, freedom = find_error(values[one] - values[other])
        raw.append(2 * stats.t.sf(abs((values[one] - values[other]).mean()) / error, freedom))
    assert p == pytest.approx(holm(np.asarray(raw)))
    values[2, 0, 0] = np.nan
    adjusted, differs = compare_pairs(values, level=0.05)
    assert not differs[1:].any() and adjusted[1:].tolist() == [1.0, 1.0], "what is unknown differs from none"


@pytest.mark.parametrize(("n_targets", "n_images"), [(2, 8), (4, 8), (8, 8), (20, 30)])
@pytest.mark.parametrize("of_targets", [0.3, 1.0])
def test_equal_encoders_are_told_apart_no_more_often_than_the_level(
    n_targets: int, n_images: int, of_targets: float
) -> None:
    """Six pairs of four encoders that differ by target, by image and by both, but not in their mean."""
    n_runs = 1000 if n_targets < 20 else 400
    found = count_false_pairs(n_targets, n_images, of_targets=of_targets, n_runs=n_runs, seed=1)
    assert found <= stats.binom.ppf(0.999, n_runs, 0.05)


def test_too_few_targets_are_told_with_the_number_it_takes() -> None:
    assert explain_too_few(4, 2, 8, level=0.05) == (
        "2 targets are too few to compare 6 pairs: one would have to differ by 76 standard errors. Take at least 4 "
        "targets and images."
    )
    assert explain_too_few(4, 4, 8, level=0.05) == ""
    assert explain_too_few(4, 1, 8, level=0.05) == "", "one target is taken as it is"
    assert explain_too_few(4, 8, 2, level=0.05).startswith("2 images are too few")


def test_spread_statistics_by_hand() -> None:
    values = np.asarray([[1.0, 1.0], [3.0, 3.0]])[..., np.newaxis]
    found = spread(values, 0.95)
    assert found[VARIATION].value == pytest.approx(np.sqrt(2) / 2)
    assert found[VARIANCE].value == pytest.approx(0.5)
    assert found[SPARSENESS].value == pytest.approx(1 - 4 / 5)
    assert found[ICC].value == pytest.approx(1)
    values = np.random.default_rng(4).normal(1, 2, size=(5, 4, 3))
    means = np.abs(values.mean(axis=(1, 2)))
    assert spread(values, 0.95)[SPARSENESS].value == pytest.approx(1 - means.mean() ** 2 / (means**2).mean())


def test_icc_is_that_of_the_published_example() -> None:
    """Six targets and four judges of Shrout & Fleiss 1979: ICC(2,1) = .29; McGraw & Wong 1996: .019 to .761."""
    rows = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = intraclass(np.asarray(rows, dtype=np.float64)[..., np.newaxis], 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((0.2898, 0.019, 0.761), abs=2e-3)
    assert np.isnan(intraclass(np.ones((3, 1, 4)), 0.95).value), "one target has no variance within"


@pytest.mark.parametrize("between", [0.0, 0.4, 2.0])
def test_the_intervals_of_the_icc_cover_it_where_encoders_are_drawn_from_many(between: float) -> None:
    draw, covered, n_runs = np.random.default_rng(7), 0, 200
    truth = between**2 / (between**2 + 0.5**2 + 0.5**2 + 0.5**2 / 8)
    for _ in range(n_runs):
        values = add_crossed(draw, between * draw.standard_normal(4), 4, 8, shared=0.5, of_targets=0.5, of_images=0.2)
        found = intraclass(values, 0.95)
        covered += found.low <= truth <= found.high
    assert covered >= stats.binom.ppf(0.001, n_runs, 0.95)


@pytest.mark.parametrize("means", [(5.0, 5.0, 5.0, 5.0), (5.0, 5.5, 6.0, 5.0), (1.5, 5.0, 7.0, 8.0)])
def test_the_intervals_of_the_spread_cover_it_and_hold_zero_for_equal_encoders(means: tuple[float, ...]) -> None:
    draw, n_runs, names = np.random.default_rng(8), 200, (VARIATION, VARIANCE, SPARSENESS)
    truth = spread(np.asarray(means)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 2)), 0.95)
    covered = dict.fromkeys(names, 0)
    for _ in range(n_runs):
        values = add_crossed(draw, np.asarray(means), 4, 8, shared=1.5, of_targets=1.5, of_images=0.7, of_both=1.5)
        found = spread(values, 0.95)
        for name in names:
            covered[name] += found[name].low <= truth[name].value + 1e-12 <= found[name].high + 1e-9
    assert min(covered.values()) >= stats.binom.ppf(0.001, n_runs, 0.95)


def test_the_difference_of_two_numbers_has_the_ends_of_independent_errors() -> None:
    found = subtract(Interval(5.0, 2.0, 6.0), Interval(1.0, 0.5, 5.0))
    assert (found.value, found.low, found.high) == pytest.approx((4.0, 4 - 5.0, 4 + np.hypot(1, 0.5)))


@pytest.mark.parametrize(("n_images", "n_targets", "r"), [(12, 1, 0.9), (40, 1, 0.5), (150, 4, 0.5)])
def test_the_intervals_of_r_cover_it(n_images: int, n_targets: int, r: float) -> None:
    draw, covered, n_runs = np.random.default_rng(9), 0, 400
    for _ in range(n_runs):
        predicted = draw.standard_normal((n_images, n_targets))
        measured = r * predicted + np.sqrt(1 - r**2) * draw.standard_normal((n_images, n_targets))
        found = interval_of_r(part_r(predicted, measured), 0.95)
        covered += found.low <= r <= found.high
    assert covered >= stats.binom.ppf(0.001, n_runs, 0.94)


@pytest.mark.parametrize(("truth", "noise"), [(0.0, 0.3), (0.5, 0.5), (0.95, 0.3)])
def test_the_intervals_of_a_rank_correlation_cover_it(truth: float, noise: float) -> None:
    from core.sweeps.study.evaluate import rank_correlations

    draw, covered, n_runs, count = np.random.default_rng(10), 0, 150, 200
    weights = [np.vstack([np.ones(n), draw.multinomial(n, np.ones(n) / n, count)]) / n for n in (8, 4)]
    for _ in range(n_runs):
        first = draw.standard_normal(8)
        second = truth * first + np.sqrt(1 - truth**2) * draw.standard_normal(8)
        sizes = {"of_targets": noise, "of_images": noise / 2, "of_both": noise}
        pair = [add_crossed(draw, one, 8, 4, **sizes) for one in (first, second)]
        rows = [np.einsum("cvi,bv,bi->bc", one, *weights) for one in pair]
        found = interval_of_rows(rank_correlations(*rows), 4, 0.95)
        covered += found.low <= stats.spearmanr(first, second).statistic + 1e-12 <= found.high + 1e-9
    assert covered >= stats.binom.ppf(0.001, n_runs, 0.95)


def test_a_bias_corrected_interval_of_an_unbiased_normal_is_the_plain_one_made_wider() -> None:
    draws = np.random.default_rng(11).standard_normal(40_000)
    found = interval_of_rows(np.concatenate([[0.0], draws]), 10**6, 0.95)
    assert (found.low, found.high) == pytest.approx((-1.96, 1.96), abs=0.05)
    wide = interval_of_rows(np.concatenate([[0.0], draws]), 8, 0.95)
    assert wide.high == pytest.approx(np.sqrt(8 / 7) * stats.t.ppf(0.975, 7), abs=0.08)
    draws[:30_000] = np.nan
    assert np.isnan(interval_of_rows(np.concatenate([[0.0], draws]), 8, 0.95).low), "most resamples know nothing"


def test_the_median_lies_between_the_two_middle_values() -> None:
    assert middle_of(np.asarray([[1.0, 4.0], [2.0, np.inf]])) == 3.0
    assert middle_of(np.asarray([1.0, 2.0, np.inf, np.inf])) == np.inf
    assert middle_of(np.asarray([np.inf, 1.0, 2.0])) == 2.0


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


ROIS = ("FFA", "V1", "PPA", "EBA")


def test_selectivity_by_hand() -> None:
    shift = np.asarray([[4.0, 1.0, 3.0, 2.0], [6.0, 1.0, 3.0, 2.0]])
    found = rate_selectivity(shift, ROIS, "FFA", 0.95)
    assert (found.z.value, found.shift.value, found.excess.value) == pytest.approx((5 - 2.0, 5.0, 3.0))
    assert found.p == 1 / 4, "no other ROI of four moves as far"
    assert rate_selectivity(shift, ROIS, "EBA", 0.95).p == 3 / 4
    assert np.isnan(rate_selectivity(shift, ROIS, "", 0.95).z.value)


def test_selectivity_shows_the_size_that_its_z_hides() -> None:
    shift = np.asarray([[4.0, 1.0, 3.0, 2.0], [6.0, 1.5, 3.0, 2.5]])
    large, small = (rate_selectivity(scale * shift, ROIS, "FFA", 0.95) for scale in (1.0, 0.01))
    assert large.z.value == pytest.approx(small.z.value)
    assert small.excess.value == pytest.approx(0.01 * large.excess.value)


@pytest.mark.parametrize(("shift", "sd", "noise"), [(0.3, 0.13, 0.05), (8.0, 3.0, 1.0)])
def test_the_intervals_of_selectivity_cover_it(shift: float, sd: float, noise: float) -> None:
    draw, covered, n_runs = np.random.default_rng(12), 0, 300
    names = tuple(f"roi {number}" for number in range(10))
    for _ in range(n_runs):
        truth = np.concatenate([[shift], sd * draw.standard_normal(9)])
        found = rate_selectivity(truth + noise * draw.standard_normal((6, 10)), names, names[0], 0.95)
        covered += found.z.low <= shift / sd <= found.z.high
    assert covered >= stats.binom.ppf(0.001, n_runs, 0.95)


def test_an_roi_that_is_not_special_is_rarely_called_so() -> None:
    draw, names = np.random.default_rng(13), tuple(f"roi {number}" for number in range(20))
    p = [rate_selectivity(draw.standard_normal((4, 20)), names, names[0], 0.95).p for _ in range(400)]
    assert np.mean(np.asarray(p) <= 0.05) <= 0.09


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
