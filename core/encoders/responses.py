"""The mean response of every voxel to every image, checked before any work, and how much of it could be explained.

A subject's responses are (n_images, n_repeats, n_voxels); with one repeat they are read where they lie. From repeats:

    noise ceiling = ncsnr^2 / (ncsnr^2 + q),    ncsnr = signal SD / noise SD

q is the part of the noise variance left after averaging: 1/k for k repeats of every image; with mixed repeats the mean
of 1/k over images, (A/3 + B/2 + C) / (A + B + C) for A, B, C images of 3, 2, 1 repeats (Allen et al. 2022,
doi:10.1038/s41593-021-00962-x). Given as a fraction; compare with r2, never with r.
"""

from __future__ import annotations

import hashlib

import numpy as np

from core.checks import refusal
from core.statistics import mean_over_known
from core.types import BoolArray, FloatArray, IntArray

VOXELS_AT_ONCE = 1024


def average_repeats(responses: FloatArray) -> FloatArray:
    """The mean over repeats, (n_images, n_voxels), of responses (n_images, n_repeats, n_voxels); NaN is missing.

    With a single repeat the result is a view of the responses: nothing is copied.

    Raises BadInputError if the shape differs, or an image has no response at all in some voxel.
    """
    if responses.ndim != 3:
        raise refusal("responses", allowed="an array (n_images, n_repeats, n_voxels)", got=responses.shape)
    if responses.shape[1] == 1:
        check_finite(responses[:, 0])
        return responses[:, 0]
    means = mean_over_known(responses, axis=1)
    check_finite(means)
    return means


def check_finite(responses: FloatArray) -> None:
    """Raise BadInputError naming the voxels without a finite response to every image, (n_images, n_voxels)."""
    bad: list[int] = []
    for start in range(0, responses.shape[1], VOXELS_AT_ONCE):
        sound = np.isfinite(responses[:, start : start + VOXELS_AT_ONCE]).all(axis=0)
        bad += (start + np.flatnonzero(~sound)).tolist()
    if bad:
        allowed = "finite: at least one response of every voxel to every image"
        got = f"{len(bad)} of {responses.shape[1]} voxels with NaN, the first {bad[0]}"
        raise refusal("responses", allowed=allowed, got=got, advice="Import the recording again without these voxels.")


def hash_responses(responses: FloatArray) -> str:
    """SHA-256 of responses (n_images, n_voxels), read in blocks of rows."""
    digest = hashlib.sha256(str((responses.shape, responses.dtype)).encode())
    for start in range(0, len(responses), VOXELS_AT_ONCE):
        digest.update(np.ascontiguousarray(responses[start : start + VOXELS_AT_ONCE]).data)
    return digest.hexdigest()


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

    `responses` (n_images, n_repeats, n_voxels): NaN where a repeat is missing.
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

    `responses` (n_images, n_repeats, n_voxels): all images serve to estimate ncsnr. At least one must have two repeats.
    `scored` (n_images,): the images whose averaged responses predictions are compared with; they set q.

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
