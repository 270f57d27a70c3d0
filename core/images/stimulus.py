"""A stimulus: the pixels a network sees, on the 8-bit grid, with hash and history. Never reads a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.types import ByteArray, FloatArray

GREY_LEVELS = 255.0
"""The largest 8-bit grey level; a pixel is k / 255."""


@dataclass(frozen=True, slots=True, eq=False)
class Stimulus:
    """One image as it is shown and attacked.

    Parameters
    ----------
    id : Its name in the catalogue, or the stem of the user's file.
    pixels : (3, height, width) float32. RGB in [0, 1], every value exactly k / 255. Read-only.
    sha256 : Hash of the pixels as (height, width, 3) uint8 in C order.
    source : The file it came from.
    notes : What was converted on reading, one sentence each; empty if nothing was.
    """

    id: str
    pixels: npt.NDArray[np.float32]
    sha256: str
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> ByteArray:
        """The same pixels as (height, width, 3) uint8 grey levels."""
        return to_uint8(self.pixels)


def make_stimulus(identity: str, levels: ByteArray, *, source: str = "", notes: tuple[str, ...] = ()) -> Stimulus:
    """Wrap 8-bit grey levels (height, width, 3) as a stimulus. Raises BadInputError for another shape or type."""
    pixels = from_uint8(levels)
    pixels.flags.writeable = False
    return Stimulus(id=identity, pixels=pixels, sha256=hash_levels(levels), source=source, notes=notes)


def check_scale(name: str, levels: npt.NDArray[np.integer]) -> None:
    """Raise BadInputError for 8-bit levels of 0 and 1, or 16-bit ones of 12 bits: they would look all but black."""
    whole, dark, times = (255, 1, 255) if levels.dtype == np.uint8 else (65535, 4095, 16)
    if levels.min() < levels.max() <= dark:
        advice = f"If {dark} is white, multiply by {times}."
        raise refusal("image", allowed=f"levels up to {whole}", got=f"none above {dark} in {name}", advice=advice)


def to_uint8(pixels: FloatArray) -> ByteArray:
    """Grey levels round(255 x) of pixels (3, height, width) in [0, 1]: (height, width, 3) uint8. Never truncates.

    Raises BadInputError if the shape differs, or a pixel is not finite or rounds to a level outside 0 to 255.

    Examples
    --------
    >>> to_uint8(np.full((3, 1, 1), 0.5))
    array([[[128, 128, 128]]], dtype=uint8)
    """
    if pixels.ndim != 3 or pixels.shape[0] != 3:
        raise refusal("pixels", allowed="an array (3, height, width)", got=pixels.shape)
    levels = np.rint(pixels.transpose(1, 2, 0) * GREY_LEVELS)
    if not (np.isfinite(levels).all() and levels.min() >= 0 and levels.max() <= GREY_LEVELS):
        got = (float(pixels.min()), float(pixels.max()))
        raise refusal("pixels", allowed="finite and in [0, 1]", got=got, advice="Clamp them first.")
    return np.ascontiguousarray(levels.astype(np.uint8))


def from_uint8(levels: ByteArray) -> npt.NDArray[np.float32]:
    """Pixels k / 255 of grey levels (height, width, 3) uint8: (3, height, width) float32, contiguous.

    Raises BadInputError if the shape or the type differs.

    Examples
    --------
    >>> pixels = from_uint8(np.full((1, 2, 3), 51, dtype=np.uint8))
    >>> pixels.shape, round(float(pixels[0, 0, 0]), 6)  # 51 / 255
    ((3, 1, 2), 0.2)
    """
    if levels.ndim != 3 or levels.shape[2] != 3 or levels.dtype != np.uint8:
        raise refusal("levels", allowed="an array (height, width, 3) of uint8", got=(levels.shape, str(levels.dtype)))
    return np.ascontiguousarray(levels.transpose(2, 0, 1).astype(np.float32) / np.float32(GREY_LEVELS))


def hash_levels(levels: ByteArray) -> str:
    """SHA-256 of grey levels (height, width, 3) uint8 in C order, as 64 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(levels).tobytes()).hexdigest()
