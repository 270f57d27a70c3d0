"""Averages single trials into a memory map, a session at a time, and gathers what the noise ceiling needs.

With x a single response, k trials of an image and m its mean, over the images with k > 1:
    noise variance = mean over images of (sum x^2 - k m^2) / (k - 1)
    signal variance = variance of all x - noise variance, not below 0;   ncsnr = signal SD / noise SD
    noise ceiling = ncsnr^2 / (ncsnr^2 + mean over held-out images of 1/k)      (Allen et al. 2022)
Since k is known before a trial is read, sums over trials suffice: no more than one session is in memory, and of that
only some voxels where it does not fit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.datasets.recording import UNUSED
from core.types import BoolArray, FloatArray, IntArray

ROWS_AT_ONCE = 256
"""Images whose means are read back at once."""
TRIALS_AT_ONCE = 64
SAME, SAME_VARIANCE = 1e-7, 1e-12
"""Below this part of its size, variation is rounding of float32 and a voxel counts as constant."""


class TrialSums:
    """Sums over trials of every voxel; the means stand in the file.

    Parameters
    ----------
    file : A .npy of zeros (n_images, n_voxels) float32; opened anew for every session, so that its pages do not add up.
    n_trials : (n_images,) int. Trials of each image, over all sessions.

    Of each voxel `n_absent` trials have no value (NaN); where one has none or is infinite, `missing` is true.
    """

    def __init__(self, file: Path, n_trials: IntArray, *, n_voxels: int) -> None:
        self._file = file
        self._n_trials = n_trials.astype(np.float64)
        with np.errstate(divide="ignore"):
            self._weight = np.where(n_trials > 1, 1.0 / (self._n_trials - 1), 0.0)
        # Squares are of distances from the first trial: of values far from zero little but rounding would be left.
        self._origin = np.full(n_voxels, np.nan)
        self._sums = np.zeros((3, n_voxels), dtype=np.float64)
        self._total, self._squares, self._weighted = self._sums
        self._count = int(n_trials.sum())
        self.missing = np.zeros(n_voxels, dtype=bool)
        self.n_absent = np.zeros(n_voxels, dtype=np.int64)
        self.constant = np.zeros(n_voxels, dtype=bool)

    def add(self, images: IntArray, values: npt.NDArray[np.float32], *, voxels: slice, zscore: bool) -> None:
        """Add the trials of a session in some voxels, (n_trials, n_some); they are standardised in place if asked.

        `images` (n_trials,): as in `RecordedSession`. Where memory runs out, nothing was added.
        """
        absent, finite = np.isnan(values).sum(axis=0), np.isfinite(values)
        missing = ~finite.all(axis=0)
        values[~finite] = 0.0  # such a voxel is left out; its sums must only stay quiet
        constant = _standardise(values) if zscore and len(values) else np.zeros_like(missing)
        used = images != UNUSED
        if not used.all():
            values, images = values[used], images[used]
        n_some = values.shape[1]
        means, block = np.load(self._file, mmap_mode="r+"), np.empty((TRIALS_AT_ONCE, n_some))
        sums, share = np.zeros((3, n_some)), np.empty(n_some, dtype=np.float32)
        self.missing[voxels] |= missing
        self.n_absent[voxels] += absent
        self.constant[voxels] |= constant
        if len(values) and np.isnan(self._origin[voxels]).any():
            self._origin[voxels] = values[0]
        for start in range(0, len(values), TRIALS_AT_ONCE):
            part, rows = values[start : start + TRIALS_AT_ONCE], images[start : start + TRIALS_AT_ONCE]
            exact = np.subtract(part, self._origin[voxels], out=block[: len(part)])
            sums[0] += exact.sum(axis=0)
            np.square(exact, out=exact)
            sums[1] += exact.sum(axis=0)
            sums[2] += self._weight[rows] @ exact
        # Nothing from here on takes memory: what could not be added whole is not added at all.
        self._sums[:, voxels] += sums
        for image, value in zip(images, values, strict=True):
            means[image, voxels] += np.divide(value, np.float32(self._n_trials[image]), out=share)
        means.flush()

    def finish_constant(self) -> None:
        """Mark the voxels that never varied at all."""
        size = self._variance() + (self._total / self._count + np.nan_to_num(self._origin)) ** 2
        self.constant |= ~(self._variance() > SAME_VARIANCE * size)
        self.constant &= ~self.missing

    def ncsnr(self) -> FloatArray | None:
        """Signal SD over noise SD of each voxel, (n_voxels,); None if no image was shown twice."""
        repeated = np.flatnonzero(self._n_trials > 1)
        if not len(repeated):
            return None
        means = np.load(self._file, mmap_mode="r")
        weight = self._weight * self._n_trials
        noise = self._weighted.copy()
        for start in range(0, len(repeated), ROWS_AT_ONCE):
            rows = repeated[start : start + ROWS_AT_ONCE]
            noise -= weight[rows] @ np.square(means[rows].astype(np.float64) - self._origin)
        noise = np.maximum(noise / len(repeated), 0.0)
        signal = np.maximum(self._variance() - noise, 0.0)
        ratio = np.full_like(noise, np.inf)
        np.divide(signal, noise, out=ratio, where=noise > 0)
        ratio[signal == 0] = 0.0
        return np.asarray(np.sqrt(ratio))

    def _variance(self) -> FloatArray:
        """Of all single responses, (n_voxels,)."""
        return np.asarray(self._squares / self._count - (self._total / self._count) ** 2)


def noise_ceiling(ncsnr: FloatArray, n_trials: IntArray, *, scored: BoolArray) -> npt.NDArray[np.float32]:
    """The noise ceiling in [0, 1] of means of the scored images, with their mixed numbers of trials, (n_voxels,).

    NaN where ncsnr is NaN: unknown is not 0.

    Examples
    --------
    >>> noise_ceiling(np.array([1.0, np.nan]), np.array([3, 3]), scored=np.array([True, True]))  # 1 / (1 + 1 / 3)
    array([0.75,  nan], dtype=float32)
    """
    left = float(np.mean(1.0 / n_trials[scored]))
    squared = np.square(np.asarray(ncsnr, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        ceiling = np.where(np.isinf(squared), 1.0, squared / (squared + left))
    return ceiling.astype(np.float32)


def find_ncsnr(ceiling: FloatArray, n_trials: IntArray) -> npt.NDArray[np.float64]:
    """ncsnr of single trials behind a noise ceiling (n_voxels,) of means over so many trials (n_images,); the reverse.

    Examples
    --------
    >>> find_ncsnr(np.array([0.75]), np.array([3, 3]))
    array([1.])
    """
    wide = np.asarray(ceiling, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(wide / (1 - wide) * np.mean(1.0 / n_trials)))


def _standardise(values: npt.NDArray[np.float32]) -> BoolArray:
    """Bring every voxel to mean 0 and SD 1 over the trials, in place; returns which never varied."""
    mean = values.mean(axis=0, dtype=np.float64)
    squares = np.zeros_like(mean)
    for start in range(0, len(values), TRIALS_AT_ONCE):
        squares += np.square(values[start : start + TRIALS_AT_ONCE] - mean).sum(axis=0)
    spread = np.sqrt(squares / len(values))
    flat = ~(spread > SAME * np.abs(mean))
    spread[flat] = 1.0
    values -= mean.astype(np.float32)
    values /= spread.astype(np.float32)
    return np.asarray(flat)
