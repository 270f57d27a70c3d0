"""Statistics of measured against predicted shifts, and their bootstrap intervals. Pure functions of arrays.

The intervals are BCa (Efron 1987, doi:10.1080/01621459.1987.10478410) at the expanded level of Hesterberg 2015. Plain
percentile intervals of 10 to 40 probes cover too little: a sample's SD is too small, and dz and r are skewed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from core.experiments.measured.compare_config import CompareConfig
from core.seeds import make_stream
from core.statistics import LEAST_KNOWN, UNKNOWN, Interval, correlate_resamples, interval_bc
from core.types import FloatArray, IntArray

SUMMARY = ("shift", "dz", "in_noise", "r", "slope", "intercept")
"""The rows of `summarise_pairs`."""

LARGEST_R = 1 - 1e-12
"""Of which artanh is finite."""
LEAST_ITEMS = 3
"""Fewer probes, or images, give no interval."""


def summarise_pairs(
    weights: FloatArray, x: FloatArray, y: FloatArray, *, signed: FloatArray, noise: FloatArray
) -> FloatArray:
    """Every statistic of `SUMMARY` under weights of the probes: (6, n_weightings).

        shift = mean(d)      dz = mean(d) / SD(d)      in_noise = mean(d / noise)
        slope = cov(x, y) / var(x)      r = cov(x, y) / (SD(x) SD(y))      intercept = mean(y) - slope mean(x)

    SDs divide by n - 1. What is not defined (no spread, one probe) is NaN.

    Parameters
    ----------
    weights : (n_weightings, n_probes). How often each probe counts; whole numbers.
    x, y : (n_probes,). Predicted and measured shifts.
    signed : (n_probes,). d, the measured shifts times the sign of the predicted ones.
    noise : (n_probes,). SD of one measured response to one stimulus, from repeats.
    """
    weights = np.asarray(weights, dtype=np.float64)
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):

        def mean(values: FloatArray) -> FloatArray:
            return np.asarray(weights @ values / total)

        centred = signed - signed.mean()
        shift = mean(signed)
        var_d = known_spread(mean(centred**2) - mean(centred) ** 2, signed) * total / (total - 1)
        found = (shift, shift / np.sqrt(var_d), mean(signed / noise), *fit_line(weights, x, y))
    return np.stack(found)


def fit_line(weights: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """r, slope and intercept of y on x, (3, n_weightings), as `summarise_pairs` defines them; NaN without a spread."""
    weights = np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)
    one, other = (values - values.mean() if np.ptp(values) else np.zeros_like(values) for values in (x, y))
    mean_x, mean_y = weights @ one, weights @ other
    var_x, var_y = known_spread(weights @ one**2 - mean_x**2, x), known_spread(weights @ other**2 - mean_y**2, y)
    r = correlate_resamples(x[:, np.newaxis], y[:, np.newaxis], weights)[:, 0]
    slope = (weights @ (one * other) - mean_x * mean_y) / var_x
    intercept = y.mean() + mean_y - slope * (x.mean() + mean_x)
    return np.stack([np.where(np.isfinite(var_x + var_y), r, np.nan), slope, intercept])


def known_spread(variance: FloatArray, values: FloatArray) -> FloatArray:
    """Variances of some of the values; NaN where there is none but rounding."""
    least = max(1e-12 * np.nanmax(variance, initial=0.0), (1e-13 * np.abs(values).max(initial=0.0)) ** 2, 1e-300)
    return np.where(variance > least, variance, np.nan)


def bootstrap_summary(
    x: FloatArray, y: FloatArray, *, signed: FloatArray, noise: FloatArray, clusters: IntArray, config: CompareConfig
) -> dict[str, Interval]:
    """Every statistic of `SUMMARY` with its BCa interval over probes, or over clusters of probes drawn together.

    `x`, `y`, `signed`, `noise` (n_probes,): as in `summarise_pairs`. `clusters` (n_probes,): numbers from 0; probes of
    one number are drawn together (images), all different for single probes.
    """

    def summarise(weights: FloatArray) -> FloatArray:
        return summarise_pairs(weights, x, y, signed=signed, noise=noise)

    key = ("probes", int(clusters.max()) + 1, len(x))
    return dict(zip(SUMMARY, bootstrap_rows(summarise, clusters, config, key=key, bca=True), strict=True))


def bootstrap_rows(
    summarise: Callable[[FloatArray], FloatArray],
    items: IntArray,
    config: CompareConfig,
    *,
    key: tuple[str | int, ...],
    most: Sequence[float] = (),
    confidence: float | None = None,
    bca: bool = False,
) -> list[Interval]:
    """Intervals of statistics (n_statistics, n_weightings) that `summarise` gives of weights (n_weightings, n).

    Parameters
    ----------
    items : (n,). What is drawn together, numbered from 0.
    key : Names the random stream.
    most : Of the first statistics, which are r or differences of two: the largest one possible.
    bca : All by `interval_bca`, in place of `interval_of_r` and `interval_t`.
    """
    n_items, stream = int(items.max()) + 1, make_stream(config.seed, *key)
    level = config.confidence if confidence is None else confidence

    def spread(weights: FloatArray) -> FloatArray:
        return summarise(weights[:, items])

    draws = stream.multinomial(n_items, np.full(n_items, 1 / n_items), size=config.n_bootstrap).astype(np.float64)
    rows = list(zip(spread(np.ones((1, n_items)))[:, 0].tolist(), spread(draws), strict=True))
    if bca:
        left_out = spread(1.0 - np.eye(n_items)) if n_items >= LEAST_ITEMS else np.full((len(rows), n_items), np.nan)
        return [interval_bca(*row, out, confidence=level) for row, out in zip(rows, left_out, strict=True)]
    return [
        *(interval_of_r(*row, n_items, confidence=level, most=one) for row, one in zip(rows, most, strict=False)),
        *(interval_t(*row, n_items, confidence=level) for row in rows[len(most) :]),
    ]


def interval_t(value: float, resampled: FloatArray, n_items: int, *, confidence: float) -> Interval:
    """value +- t SE, the SE that of the resamples (n_resamples,) times sqrt(n / (n - 1)), t with n - 1 degrees.

    For few items this covers better than percentiles of any kind (Efron & Tibshirani 1993, section 12.4). For their SD
    half the distance between the 16th and the 84th percentile is taken: ratios have resamples that divide by little.
    """
    known = resampled[np.isfinite(resampled)]
    if n_items < LEAST_ITEMS or len(known) < LEAST_KNOWN * len(resampled) or not np.isfinite(value):
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(known, special.ndtr([-1.0, 1.0]))
    half = special.stdtrit(n_items - 1, (1 + confidence) / 2) * (high - low) / 2 * np.sqrt(n_items / (n_items - 1))
    return Interval(value, float(value - half), float(value + half))


def interval_of_r(value: float, resampled: FloatArray, n_items: int, *, confidence: float, most: float = 1) -> Interval:
    """The same of artanh(r / most) about its value less the bias that the resamples show in the median.

    Resamples of one or two items have r of 1 or -1, of which the artanh is endless.

    `most` : largest possible r: 1, or 2 of a difference of two.
    """
    found, drawn = (np.arctanh(np.clip(one / most, -LARGEST_R, LARGEST_R)) for one in (value, resampled))
    bias = np.nanmedian(drawn) - found if np.isfinite(drawn).any() else 0.0
    around = interval_t(float(found - bias), drawn, n_items, confidence=confidence)
    return Interval(float(value), most * float(np.tanh(around.low)), most * float(np.tanh(around.high)))


def interval_bca(value: float, resampled: FloatArray, left_out: FloatArray, *, confidence: float) -> Interval:
    """The BCa interval at the expanded level, `core.statistics.interval_bc` with the acceleration of the jackknife.

    `left_out` (n_items,): the statistic with each item left out once.
    """
    if not np.isfinite(left_out).all():
        return Interval(value, np.nan, np.nan)
    spread = left_out.mean() - left_out
    scale = 6 * np.sum(spread**2) ** 1.5
    bend = float(np.sum(spread**3) / scale) if scale > 0 else 0.0
    return interval_bc(value, resampled, len(left_out), confidence=confidence, bend=bend)


def resample_means(values: FloatArray, residuals: FloatArray, *, count: int, seed: int, what: str) -> FloatArray:
    """Means over repeats as another measurement might have given them, (count, n_means).

    Each mean of k repeats gets the mean of k residuals drawn from all of the target's, so that stimuli shown once are
    served too: noise is taken to have one SD for all stimuli, as the noise ceiling does.

    `values` (n_means, 2): mean and number of repeats. `residuals` (n_residuals,): as `pool_residuals` gives them.
    """
    drawn = np.empty((count, len(values)))
    for number, (mean, repeats) in enumerate(np.asarray(values)):
        stream = make_stream(seed, "repeats", what, number)
        drawn[:, number] = mean + stream.choice(residuals, size=(count, int(repeats))).mean(axis=1)
    return drawn


def pool_residuals(repeats: FloatArray) -> FloatArray:
    """Deviations from each stimulus's mean, widened by sqrt(k / (k - 1)) to the noise's own SD: (n_residuals,).

    `repeats` (n_stimuli, most_repeats): NaN where there is none.
    """
    counts = np.isfinite(repeats).sum(axis=1)
    several = repeats[counts > 1]
    widen = np.sqrt(counts[counts > 1] / (counts[counts > 1] - 1))
    spread = (several - np.nanmean(several, axis=1, keepdims=True)) * widen[:, np.newaxis] if len(several) else several
    return np.asarray(spread[np.isfinite(spread)], dtype=np.float64)


def noise_sd(repeats: FloatArray) -> float:
    """SD of a single response around its stimulus's mean, pooled over stimuli with repeats; NaN without any.

    sqrt(sum of squared deviations / sum of (k - 1)).
    """
    counts = np.isfinite(repeats).sum(axis=1)
    several = repeats[counts > 1]
    if not len(several):
        return float("nan")
    squares = np.nansum((several - np.nanmean(several, axis=1, keepdims=True)) ** 2)
    return float(np.sqrt(squares / (counts[counts > 1] - 1).sum()))


def find_ceiling(y: FloatArray, error: FloatArray) -> float:
    """The part of the variance of measured shifts over probes that is not noise of the repeats; NaN if unknown."""
    if len(y) < 3 or not np.isfinite(error).all():
        return float("nan")
    variance = float(np.var(y, ddof=1))
    return max(0.0, 1.0 - float(np.mean(error**2)) / variance) if variance > 0 else float("nan")


def number_names(names: Sequence[str]) -> IntArray:
    """A number for each name from 0, the same in whatever order they come: (n_names,)."""
    return np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)


def count_signs(signed: FloatArray, clusters: IntArray) -> tuple[int, int]:
    """Items whose shifts, summed over an item's probes, lie the predicted way, and items that moved at all.

    `signed` (n_probes,): measured shifts times their predicted sign. `clusters` (n_probes,): the item of each.
    """
    moved = np.bincount(clusters, weights=signed)
    return int((moved > 0).sum()), int((moved != 0).sum())


def sign_test(n_agree: int, n_signed: int, *, confidence: float) -> tuple[float, Interval]:
    """The exact two-sided binomial test of "as often with as against the prediction", and the share with its interval.

        p = min(1, 2 P(X <= min(k, n - k))),  X ~ Binomial(n, 1/2)

    The interval of the share is that of Clopper & Pearson 1934 (doi:10.1093/biomet/26.4.404). NaN where nothing moved.

    Examples
    --------
    >>> p, share = sign_test(8, 10, confidence=0.95)
    >>> round(p, 6), share.describe()  # 2 x (1 + 10 + 45) / 1024
    (0.109375, '0.8 [0.444, 0.975]')
    """
    if n_signed == 0:
        return UNKNOWN.value, UNKNOWN
    tail, n_against = (1 - confidence) / 2, n_signed - n_agree
    p = min(1.0, 2 * float(special.bdtr(min(n_agree, n_against), n_signed, 0.5)))
    low = float(special.betaincinv(n_agree, n_against + 1, tail)) if n_agree else 0.0
    high = float(special.betaincinv(n_agree + 1, n_against, 1 - tail)) if n_against else 1.0
    return p, Interval(n_agree / n_signed, low, high)
