"""How much of the variance of averaged responses could be explained at all, from repeats. Never sees predictions.

    noise ceiling = ncsnr^2 / (ncsnr^2 + q),    ncsnr = signal SD / noise SD

q is the part of the noise variance left after averaging: 1/k for k repeats of every image; with mixed repeats the mean
of 1/k over images, (A/3 + B/2 + C) / (A + B + C) for A, B, C images of 3, 2, 1 repeats (Allen et al. 2022,
doi:10.1038/s41593-021-00962-x). Given as a fraction; compare with r2, never with r.
"""

from __future__ import annotations

import numpy as np

from core.types import BoolArray, FloatArray, IntArray


def has_repeats(responses: FloatArray) -> bool:
    """Whether any image of responses (n_images, n_repeats, n_voxels) was shown twice; NaN is a missing repeat."""
    return responses.shape[1] > 1 and bool((count_repeats(responses) > 1).any())


def count_repeats(responses: FloatArray) -> IntArray:
    """Repeats of each image, (n_images,): those with a response in every voxel."""
    return np.asarray(np.isfinite(responses).all(axis=2).sum(axis=1))


def noise_share(n_repeats: IntArray) -> float:
    """q: the mean of 1 / k over images with k repeats each, (n_images,)."""
    return float(np.mean(1.0 / n_repeats))


def signal_to_noise(responses: FloatArray) -> FloatArray:
    """ncsnr of each voxel, (n_voxels,): signal SD over noise SD.

    Noise variance is the mean, over repeated images, of the variance across repeats (divided by k - 1); signal variance
    is the variance of all single responses minus the noise variance, not below 0. Infinite where there is no noise.

    Parameters
    ----------
    responses : (n_images, n_repeats, n_voxels)
        NaN where a repeat is missing.
    """
    values = responses.astype(np.float64)
    repeated = values[count_repeats(responses) > 1]
    noise = np.nanvar(repeated, axis=1, ddof=1).mean(axis=0)
    signal = np.maximum(np.nanvar(values, axis=(0, 1)) - noise, 0.0)
    ratio = np.full_like(noise, np.inf)
    np.divide(signal, noise, out=ratio, where=noise > 0)
    ratio[signal == 0] = 0.0
    return np.asarray(np.sqrt(ratio))


def estimate_noise_ceiling(responses: FloatArray, *, scored: BoolArray) -> FloatArray:
    """The noise ceiling of the mean over repeats of the scored images, (n_voxels,) in [0, 1].

    Parameters
    ----------
    responses : (n_images, n_repeats, n_voxels)
        All images serve to estimate ncsnr. At least one must have two repeats.
    scored : (n_images,) bool
        The images whose averaged responses predictions are compared with; they set q.

    Examples
    --------
    >>> responses = np.array([[1.0, 3.0], [-1.0, -3.0]])[:, :, np.newaxis]  # two images, two repeats, one voxel
    >>> # noise variance 2, signal variance 5 - 2 = 3, so ncsnr^2 = 3 / 2; two repeats leave q = 1 / 2
    >>> estimate_noise_ceiling(responses, scored=np.array([True, True]))
    array([0.75])
    """
    squared = signal_to_noise(responses) ** 2
    share = noise_share(count_repeats(responses)[scored])
    return np.where(np.isinf(squared), 1.0, squared / (np.where(np.isinf(squared), 0.0, squared) + share))
