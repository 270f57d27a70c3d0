"""Levels and coverages of the analyses by simulation with known truth, beside plain percentile intervals.

Encoders differ by target, by image and by both; see `tests.helpers.crossed`. "percentile" is the plain crossed
bootstrap of targets and images, as it was used up to version 0.3.

Run: python -m tests.benchmarks.bench_statistics [--runs N]
"""

from __future__ import annotations

import argparse

import numpy as np

from core.sweeps.discriminability import VARIATION, intraclass, spread
from core.sweeps.statistics import holm, interval_of_mean
from core.types import FloatArray
from tests.helpers.crossed import add_crossed, count_false_pairs

SIZES = ((2, 8), (4, 8), (8, 8), (20, 30))
"""Targets and images."""
COUNT = 1000
"""Resamples of the percentile intervals."""
LARGEST_LEVEL, LEAST_COVERAGE = 0.065, 0.92


def resample(draw: np.random.Generator, values: FloatArray) -> FloatArray:
    """Means over drawn images of drawn targets, (COUNT, n_encoders, n_targets)."""
    n_targets, n_images = values.shape[1:]
    of_images = draw.multinomial(n_images, np.full(n_images, 1 / n_images), COUNT) / n_images
    tables = np.einsum("eti,bi->bet", values, of_images)
    return np.take_along_axis(tables, draw.integers(0, n_targets, (COUNT, 1, n_targets)), axis=2)


def percentile_level(n_targets: int, n_images: int, *, of_targets: float, n_runs: int) -> float:
    """The family-wise error of bootstrapped pairs of four equal encoders, Holm-corrected."""
    draw, found = np.random.default_rng(2), 0
    first, second = np.triu_indices(4, k=1)
    for _ in range(n_runs):
        values = add_crossed(draw, np.zeros(4), n_targets, n_images, of_targets=of_targets)
        means = resample(draw, values).mean(axis=2)
        difference = means[:, first] - means[:, second]
        tail = np.minimum((difference <= 0).sum(axis=0), (difference >= 0).sum(axis=0))
        found += bool((holm(np.minimum(2 * (tail + 1) / (COUNT + 1), 1)) < 0.05).any())
    return found / n_runs


def one_way(tables: FloatArray) -> FloatArray:
    """The ICC(1,1) that was told up to version 0.3, of tables (..., n_encoders, n_items)."""
    n_encoders, n_items = tables.shape[-2:]
    means = tables.mean(axis=-1)
    between = n_items * means.var(axis=-1, ddof=1)
    within = ((tables - means[..., np.newaxis]) ** 2).sum(axis=(-2, -1)) / (n_encoders * (n_items - 1))
    return np.asarray((between - within) / (between + (n_items - 1) * within))


def variation(tables: FloatArray) -> FloatArray:
    """SD over mean of the encoder means."""
    means = tables.mean(axis=-1)
    return np.asarray(means.std(axis=-1, ddof=1) / means.mean(axis=-1))


def cover(n_targets: int, n_images: int, *, n_runs: int) -> dict[str, tuple[float, float]]:
    """Coverage of the 95 % intervals, ours and percentile, of five quantities."""
    draw = np.random.default_rng(3)
    hits: dict[str, tuple[int, int]] = {}
    sizes = {"shared": 1.5, "of_targets": 1.5, "of_images": 0.7, "of_both": 1.5}

    def note(name: str, truth: float, low: float, high: float, ends: FloatArray) -> None:
        ours, theirs = hits.get(name, (0, 0))
        inside = [
            one - 1e-9 <= truth <= other + 1e-9 for one, other in ((low, high), np.quantile(ends, (0.025, 0.975)))
        ]
        hits[name] = (ours + inside[0], theirs + inside[1])

    for _ in range(n_runs):
        values = add_crossed(draw, np.full(1, 5.0), n_targets, n_images, **sizes)
        found = interval_of_mean(values[0], 0.95)
        note("mean", 5.0, found.low, found.high, resample(draw, values[:1]).mean(axis=(1, 2)))
        for name, means in (("variation, equal", (5.0,) * 4), ("variation, unequal", (1.5, 5.0, 7.0, 8.0))):
            values, truth = add_crossed(draw, np.asarray(means), n_targets, n_images, **sizes), np.asarray(means)
            found = spread(values, 0.95)[VARIATION]
            exact = float(truth.std(ddof=1) / truth.mean())
            note(name, exact, found.low, found.high, variation(resample(draw, values)))
        for name, between in (("ICC, alike", 0.5), ("ICC, far apart", 5.0)):
            values = add_crossed(draw, between * draw.standard_normal(4), n_targets, n_images, **sizes)
            found = intraclass(values, 0.95)
            exact = between**2 / (between**2 + 2 * 1.5**2 + 1.5**2 / n_images)
            note(name, exact, found.low, found.high, one_way(resample(draw, values)))
    return {name: (ours / n_runs, theirs / n_runs) for name, (ours, theirs) in hits.items()}


def main() -> int:
    """Print both tables; returns 1 if a level is too high or a coverage too low."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    n_runs, wrong = parser.parse_args().runs, 0
    print(f"Family-wise error of pairs that differ, nominal .05, {n_runs} runs (percentile: {max(n_runs // 4, 50)})")
    for n_targets, n_images in SIZES:
        for of_targets in (0.3, 1.0):
            ours = count_false_pairs(n_targets, n_images, of_targets=of_targets, n_runs=n_runs, seed=1) / n_runs
            theirs = percentile_level(n_targets, n_images, of_targets=of_targets, n_runs=max(n_runs // 4, 50))
            wrong += ours > LARGEST_LEVEL
            print(
                f"  {n_targets:2} x {n_images:2}, by target {of_targets}: {ours:.3f} (percentile {theirs:.3f})",
                flush=True,
            )
    n_runs = max(n_runs // 4, 50)
    print(f"Coverage of 95 % intervals, {n_runs} runs")
    for n_targets, n_images in SIZES:
        for name, (ours, theirs) in cover(n_targets, n_images, n_runs=n_runs).items():
            wrong += ours < LEAST_COVERAGE
            print(f"  {n_targets:2} x {n_images:2}, {name}: {ours:.3f} (percentile {theirs:.3f})", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
