"""Finds the gain and offset that bring an original to a given luminance and contrast. Never touches a perturbation.

The change is affine in the encoded pixels, x -> gain x + offset, so that it multiplies every perturbation of a triple
by the same gain: what had equal norms keeps them. The goals are relative luminance of an sRGB display.
"""

from __future__ import annotations

import numpy as np

from core.errors import BadInputError
from core.stimuli.images import relative_luminance
from core.stimuli.layout import apply_match
from core.types import FloatArray

LARGEST_GAIN = 20.0
TOLERANCE = 1e-5
"""Of gain and offset; a hundredth of a grey level."""


def measure_light(pixels: FloatArray) -> tuple[float, float]:
    """Mean and SD of the relative luminance of pixels (3, height, width) in [0, 1]."""
    luminance = relative_luminance(pixels)
    return float(luminance.mean()), float(luminance.std())


def find_match(pixels: FloatArray, *, luminance: float, contrast: float | None = None) -> tuple[float, float]:
    """Gain and offset after which pixels (3, height, width) have that mean luminance, and that RMS contrast if given.

    Raises BadInputError if no gain up to 20 reaches the contrast, as of a uniform picture.
    """
    from scipy.optimize import brentq  # a quarter of a second, which the window's start can do without

    middle = float(np.mean(pixels))

    def light(gain: float, lift: float) -> tuple[float, float]:
        return measure_light(apply_match(pixels, gain, middle * (1 - gain) + lift))

    def find_lift(gain: float) -> float:
        most = gain + 1.0  # beyond it every pixel is black, or white
        return float(brentq(lambda lift: light(gain, lift)[0] - luminance, -most, most, xtol=TOLERANCE))

    if contrast is None:
        return 1.0, find_lift(1.0)

    def miss(gain: float) -> float:
        return light(gain, find_lift(gain))[1] - contrast

    least = 1 / LARGEST_GAIN
    if miss(least) > 0 or miss(LARGEST_GAIN) < 0:
        raise BadInputError(
            f"No change of contrast brings this picture to a contrast of {contrast:.3g} at luminance {luminance:.3g} "
            f"(it has {measure_light(pixels)[1]:.3g}). State another goal, match luminance only, or leave it out."
        )
    gain = float(brentq(miss, least, LARGEST_GAIN, xtol=TOLERANCE))
    return gain, middle * (1 - gain) + find_lift(gain)
