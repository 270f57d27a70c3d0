"""Saves stimuli as 8-bit PNG, reads them back and measures what must be reported. Never resizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.images.colour import decode_srgb
from core.images.stimulus import to_uint8
from core.types import ByteArray, FloatArray

LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
"""Rec. ITU-R BT.709 weights of linear red, green and blue."""


@dataclass(frozen=True, slots=True)
class ImageFigures:
    """What an experimenter reports of one shown image.

    `mean_luminance` and `rms_contrast` (SD of luminance; Peli 1990, doi 10.1364/JOSAA.7.002032) are relative
    luminances in [0, 1] of an sRGB display. `ssim` is the structural similarity to the original, in [-1, 1]
    (Wang et al. 2004, doi 10.1109/TIP.2003.819861; Gaussian window of SD 1.5).
    """

    mean_luminance: float
    rms_contrast: float
    ssim: float


def write_levels(path: Path, levels: ByteArray) -> None:
    """Write grey levels (height, width, 3) uint8 as PNG."""
    Image.fromarray(levels).save(path, format="PNG")


def read_levels(path: Path) -> ByteArray:
    """The grey levels (height, width, 3) uint8 of a PNG written by `write_levels`."""
    with Image.open(path) as picture:
        return np.array(picture, dtype=np.uint8)


def measure_image(pixels: FloatArray, original: FloatArray) -> ImageFigures:
    """Luminance, contrast and similarity of pixels (3, height, width) in [0, 1] to the original of the same shape."""
    luminance = relative_luminance(pixels)
    return ImageFigures(
        mean_luminance=float(luminance.mean()),
        rms_contrast=float(luminance.std()),
        ssim=structural_similarity(to_uint8(pixels), to_uint8(original)),
    )


def relative_luminance(pixels: FloatArray) -> npt.NDArray[np.float64]:
    """Relative luminance of sRGB pixels (3, height, width) in [0, 1]: (height, width) float64 in [0, 1].

    Y = 0.2126 R + 0.7152 G + 0.0722 B of the linearised channels.

    Examples
    --------
    >>> relative_luminance(np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1))  # pure red
    array([[0.2126]])
    """
    linear = decode_srgb(np.asarray(pixels, dtype=np.float64))
    red, green, blue = (weight * channel for weight, channel in zip(LUMINANCE_WEIGHTS, linear, strict=True))
    return np.asarray(red + green + blue)


def structural_similarity(levels: ByteArray, original: ByteArray) -> float:
    """SSIM of two pictures (height, width, 3) uint8, mean over channels, with the published Gaussian window."""
    from skimage.metrics import structural_similarity as ssim  # takes a third of a second to import

    similarity = ssim(
        levels, original, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(similarity)
