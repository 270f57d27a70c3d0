"""Streaming sums against the definition on all trials at once, also for raw values far from zero."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from core.datasets.import_stats import TrialSums, noise_ceiling
from core.encoders.responses import signal_to_noise


def add_up(folder: Path, trials: np.ndarray) -> TrialSums:
    """Sums of trials (n_images, n_repeats, n_voxels), a repeat a session."""
    n_images, n_repeats, n_voxels = trials.shape
    np.save(folder / "means.npy", np.zeros((n_images, n_voxels), dtype=np.float32))
    sums = TrialSums(folder / "means.npy", np.full(n_images, n_repeats), n_voxels=n_voxels)
    for repeat in range(n_repeats):
        values = trials[:, repeat].copy()
        for start in range(0, n_voxels, 2):  # as where not all of them fit into memory
            voxels = slice(start, min(start + 2, n_voxels))
            sums.add(np.arange(n_images), values[:, voxels].copy(), voxels=voxels, zscore=False)
    sums.finish_constant()
    return sums


@pytest.mark.parametrize("failing", range(6))
def test_trials_over_which_memory_runs_out_are_not_half_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """The sums of 300 trials take five parts; in each the memory may be the last."""
    trials, calls, square = np.random.default_rng(0).standard_normal((300, 2, 3)).astype(np.float32), [0], np.square

    def run_out(*values: object, **options: object) -> object:
        calls[0] += 1
        if calls[0] - 1 == failing:
            raise MemoryError
        return square(*values, **options)  # type: ignore[call-overload]

    np.save(tmp_path / "means.npy", np.zeros((300, 3), dtype=np.float32))
    sums = TrialSums(tmp_path / "means.npy", np.full(300, 2), n_voxels=3)
    with monkeypatch.context() as patch:
        patch.setattr(np, "square", run_out)
        for repeat in (0, 1):
            for _ in range(2 if repeat == failing // 5 else 1):
                with suppress(MemoryError):
                    sums.add(np.arange(300), trials[:, repeat].copy(), voxels=slice(0, 3), zscore=False)
    np.testing.assert_allclose(np.load(tmp_path / "means.npy"), trials.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(sums.ncsnr(), signal_to_noise(trials), rtol=1e-3)


@pytest.mark.parametrize("middle", [0, 1000, 10_000])
def test_ncsnr_is_that_of_all_trials_wherever_their_mean_lies(tmp_path: Path, middle: int) -> None:
    draw = np.random.default_rng(0)
    trials = draw.standard_normal((300, 1, 5)) + draw.standard_normal((300, 3, 5)) + middle
    stored = trials.astype(np.float32)
    sums = add_up(tmp_path, stored)
    np.testing.assert_allclose(sums.ncsnr(), signal_to_noise(stored), rtol=1e-3)
    assert not sums.constant.any()


def test_a_voxel_that_varies_by_rounding_alone_is_constant(tmp_path: Path) -> None:
    trials = np.full((50, 2, 2), 1e6, dtype=np.float32)
    trials[::2, 0, 0] = np.nextafter(np.float32(1e6), np.float32(2e6))
    trials[::2, 0, 1] += 100
    assert add_up(tmp_path, trials).constant.tolist() == [True, False]


def test_mixed_repeats_leave_the_mean_of_one_over_k() -> None:
    """A = 2 images of 3 trials, B = 1 of 2, C = 1 of 1: (2/3 + 1/2 + 1) / 4; one more is not scored."""
    n_trials, scored = np.array([3, 3, 2, 1, 1]), np.array([True, True, True, True, False])
    found = noise_ceiling(np.array([1.0, 0.0, np.inf, np.nan]), n_trials, scored=scored)
    np.testing.assert_allclose(found, [1 / (1 + 13 / 24), 0, 1, np.nan], rtol=1e-6)
