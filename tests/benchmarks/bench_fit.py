"""Ridge with a penalty per voxel against himalaya and scikit-learn, lasso against scikit-learn: time and peak memory.

The same features, responses, penalties and folds for all; processor time, turn by turn. scikit-learn's RidgeCV chooses
by leave-one-out (its efficient way, and the only one with a penalty per voxel). Peak memory is that of a process of its
own.

Run: python -m tests.benchmarks.bench_fit [--turns N] [--no-peaks]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from core.encoders.config import EncoderConfig
from core.encoders.crossval import make_design, make_folds, solve_batch
from core.encoders.solve import split_voxels
from tests.benchmarks.interleave import set_one_thread, time_interleaved
from tests.benchmarks.peak_memory import peak_bytes

ALPHAS = tuple(np.logspace(-1, 6, 10).tolist())
SIZES = {"tall": (1500, 400, 3000), "wide": (600, 6000, 2000)}
"""Images, features, voxels."""
SPARSE_SIZE = (800, 100, 60)
BUDGETS = {"tall": 1.05, "wide": 3.0}
"""Largest time over himalaya's. Its float32 Gram matrix of many features is quicker than a float64 one."""


def simulate(n_images: int, n_features: int, n_voxels: int) -> tuple[np.ndarray, np.ndarray]:
    """Features with a falling spectrum and noisy linear responses."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((n_images, n_features)) * np.arange(1, n_features + 1) ** -0.5
    readout = generator.standard_normal((n_features, n_voxels))
    responses = features @ readout / 3 + generator.standard_normal((n_images, n_voxels))
    return features.astype(np.float32), responses.astype(np.float32)


def fit_own(features: np.ndarray, responses: np.ndarray, config: EncoderConfig) -> np.ndarray:
    """This program's design and batches; the penalties chosen, in the features' own unit."""
    design = make_design(config, features, [str(row) for row in range(len(features))])
    batches = split_voxels(np.arange(responses.shape[1]), len(features))
    parts = [solve_batch(config, design, responses[:, voxels]) for voxels in batches]
    return np.concatenate([part.alpha for part in parts])


def ridge_tasks(size: str) -> dict[str, Callable[[], np.ndarray]]:
    """Each way to the penalties and weights of the same problem."""
    from himalaya.kernel_ridge import KernelRidgeCV
    from himalaya.ridge import RidgeCV
    from sklearn.linear_model import RidgeCV as SklearnRidgeCV

    features, responses = simulate(*SIZES[size])
    n_images, n_features, _ = SIZES[size]
    scale = float(features.var(axis=0).mean())
    config = EncoderConfig("simulated", "none", "none", reducer="none", alphas=ALPHAS)
    folds = make_folds([str(row) for row in range(n_images)], 5, seed=0)
    splits = [(np.setdiff1d(np.arange(n_images), fold), fold) for fold in folds]
    alphas = [alpha * scale for alpha in ALPHAS]
    centred, target = features - features.mean(axis=0), responses - responses.mean(axis=0)

    def run_himalaya() -> np.ndarray:
        if n_features <= n_images:
            fitted = RidgeCV(alphas=alphas, fit_intercept=True, cv=splits, solver_params={"n_targets_batch": 1000})
            return np.asarray(fitted.fit(features, responses).best_alphas_) / scale
        batched = {"n_targets_batch": 1000}
        fitted = KernelRidgeCV(alphas=alphas, cv=splits, solver_params=batched).fit(centred, target)
        weights = centred.T @ np.asarray(fitted.dual_coef_)  # the encoder needs them
        return np.asarray(fitted.best_alphas_) / scale if np.isfinite(weights).all() else np.empty(0)

    def run_sklearn() -> np.ndarray:
        fitted = SklearnRidgeCV(alphas=alphas, alpha_per_target=True).fit(features, responses)
        return np.asarray(fitted.alpha_) / scale

    fit_own(features[:60, :20], responses[:60, :10], config)  # what is loaded once is no part of it
    return {
        "probescope": lambda: fit_own(features, responses, config),
        "himalaya": run_himalaya,
        "scikit-learn": run_sklearn,
    }


def sparse_tasks() -> dict[str, Callable[[], np.ndarray]]:
    """Lasso by 5 folds over 10 penalties for every voxel."""
    from sklearn.linear_model import LassoCV

    features, responses = simulate(*SPARSE_SIZE)
    config = EncoderConfig("simulated", "none", "none", reducer="none", readout="lasso")
    folds = make_folds([str(row) for row in range(SPARSE_SIZE[0])], 5, seed=0)
    splits = [(np.setdiff1d(np.arange(SPARSE_SIZE[0]), fold), fold) for fold in folds]

    def run_sklearn() -> np.ndarray:
        made = LassoCV(eps=1e-3, alphas=10, cv=splits)
        return np.array([made.fit(features, responses[:, voxel]).alpha_ for voxel in range(responses.shape[1])])

    return {"probescope": lambda: fit_own(features, responses, config), "scikit-learn": run_sklearn}


def print_peaks(size: str) -> None:
    """Peak memory of each, in a process of its own, over that of a process that only makes the data."""
    peaks = {}
    for name in ("nothing", *ridge_tasks(size)):
        command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.bench_fit", "--only", size, name]
        peaks[name] = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
    told = ", ".join(f"{name} {peak - peaks['nothing']:.0f} MB" for name, peak in peaks.items() if name != "nothing")
    print(f"  peak memory beyond data and libraries: {told}")


def main(arguments: list[str] | None = None) -> bool:
    """Print times, ratios and peaks; whether each size stays within its budget over himalaya."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--no-peaks", action="store_true", help="only times")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    set_one_thread()
    warnings.simplefilter("ignore")
    if options.only:
        ridge_tasks(options.only[0]).get(options.only[1], lambda: np.empty(0))()
        print(peak_bytes() / 1e6)
        return True
    kept = True
    for size, shape in SIZES.items():
        tasks = ridge_tasks(size)
        chosen: dict[str, np.ndarray] = {}

        def keep(name: str, task: Callable[[], np.ndarray], into: dict[str, np.ndarray] = chosen) -> None:
            into[name] = task()

        kept_tasks = {name: partial(keep, name, task) for name, task in tasks.items()}
        timing = time_interleaved(kept_tasks, options.turns, n_warm=0)
        same = float(np.isclose(chosen["probescope"], chosen["himalaya"], rtol=1e-3).mean())
        print("ridge, {} images x {} features x {} voxels, 10 penalties, 5 folds".format(*shape))
        for name in tasks:
            print(f"  {name:14s}{timing.median_ms(name) / 1e3:7.2f} s  x {timing.ratio(name, 'probescope')}")
        print(f"  penalties equal to himalaya's: {100 * same:.1f} % of the voxels")
        if not options.no_peaks:
            print_peaks(size)
        kept &= 1 / timing.quartiles("himalaya", "probescope")[1] <= BUDGETS[size]
    timing = time_interleaved(sparse_tasks(), options.turns, n_warm=0)
    print("lasso, {} images x {} features x {} voxels, 10 penalties, 5 folds".format(*SPARSE_SIZE))
    for name in ("probescope", "scikit-learn"):
        print(f"  {name:14s}{timing.median_ms(name) / 1e3:7.2f} s  x {timing.ratio(name, 'probescope')}")
    return kept


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
