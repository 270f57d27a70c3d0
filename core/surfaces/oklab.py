"""Conversions between sRGB and Oklab, the space in which equal distances look equal. Never chooses a colour.

Reference: Ottosson B. (2020), A perceptual color space for image processing, https://bottosson.github.io/posts/oklab/.
"""

from __future__ import annotations

import numpy as np

from core.types import FloatArray

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_CONES = np.linalg.inv(_TO_CONES)
_FROM_LAB = np.linalg.inv(_TO_LAB)

GAMUT_SLACK = 1e-4
"""How far a linear channel may leave [0, 1] and still count as showable: below half an 8-bit step anywhere."""

CHROMA_HALVINGS = 24
"""Bisection steps of `fit_chroma`: chroma exact to 1e-8."""


def srgb_to_oklab(rgb: FloatArray) -> FloatArray:
    """Oklab (..., 3) of sRGB colours (..., 3) in [0, 1]."""
    return np.asarray(np.cbrt(decode_srgb(np.asarray(rgb, dtype=np.float64)) @ _TO_CONES.T) @ _TO_LAB.T)


def oklab_to_srgb(lab: FloatArray) -> FloatArray:
    """sRGB (..., 3) in [0, 1] of Oklab colours (..., 3); what the screen cannot show is clipped per channel."""
    return encode_srgb(np.clip(_linear(lab), 0.0, 1.0))


def oklch_to_oklab(lightness: float, chroma: float, hue: float) -> FloatArray:
    """Oklab (3,) of lightness in [0, 1], chroma in about [0, 0.35] and hue in degrees."""
    angle = np.deg2rad(hue)
    return np.array([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])


def is_showable(lab: FloatArray) -> bool:
    """Whether the screen can show one Oklab colour (3,)."""
    linear = _linear(lab)
    return bool(linear.min() >= -GAMUT_SLACK and linear.max() <= 1 + GAMUT_SLACK)


def fit_chroma(lab: FloatArray) -> FloatArray:
    """The colour (3,) itself, or the most vivid one of its lightness and hue that the screen can show."""
    if is_showable(lab):
        return lab
    low, high = 0.0, 1.0
    for _ in range(CHROMA_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_showable(lab * [1, middle, middle]) else (low, middle)
    return np.asarray(lab * [1, low, low])


def _linear(lab: FloatArray) -> FloatArray:
    return np.asarray((np.asarray(lab) @ _FROM_LAB.T) ** 3 @ _FROM_CONES.T)


def decode_srgb(rgb: FloatArray) -> FloatArray:
    """Linear light of sRGB values in [0, 1]."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: FloatArray) -> FloatArray:
    """sRGB values of linear light in [0, 1]."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
