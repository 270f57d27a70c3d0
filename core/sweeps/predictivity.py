"""How well each encoder predicts held-out responses: r (Pearson) per target, r2 / noise ceiling, r2 = 0 below r = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.scores import correlate, explained, over_ceiling
from core.sweeps.gather import Sweep
from core.sweeps.plan import PREDICT, Cell
from core.sweeps.statistics import UNKNOWN, Interval, find_error, interval_by_t, mean_over_known
from core.types import FloatArray

LEAST_TEST_IMAGES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Predictivity:
    """Scores on held-out images.

    Parameters
    ----------
    r, r2_ceiling : (n_encoders, n_targets). NaN where too little was held out, or the ceiling is too near 0.
    by_image : tuple of (n_targets, n_test), one an encoder
        Each image's part in r: pseudo-values, whose mean over images is r.
    """

    r: FloatArray
    r2_ceiling: FloatArray
    by_image: tuple[FloatArray, ...]

    @property
    def n_test(self) -> tuple[int, ...]:
        """Held-out images of each encoder."""
        return tuple(one.shape[1] for one in self.by_image)

    def table(self) -> FloatArray:
        """`by_image` of all encoders, (n_encoders, n_targets, n_images).

        Where encoders were tested on different numbers of images (several subjects), each keeps its r and as many
        parts as all have, which makes errors larger, never smaller.
        """
        fewest = min((count for count in self.n_test if count >= LEAST_TEST_IMAGES), default=LEAST_TEST_IMAGES)
        found = np.full((*self.r.shape, fewest), np.nan)
        for row, one, r in zip(found, self.by_image, self.r, strict=True):
            if one.shape[1] >= fewest:
                part = one[:, :fewest]
                row[:] = part - part.mean(axis=1, keepdims=True) + r[:, np.newaxis]
        return found


def measure_predictivity(sweep: Sweep) -> Predictivity:
    """Score every encoder of a sweep."""
    rows, ceilings, by_image = [], [], []
    for encoder in range(len(sweep.config.encoders)):
        stored = sweep.store.load(Cell(PREDICT, encoder))
        predicted, measured = stored["predicted"], stored["measured"]
        n_images, n_targets = np.shape(predicted)
        known = n_images >= LEAST_TEST_IMAGES
        r = correlate(predicted, measured) if known else np.full(n_targets, np.nan)
        rows.append(r)
        ceilings.append(over_ceiling(explained(r), stored["noise_ceiling"]) if known else r)
        by_image.append(part_r(predicted, measured) if known else np.full((n_targets, n_images), np.nan))
    return Predictivity(np.stack(rows), np.stack(ceilings), tuple(by_image))


def interval_of_r(parts: FloatArray, confidence: float) -> Interval:
    """Mean r of the parts (n_targets, n_images) that `part_r` gives, with its interval on Fisher's z = artanh r."""
    if not parts.size:
        return UNKNOWN
    error, freedom = (float(one) for one in find_error(parts))
    r = float(mean_over_known(parts, axis=(0, 1)))
    if not abs(r) < 1:
        return Interval(r, UNKNOWN.low, UNKNOWN.high)
    on_z = interval_by_t(float(np.arctanh(r)), error / (1 - r**2), freedom, confidence)
    return Interval(r, float(np.tanh(on_z.low)), float(np.tanh(on_z.high)))


def part_r(predicted: FloatArray, measured: FloatArray) -> FloatArray:
    """r + (n - 1) (mean of r without an image - r without this one), (n_targets, n_images); both (n_images, n_targets).

    The jackknife's pseudo-values (Efron & Tibshirani 1993), moved so that their mean is r itself; 0 where r is 0
    because one never varies.
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (predicted, measured))
    n_images = len(x)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    share = n_images / (n_images - 1)
    sums = [(one * two).sum(axis=0) - share * one * two for one, two in ((x, y), (x, x), (y, y))]
    size = np.sqrt(np.maximum(sums[1], 0) * np.maximum(sums[2], 0))
    without = np.divide(sums[0], size, out=np.zeros_like(size), where=size > 0)
    r = correlate(predicted, measured)
    return np.asarray((r + (n_images - 1) * (without.mean(axis=0) - without) * (r != 0)).T)
