"""Discriminability: how well a measure separates encoders, by five statistics and their bootstrap. Pure numbers.

For each statistic the values are means over images, (n_encoders, n_targets), but for the intervals images and targets
are drawn anew. Sensitivity and predictivity are treated alike and stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.sweeps.gather import Sweep
from core.sweeps.predictivity import measure_predictivity, resample_r
from core.sweeps.statistics import (
    Interval,
    Resamples,
    compare_pairs,
    count_draws,
    count_for_pairs,
    draw_resamples,
    interval_of,
)
from core.types import FloatArray


def coefficient_of_variation(values: FloatArray) -> float:
    """SD over encoders of the encoder means, over their mean; of values (n_encoders, n_items)."""
    means = values.mean(axis=1)
    return float(means.std(ddof=1) / abs(means.mean())) if means.mean() else float("nan")


def normalised_variance(values: FloatArray) -> float:
    """var / mean^2 of the encoder means, of values (n_encoders, n_items): the coefficient of variation squared."""
    return coefficient_of_variation(values) ** 2


def treves_rolls(values: FloatArray) -> float:
    """1 - (mean |s|)^2 / mean(s^2) over the encoder means s (Treves & Rolls 1991): 0 if all are alike."""
    means = values.mean(axis=1)
    square = float((means**2).mean())
    return 1 - float(np.abs(means).mean()) ** 2 / square if square else float("nan")


def intraclass(values: FloatArray) -> float:
    """ICC(1,1) = between / (between + within) of values (n_encoders, n_items), from one-way mean squares.

    between = (MSB - MSW) / n_items, within = MSW (Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420). It falls below
    0 where encoders differ less than chance lets them.
    """
    n_encoders, n_items = values.shape
    if n_items < 2 or n_encoders < 2:
        return float("nan")
    means = values.mean(axis=1, keepdims=True)
    between = n_items * float(((means - values.mean()) ** 2).sum()) / (n_encoders - 1)
    within = float(((values - means) ** 2).sum()) / (n_encoders * (n_items - 1))
    total = between + (n_items - 1) * within
    return (between - within) / total if total else float("nan")


STATISTICS: dict[str, Callable[[FloatArray], float]] = {
    "coefficient of variation": coefficient_of_variation,
    "normalised variance": normalised_variance,
    "Treves-Rolls sparseness": treves_rolls,
    "ICC": intraclass,
}
PAIRS = "pairs that differ"


@dataclass(frozen=True, slots=True, eq=False)
class Discrimination:
    """How one measure separates the encoders.

    `statistics` by name, with "pairs that differ" (its interval is NaN: it is itself made of the resamples);
    `adjusted_p` (n_pairs,) Holm-corrected, pairs as in `numpy.triu_indices`; `means` an interval an encoder.
    """

    measure: str
    unit: str
    means: tuple[Interval, ...]
    statistics: dict[str, Interval]
    adjusted_p: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Discriminability:
    """Both measures, and for each statistic the interval of sensitivity minus predictivity."""

    labels: tuple[str, ...]
    sensitivity: Discrimination
    predictivity: Discrimination
    difference: dict[str, Interval]
    n_resamples: int


def analyse_discriminability(sweep: Sweep) -> Discriminability:
    """Answer the question from a finished sweep, at its highest budget."""
    config = sweep.config
    count = count_for_pairs(len(config.encoders), config.n_bootstrap)
    values = sweep.sensitivity()[..., -1]
    draws = draw_resamples(len(config.images), len(config.targets), count=count, seed=config.seed)
    predictions = [sweep.predictions(encoder) for encoder in range(len(config.encoders))]
    r = measure_predictivity(sweep).r
    r_tables = resample_r_tables(predictions, count=count, seed=config.seed)
    s_tables = resample_tables(values, draws)
    first, s_spread = _discriminate("sensitivity", "SD", values.mean(axis=2), s_tables, confidence=config.confidence)
    second, r_spread = _discriminate("predictivity", "r", r, r_tables, confidence=config.confidence)
    difference = {
        name: interval_of(
            first.statistics[name].value - second.statistics[name].value,
            s_spread[name] - r_spread[name],
            config.confidence,
        )
        for name in STATISTICS
    }
    return Discriminability(sweep.labels, first, second, difference, count)


def resample_tables(values: FloatArray, resamples: Resamples) -> FloatArray:
    """Means over resampled images of resampled targets: (n_resamples, n_encoders, n_targets).

    Parameters
    ----------
    values : (n_encoders, n_targets, n_images)
    resamples : Resamples
    """
    weights = count_draws(resamples.images, values.shape[2]) / values.shape[2]
    means = np.einsum("eti,bi->bet", values, weights)
    return np.asarray(np.take_along_axis(means, resamples.targets[:, np.newaxis, :], axis=2))


def resample_r_tables(predictions: list[dict[str, FloatArray]], *, count: int, seed: int) -> FloatArray:
    """r of resampled targets over resampled held-out images: (n_resamples, n_encoders, n_targets).

    Encoders with the same held-out images see the same draws.
    """
    tables = [resample_r(one["predicted"], one["measured"], count=count, seed=seed) for one in predictions]
    return np.stack(tables, axis=1)


def _discriminate(
    measure: str, unit: str, values: FloatArray, tables: FloatArray, *, confidence: float
) -> tuple[Discrimination, dict[str, FloatArray]]:
    spread = {name: np.asarray([statistic(table) for table in tables]) for name, statistic in STATISTICS.items()}
    found = {name: interval_of(STATISTICS[name](values), spread[name], confidence) for name in STATISTICS}
    means = tables.mean(axis=2)
    adjusted, differs = compare_pairs(means, level=1 - confidence)
    found[PAIRS] = Interval(float(differs.mean()), float("nan"), float("nan"))
    intervals = tuple(
        interval_of(value, means[:, encoder], confidence) for encoder, value in enumerate(values.mean(axis=1).tolist())
    )
    return Discrimination(measure, unit, intervals, found, adjusted), spread
