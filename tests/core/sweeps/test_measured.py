"""The mean of a target's voxels and its noise ceiling."""

from __future__ import annotations

import numpy as np
import pytest

from core.sweeps.run import average_voxels, find_ceilings

N_IMAGES, N_REPEATS, N_VOXELS = 4000, 3, 25


def simulate() -> np.ndarray:
    """One signal shared by all voxels (SD 1) under independent noise (SD 2): (n_images, n_repeats, n_voxels)."""
    generator = np.random.default_rng(0)
    signal = generator.standard_normal((N_IMAGES, 1, 1))
    return signal + 2 * generator.standard_normal((N_IMAGES, N_REPEATS, N_VOXELS))


def test_the_mean_of_voxels_has_the_ceiling_of_its_own_noise() -> None:
    voxels = [[3], list(range(N_VOXELS))]
    repeats = average_voxels(simulate(), voxels)
    one = 1 / (1 + 4 / N_REPEATS)
    found = find_ceilings(repeats, list(range(N_IMAGES)), np.full(N_VOXELS, one), voxels)
    mean = 1 / (1 + 4 / N_VOXELS / N_REPEATS)
    assert found == pytest.approx([one, mean], abs=0.02)


def test_without_repeats_only_a_single_voxel_has_a_known_ceiling() -> None:
    means = simulate().mean(axis=1, keepdims=True)
    voxels = [[3], [1, 2]]
    found = find_ceilings(average_voxels(means, voxels), [0, 1], np.full(N_VOXELS, 0.4), voxels)
    assert found[0] == 0.4 and np.isnan(found[1])


def test_a_target_is_the_plain_mean_of_its_voxels() -> None:
    responses = np.arange(24.0).reshape(2, 3, 4)
    repeats = average_voxels(responses, [[0, 2], [1]])
    assert repeats.shape == (2, 3, 2)
    assert repeats[1, 2].tolist() == [(20.0 + 22.0) / 2, 21.0]
