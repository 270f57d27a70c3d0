"""How a stimulus is laid out in its file, and what a network sees of that file.

pixels at the network's input size -> matched (gain x + offset, alike in a triple) -> resized -> rounded to 8 bits ->
centred on the background. Seen again: background cut off -> resized to the network's input size -> 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.checks import check_choice, check_count, check_fraction, check_positive, refusal
from core.images.stimulus import GREY_LEVELS, from_uint8, to_uint8
from core.types import ByteArray, FloatArray

LEAST_SIDE, LARGEST_SIDE = 32, 4096
MID_GREY = 128


class Enlarging(StrEnum):
    """How a picture gets another size than the network's input."""

    SMOOTH = "smooth"
    EXACT = "exact"


class Matching(StrEnum):
    """What is made alike in all originals of a set; the others of each triple get the same change."""

    NONE = "none"
    LUMINANCE = "luminance"
    CONTRAST = "contrast"


@dataclass(frozen=True, slots=True)
class Layout:
    """Size, surroundings and matching of every file of a set.

    Parameters
    ----------
    picture_px : Side of the picture in pixels; 0 is the network's input size.
    width_px, height_px : Size of the file; 0 is the picture's. Larger files show the background around the picture.
    background : Red, green and blue grey levels, 0 to 255.
    enlarging : "smooth" is bicubic with antialiasing, both ways; "exact" repeats every pixel a whole number of times,
        so that the network sees the very pixels again.
    degrees : Width to show the picture at, in degrees of visual angle.
    matching : "luminance" brings the mean relative luminance of every original to the one of that name, "contrast" its
        RMS contrast, too.
    luminance, contrast : Goal of matching, in [0, 1] of an sRGB display; left out, the mean over the set's originals.

    Raises BadInputError if a value is out of its range or the file is smaller than the picture.
    """

    picture_px: int = 0
    width_px: int = 0
    height_px: int = 0
    background: tuple[int, int, int] = (MID_GREY, MID_GREY, MID_GREY)
    enlarging: Enlarging = Enlarging.SMOOTH
    degrees: float | None = None
    matching: Matching = Matching.NONE
    luminance: float | None = None
    contrast: float | None = None

    def __post_init__(self) -> None:
        for name, kind in (("enlarging", Enlarging), ("matching", Matching)):
            object.__setattr__(self, name, kind(check_choice(name, str(getattr(self, name)), list(kind))))
        if not isinstance(self.background, list | tuple):
            raise refusal("background", allowed="three grey levels from 0 to 255", got=self.background)
        object.__setattr__(self, "background", tuple(self.background))
        for name in ("picture_px", "width_px", "height_px"):
            value = check_count(name, getattr(self, name), least=0, advice="0 is the size of the picture.")
            if value and not LEAST_SIDE <= value <= LARGEST_SIDE:
                raise refusal(name, allowed=f"{LEAST_SIDE} to {LARGEST_SIDE} pixels", got=value)
        levels = [check_count("background", level, least=0) for level in self.background]
        if len(levels) != 3 or max(levels) > GREY_LEVELS:
            raise refusal("background", allowed="three grey levels from 0 to 255", got=self.background)
        if self.degrees is not None:
            check_positive("degrees", self.degrees)
        for name in ("luminance", "contrast"):
            goal = getattr(self, name)
            if goal is not None:
                check_fraction(name, goal)
                if self.matching is Matching.NONE or (name == "contrast" and self.matching is Matching.LUMINANCE):
                    advice = f"Choose the matching {name!r}, or leave the goal out."
                    raise refusal(name, allowed="left out", got=goal, advice=advice)

    def sizes(self, side: int) -> tuple[int, int, int]:
        """Side of the picture, width and height of the file, for a network of that input size.

        Raises BadInputError if the picture does not fit into the file, or EXACT is asked of no whole multiple.
        """
        picture = self.picture_px or side
        width, height = self.width_px or picture, self.height_px or picture
        if picture > min(width, height):
            raise refusal("file size", allowed=f"at least the picture's {picture}", got=f"{width} x {height} pixels")
        if self.enlarging is Enlarging.EXACT and picture % side:
            allowed = f"a whole multiple of the network's {side} pixels for exact enlarging"
            raise refusal("picture_px", allowed=allowed, got=picture)
        return picture, width, height

    def describe(self, side: int) -> str:
        """One line for captions."""
        picture, width, height = self.sizes(side)
        parts = [f"picture {picture} x {picture} px"]
        if (width, height) != (picture, picture):
            parts.append(f"on {width} x {height} px of background {self.background}")
        if self.degrees is not None:
            parts.append(f"{self.degrees:g}° wide")
        if self.matching is not Matching.NONE:
            matched = "luminance" if self.matching is Matching.LUMINANCE else "luminance and contrast"
            parts.append(f"{matched} matched")
        return ", ".join(parts)

    def describe_view(self, side: int) -> str:
        """How a file becomes what the network sees, in words.

        Examples
        --------
        >>> Layout(picture_px=448, width_px=600, height_px=600, enlarging=Enlarging.EXACT).describe_view(224)
        'cut out the central 448 x 448 pixels, resize to 224 x 224 pixels (mean of each block), round to 8 bits, / 255'
        """
        picture, width, height = self.sizes(side)
        cut = "" if (width, height) == (picture, picture) else f"cut out the central {picture} x {picture} pixels, "
        if picture == side:
            return f"{cut}pixels / 255".replace("pixels, pixels", "pixels,")
        how = "mean of each block" if self.enlarging is Enlarging.EXACT else "bicubic with antialiasing (Pillow)"
        return f"{cut}resize to {side} x {side} pixels ({how}), round to 8 bits, / 255"


