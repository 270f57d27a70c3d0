"""What was measured of each target: the mean over its voxels, and how much of it could be predicted. Never predicts."""

from __future__ import annotations

import numpy as np

from core.encoders.noise_ceiling import estimate_noise_ceiling, has_repeats
from core.types import FloatArray


def average_voxels(responses: FloatArray, voxels: list[list[int]]) -> FloatArray:
    """The mean over each target's voxels, (n_images, n_repeats, n_targets), of (n_images, n_repeats, n_voxels)."""
    columns = [np.asarray(responses[:, :, chosen], dtype=np.float64).mean(axis=2) for chosen in voxels]
    return np.stack(columns, axis=2)


def find_ceilings(repeats: FloatArray, rows: list[int], of_voxels: FloatArray, voxels: list[list[int]]) -> FloatArray:
    """The noise ceiling of each target, (n_targets,), NaN where it is unknown.

    The noise of a mean over voxels is less than that of its voxels, so its ceiling comes from its own repeats; where
    only means over repeats are kept, that of a single voxel is its own and that of several is unknown.

    Parameters
    ----------
    repeats : (n_images, n_repeats, n_targets)
    rows : list of int
        The images predictions are compared on.
    of_voxels : (n_voxels,)
    voxels : list of voxel numbers, one list a target
    """
    if rows and has_repeats(repeats):
        scored = np.zeros(len(repeats), dtype=bool)
        scored[rows] = True
        return estimate_noise_ceiling(repeats, scored=scored)
    return np.asarray([of_voxels[chosen[0]] if len(chosen) == 1 else np.nan for chosen in voxels], dtype=np.float64)
