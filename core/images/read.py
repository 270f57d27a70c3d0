"""Reads any image file into a square 8-bit RGB stimulus, noting every conversion. Never guesses what it cannot read."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps

from core.checks import check_count, refusal
from core.containers import reading
from core.errors import BadInputError
from core.images.colour import check_range, read_colours
from core.images.stimulus import Stimulus, check_scale, make_stimulus
from core.images.transform import crop_resize

LEAST_SIDE = 32
"""Shorter images hold too little to be enlarged into a stimulus."""

MOST_PIXELS = 100_000_000
"""A file that unpacks to more is refused before it is unpacked (about 300 MB of memory)."""

UPRIGHT, TURNS = 1, set(range(2, 9))
"""EXIF orientations."""
OPAQUE = 255
MID_GREY = (128, 128, 128, OPAQUE)
UNUSED_ALPHA = ("BMP", "DIB", "TGA")
"""Formats whose fourth byte is no opacity in most files."""

Made = TypeVar("Made")


def read_image(path: Path | str, *, size: int) -> Stimulus:
    """Read an image file as a stimulus of `size` x `size` pixels.

    The picture is turned as its EXIF tag says, laid over mid grey where it is transparent, brought to 8-bit sRGB,
    cropped to its central square and resized with antialiasing (bicubic). Each of these that did something is noted.

    `size`: side of the stimulus in pixels, at least 32.

    Raises BadInputError if the file is missing, is no image, is damaged, too small or too large, or of a kind without a
    clear range.

    Examples
    --------
    >>> from core.datasets.photos import find_image
    >>> stimulus = read_image(find_image("cat_chelsea").path, size=256)
    >>> stimulus.pixels.shape, stimulus.notes
    ((3, 256, 256), ('Enlarged from 224 to 256 pixels a side.',))
    """
    check_count("size", size, least=LEAST_SIDE)
    file = Path(path)
    picture, notes = _open_picture(file, _convert)
    notes += _note_sizes(picture, size)
    levels = np.array(crop_resize(picture, size), dtype=np.uint8)
    return make_stimulus(file.stem, levels, source=str(path), notes=tuple(notes))


def check_image(path: Path) -> None:
    """Open a file without unpacking it. Raises BadInputError as `read_image`, as far as its header tells."""
    _open_picture(path, lambda opened, _file: check_range(opened))


def _open_picture(file: Path, use: Callable[[ImageFile.ImageFile, Path], Made]) -> Made:
    if not file.is_file():
        raise refusal("image", allowed="an image file", got=str(file), advice="There is no such file.")
    with reading(file, "image", advice="Copy or export it again, as PNG or JPEG."), warnings.catch_warnings():
        # Pillow only warns about large pictures; the limit here is our own and refuses.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            opened = Image.open(file)
        except Image.DecompressionBombError as error:
            raise _refuse_large(file, "far too many pixels") from error
        with opened:
            _check_size(opened, file)
            return use(opened, file)


def _check_size(opened: Image.Image, file: Path) -> None:
    width, height = opened.size
    if width * height > MOST_PIXELS:
        raise _refuse_large(file, f"{width} x {height} pixels")
    if min(width, height) < LEAST_SIDE:
        got = f"{width} x {height} pixels"
        advice = f"{file.name} is too small to show; use a larger picture."
        raise refusal("image", allowed=f"at least {LEAST_SIDE} pixels a side", got=got, advice=advice)


def _refuse_large(file: Path, got: str) -> BadInputError:
    advice = f"Shrink {file.name} first."
    return refusal("image", allowed=f"at most {MOST_PIXELS} pixels", got=got, advice=advice)


def _convert(opened: ImageFile.ImageFile, file: Path) -> tuple[Image.Image, list[str]]:
    """The opened picture upright, in 8-bit sRGB, over mid grey, and what was done to it."""
    frames = getattr(opened, "n_frames", 1)
    notes = [f"Holds {frames} frames; the first is used."] if frames > 1 else []
    # Pillow turns a TIFF file while it loads it, and tells of it no more; asking others now would load them.
    turned = _turn_of(opened) if opened.format == "TIFF" else UPRIGHT
    colours, alpha, converted = read_colours(opened, file)
    check_scale(file.name, np.asarray(colours))
    left_to_turn = _turn_of(opened)
    notes += ["Turned as its EXIF orientation says."] if {turned, left_to_turn} & TURNS else []
    notes += converted
    if alpha is not None and not alpha.getbbox() and opened.format in UNUSED_ALPHA:
        alpha = None
        notes.append("Its opacity is 0 everywhere, as programs write that do not use it: taken as opaque.")
    if alpha is not None and np.asarray(alpha).min() < OPAQUE:
        notes.append("Transparent parts are laid over mid grey.")
        colours.putalpha(alpha)
        colours = Image.alpha_composite(Image.new("RGBA", colours.size, MID_GREY), colours).convert("RGB")
    colours.getexif()[ExifTags.Base.Orientation] = left_to_turn
    return ImageOps.exif_transpose(colours), notes


def _turn_of(opened: Image.Image) -> object:
    return opened.getexif().get(ExifTags.Base.Orientation, UPRIGHT)


def _note_sizes(picture: Image.Image, size: int) -> list[str]:
    width, height = picture.size
    notes = []
    if width != height:
        notes.append(f"Cropped from {width} x {height} to its central square.")
    if min(width, height) < size:
        notes.append(f"Enlarged from {min(width, height)} to {size} pixels a side.")
    return notes
