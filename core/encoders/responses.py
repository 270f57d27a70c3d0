"""The mean response of every voxel to every image, batch by batch, checked before any work. Never copies a memory map.

A subject's responses are (n_images, n_repeats, n_voxels); with one repeat they are read where they lie.
"""

from __future__ import annotations

import hashlib

import numpy as np

from core.checks import refusal
from core.types import FloatArray

VOXELS_AT_ONCE = 1024


def average_repeats(responses: FloatArray) -> FloatArray:
    """The mean over repeats, (n_images, n_voxels), of responses (n_images, n_repeats, n_voxels); NaN is missing.

    With a single repeat the result is a view of the responses: nothing is copied.

    Raises
    ------
    BadInputError
        If the shape differs, or an image has no response at all in some voxel.
    """
    if responses.ndim != 3:
        raise refusal("responses", allowed="an array (n_images, n_repeats, n_voxels)", got=responses.shape)
    if responses.shape[1] == 1:
        check_finite(responses[:, 0])
        return responses[:, 0]
    present = np.isfinite(responses)
    totals = np.where(present, responses, 0.0).sum(axis=1, dtype=np.float64)
    counts = present.sum(axis=1)
    means = np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)
    check_finite(means)
    return np.asarray(means)


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
