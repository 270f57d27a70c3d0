"""Simulated measures of encoders over crossed targets and images, whose true means are known."""

from __future__ import annotations

import numpy as np

from core.sweeps.statistics import compare_pairs
from core.types import FloatArray


def add_crossed(
    draw: np.random.Generator,
    means: FloatArray,
    n_targets: int,
    n_images: int,
    *,
    shared: float = 1.0,
    of_targets: float = 1.0,
    of_images: float = 0.5,
    of_both: float = 0.5,
) -> FloatArray:
    """Values (n_encoders, n_targets, n_images): the encoders' means, SDs of effects of all encoders, and of each."""
    k, t, i = len(means), n_targets, n_images
    effects = (
        (shared, (1, t, 1)),
        (shared / 2, (1, 1, i)),
        (of_targets, (k, t, 1)),
        (of_images, (k, 1, i)),
        (of_both, (k, t, i)),
    )
    values = np.asarray(means, dtype=np.float64)[:, np.newaxis, np.newaxis]
    for size, shape in effects:
        values = values + size * draw.standard_normal(shape)
    return np.asarray(values)


def count_false_pairs(
    n_targets: int, n_images: int, *, of_targets: float, n_runs: int, seed: int, n_encoders: int = 4
) -> int:
    """How many of `n_runs` experiments on equal encoders find a pair that differs, at .05 after Holm."""
    draw, found = np.random.default_rng(seed), 0
    for _ in range(n_runs):
        values = add_crossed(draw, np.zeros(n_encoders), n_targets, n_images, of_targets=of_targets)
        found += bool(compare_pairs(values, level=0.05)[1].any())
    return found
