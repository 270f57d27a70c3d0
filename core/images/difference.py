"""Makes a small difference visible: amplified about mid grey by a stated factor. Never decides which one is shown."""

from __future__ import annotations

import numpy as np

from core.types import ByteArray, FloatArray

MID_GREY = 127.5
PERCENTILE = 99.0
"""The automatic factor brings this percentile of |delta| to `REACH` grey levels; beyond it the picture clips."""

REACH = 110.0
NEAT_FACTORS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
MANUAL_FACTORS = (1, 4, 8, 16, 32, 64, 128)


def choose_factor(delta: FloatArray) -> int:
    """The largest neat factor that brings the 99th percentile of |delta| to at most 110 grey levels.

    `delta` (height, width, 3) is in grey levels of 255. A difference of zero is shown as it is, times 1.
    """
    peak = float(np.percentile(np.abs(delta), PERCENTILE)) or float(np.abs(delta).max(initial=0.0))
    if peak <= 0:
        return 1
    return max((factor for factor in NEAT_FACTORS if factor * peak <= REACH), default=1)


def amplify(delta: FloatArray, factor: float) -> ByteArray:
    """127.5 + factor * delta, rounded and clipped to 8 bits; `delta` (height, width, 3) in grey levels of 255."""
    return np.clip(np.round(MID_GREY + factor * delta), 0, 255).astype(np.uint8)
