"""Statistics against scipy and closed forms; intervals against scipy's and against known truth, many times over."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from core.experiments.measured.bootstrap import (
    SUMMARY,
    bootstrap_summary,
    interval_bca,
    noise_sd,
    pool_residuals,
    resample_means,
    sign_test,
    summarise_pairs,
)
from core.experiments.measured.compare_config import CompareConfig
from core.statistics import interval_bc


def make_pairs(n: int, *, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.uniform(1, 3, n) * np.where(np.arange(n) % 2 == 0, 1, -1)
    return x, x + noise * draw.standard_normal(n)


def summarise(x: np.ndarray, y: np.ndarray, *, noise: float = 1.0) -> dict[str, float]:
    pairs = {"signed": np.sign(x) * y, "noise": np.full(len(x), noise)}
    return dict(zip(SUMMARY, summarise_pairs(np.ones((1, len(x))), x, y, **pairs)[:, 0].tolist(), strict=True))


def test_statistics_are_those_of_scipy() -> None:
    x, y = make_pairs(17, noise=0.7, seed=0)
    found = summarise(x, y, noise=2.0)
    line = stats.linregress(x, y)
    signed = np.sign(x) * y
    assert found["slope"] == pytest.approx(line.slope)
    assert found["intercept"] == pytest.approx(line.intercept)
    assert found["r"] == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found["dz"] == pytest.approx(stats.ttest_1samp(signed, 0).statistic / np.sqrt(17))
    assert found["shift"] == pytest.approx(signed.mean())
    assert found["in_noise"] == pytest.approx(signed.mean() / 2.0)


def test_weights_count_like_copies() -> None:
    x, y = make_pairs(9, noise=0.7, seed=1)
    draw = np.random.default_rng(2).integers(0, 9, 9)
    weights = np.bincount(draw, minlength=9)[np.newaxis]
    weighted = summarise_pairs(weights, x, y, signed=np.sign(x) * y, noise=np.ones(9))[:, 0]
    assert weighted == pytest.approx(list(summarise(x[draw], y[draw]).values()))


def test_without_spread_there_is_no_slope_and_no_dz() -> None:
    found = summarise(np.full(5, 2.0), np.full(5, 3.0))
    assert found["shift"] == 3.0
    assert np.isnan([found["slope"], found["r"], found["dz"]]).all()


def test_the_bca_interval_is_that_of_scipy_at_the_expanded_level() -> None:
    values = np.random.default_rng(3).exponential(size=25)
    level = 1 - 2 * stats.norm.cdf(np.sqrt(25 / 24) * stats.t.ppf(0.025, 24))
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=level, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    draws = np.random.default_rng(1).integers(0, 25, (20_000, 25))
    left_out = np.asarray([np.delete(values, one).mean() for one in range(25)])
    mine = interval_bca(float(values.mean()), values[draws].mean(axis=1), left_out, confidence=0.95)
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_expanded_level_is_the_normal_one_for_many_and_wider_for_few() -> None:
    drawn = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    assert interval_bc(0.0, drawn, 100_000, confidence=0.95).high == pytest.approx(1.96, abs=1e-3)
    few = interval_bc(0.0, drawn, 8, confidence=0.95).high * np.sqrt(7 / 8)  # of the bootstrap's too small SD
    assert few == pytest.approx(stats.t.ppf(0.975, 7), rel=1e-3)


@pytest.mark.parametrize(("n", "noise", "least"), [(12, 1.0, 0.88), (12, 3.0, 0.88), (30, 0.3, 0.91), (30, 3.0, 0.91)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(n: int, noise: float, least: float) -> None:
    """250 simulated experiments with 95% intervals (binomial SE 1.4%); dz of few probes is covered a little less."""
    x_all, y_all = make_pairs(400_000, noise=noise, seed=99)
    truth = summarise(x_all, y_all)
    hits = dict.fromkeys(("shift", "dz", "r", "slope"), 0)
    for seed in range(250):
        x, y = make_pairs(n, noise=noise, seed=seed)
        found = bootstrap_summary(
            x,
            y,
            signed=np.sign(x) * y,
            noise=np.ones(n),
            clusters=np.arange(n),
            config=CompareConfig(n_bootstrap=400, seed=seed),
        )
        for name in hits:
            hits[name] += found[name].low <= truth[name] <= found[name].high
    assert all(least <= count / 250 <= 0.99 for count in hits.values()), hits


def test_clusters_are_drawn_together() -> None:
    """Four copies of each probe say no more than one: drawing clusters keeps the interval, drawing probes halves it."""
    x, y = make_pairs(20, noise=1.5, seed=4)
    copies = np.repeat(np.arange(20), 4)
    config = CompareConfig(n_bootstrap=4000)

    def width(chosen: np.ndarray, clusters: np.ndarray) -> float:
        pairs = {"signed": (np.sign(x) * y)[chosen], "noise": np.ones(len(chosen))}
        found = bootstrap_summary(x[chosen], y[chosen], clusters=clusters, **pairs, config=config)["shift"]
        return found.high - found.low

    alone = width(np.arange(20), np.arange(20))
    assert width(copies, copies) == pytest.approx(alone, rel=0.06)
    assert width(copies, np.arange(80)) == pytest.approx(alone / 2, rel=0.12)


def test_two_probes_give_no_interval() -> None:
    x, y = make_pairs(2, noise=1.0, seed=5)
    found = bootstrap_summary(
        x, y, signed=y, noise=np.ones(2), clusters=np.arange(2), config=CompareConfig(n_bootstrap=200)
    )
    assert np.isfinite(found["shift"].value)
    assert np.isnan(found["shift"].low)


@pytest.mark.parametrize(("n_agree", "n_signed"), [(10, 10), (0, 7), (5, 10), (9, 13), (1, 1), (40, 61)])
def test_the_sign_test_is_binomial_and_its_interval_that_of_clopper_and_pearson(n_agree: int, n_signed: int) -> None:
    p, share = sign_test(n_agree, n_signed, confidence=0.9)
    n_against = n_signed - n_agree
    tail = sum(math.comb(n_signed, k) for k in range(min(n_agree, n_against) + 1)) / 2**n_signed
    low = stats.beta.ppf(0.05, n_agree, n_against + 1) if n_agree else 0.0
    high = stats.beta.ppf(0.95, n_agree + 1, n_against) if n_against else 1.0
    assert p == pytest.approx(min(1.0, 2 * tail))
    assert (share.value, share.low, share.high) == pytest.approx((n_agree / n_signed, low, high))


def test_ten_of_ten_is_two_in_a_thousand_and_nothing_is_unknown() -> None:
    p, share = sign_test(10, 10, confidence=0.95)
    assert p == pytest.approx(2 * 0.5**10)
    assert share.low == pytest.approx(0.025 ** (1 / 10))  # Clopper-Pearson where all agree
    assert np.isnan(sign_test(0, 0, confidence=0.95)[0])


def test_noise_is_the_pooled_within_stimulus_sd() -> None:
    groups = [np.array([1.0, 2.0, 4.0]), np.array([3.0, 3.5]), np.array([7.0])]
    repeats = np.full((3, 3), np.nan)
    for row, group in enumerate(groups):
        repeats[row, : len(group)] = group
    expected = np.sqrt((2 * np.var(groups[0], ddof=1) + np.var(groups[1], ddof=1)) / 3)
    assert noise_sd(repeats) == pytest.approx(expected)
    assert np.isnan(noise_sd(repeats[2:]))


def test_means_drawn_anew_scatter_as_the_noise_over_root_k() -> None:
    draw = np.random.default_rng(6)
    repeats = draw.normal(size=(400, 3)) * 2.0 + draw.normal(size=(400, 1))
    residuals = pool_residuals(repeats)
    assert residuals.std() == pytest.approx(2.0, rel=0.05)
    drawn = resample_means(np.array([[5.0, 1], [7.0, 4]]), residuals, count=20_000, seed=0, what="a")
    assert drawn.mean(axis=0) == pytest.approx([5.0, 7.0], abs=0.05)
    assert drawn.std(axis=0) == pytest.approx([2.0, 1.0], rel=0.06)