def lay_out(pixels: FloatArray, layout: Layout) -> ByteArray:
    """The file's grey levels (height, width, 3) uint8 of pixels (3, side, side) in [0, 1], already matched."""
    picture, width, height = layout.sizes(pixels.shape[-1])
    levels = to_uint8(_resize(pixels, picture, layout.enlarging))
    left, top = (width - picture) // 2, (height - picture) // 2
    canvas = np.empty((height, width, 3), dtype=np.uint8)
    canvas[:] = layout.background
    canvas[top : top + picture, left : left + picture] = levels
    return canvas


def cut_out(levels: ByteArray, layout: Layout, side: int) -> ByteArray:
    """The picture (picture_px, picture_px, 3) inside a file's grey levels, for a network of that input size."""
    picture, width, height = layout.sizes(side)
    left, top = (width - picture) // 2, (height - picture) // 2
    return np.ascontiguousarray(levels[top : top + picture, left : left + picture])


def see(levels: ByteArray, layout: Layout, *, made_for: int, side: int) -> npt.NDArray[np.float32]:
    """What a network of input size `side` sees of a file made for one of `made_for`: (3, side, side) in [0, 1]."""
    picture = cut_out(levels, layout, made_for)
    if picture.shape[0] == side:
        return from_uint8(picture)
    whole = layout.enlarging is Enlarging.EXACT and picture.shape[0] % side == 0
    how = Image.Resampling.BOX if whole else Image.Resampling.BICUBIC
    return from_uint8(np.asarray(Image.fromarray(picture).resize((side, side), how), dtype=np.uint8))


def apply_match(pixels: FloatArray, gain: float, offset: float) -> FloatArray:
    """gain x + offset, cut at [0, 1]; the same array where nothing changes."""
    if gain == 1.0 and offset == 0.0:
        return pixels
    return np.asarray(np.clip(pixels * np.float64(gain) + offset, 0.0, 1.0))


def count_clipped(levels: ByteArray, original: ByteArray) -> float:
    """Share of the colour values that differ from the original's and lie on black or white, in [0, 1]."""
    pushed = ((levels == 0) | (levels == GREY_LEVELS)) & (levels != original)
    return float(pushed.mean())


def _resize(pixels: FloatArray, picture: int, how: Enlarging) -> FloatArray:
    side = pixels.shape[-1]
    if picture == side:
        return pixels
    if how is Enlarging.EXACT:
        times = picture // side
        return pixels.repeat(times, axis=1).repeat(times, axis=2)
    # In floating point, so that the picture is rounded to 8 bits once, at the end.
    channels = [Image.fromarray(np.asarray(channel, dtype=np.float32)) for channel in pixels]
    resized = [np.asarray(one.resize((picture, picture), Image.Resampling.BICUBIC)) for one in channels]
    return np.asarray(np.clip(np.stack(resized), 0.0, 1.0))
