"""How well each encoder predicts held-out responses, and its resamples over images and targets.

r (Pearson) per target, r2 = r^2 (0 where r is negative), r2 / noise ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.scores import correlate, explained, over_ceiling
from core.statistics import correlate_resamples, count_draws
from core.sweeps.gather import Sweep
from core.sweeps.statistics import draw_resamples
from core.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Predictivity:
    """Scores on held-out images.

    Parameters
    ----------
    r, r2_ceiling : (n_encoders, n_targets)
        NaN where nothing was held out, or the ceiling is too near 0.
    n_test : tuple of int
        Held-out images of each encoder.
    """

    r: FloatArray
    r2_ceiling: FloatArray
    n_test: tuple[int, ...]


LEAST_TEST_IMAGES = 3


def measure_predictivity(sweep: Sweep) -> Predictivity:
    """Score every encoder of a sweep."""
    rows, ceilings, n_test = [], [], []
    for encoder in range(len(sweep.config.encoders)):
        stored = sweep.predictions(encoder)
        predicted, measured = stored["predicted"], stored["measured"]
        n_test.append(len(predicted))
        if len(predicted) < LEAST_TEST_IMAGES:
            n_targets = len(sweep.config.targets)
            rows.append(np.full(n_targets, np.nan))
            ceilings.append(np.full(n_targets, np.nan))
            continue
        r = correlate(predicted, measured)
        rows.append(r)
        ceilings.append(over_ceiling(explained(r), stored["noise_ceiling"]))
    return Predictivity(np.stack(rows), np.stack(ceilings), tuple(n_test))


def resample_mean_r(sweep: Sweep, encoder: int, chosen: BoolArray) -> FloatArray:
    """Mean r over the chosen targets in every resample of held-out images and of these targets, (n_resamples,).

    The draws are the same for every encoder of a subject.
    """
    config, stored = sweep.config, sweep.predictions(encoder)
    predicted, measured = stored["predicted"][:, chosen], stored["measured"][:, chosen]
    return np.asarray(resample_r(predicted, measured, count=config.n_bootstrap, seed=config.seed).mean(axis=1))


def resample_r(predicted: FloatArray, measured: FloatArray, *, count: int, seed: int) -> FloatArray:
    """r of every resampled target over resampled images, (n_resamples, n_targets); NaN below three images."""
    n_images, n_targets = predicted.shape
    if n_images < LEAST_TEST_IMAGES:
        return np.full((count, n_targets), np.nan)
    resamples = draw_resamples(n_images, n_targets, count=count, seed=seed)
    r = correlate_resamples(predicted, measured, count_draws(resamples.images, n_images))
    return np.asarray(np.take_along_axis(r, resamples.targets, axis=1))
