"""Gaussian noise that is the same on every machine and version. Never estimates noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def draw_noise(seed: int, *, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Independent standard normal numbers of a shape, the same for a seed for ever.

    numpy promises an unchanging stream for RandomState only; the newer Generator may change with a release, and with it
    every noise ceiling and score that was stored for the simulated subject.
    """
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
