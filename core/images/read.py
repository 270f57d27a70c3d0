"""Reads any image file into a square 8-bit RGB stimulus, noting every conversion. Never guesses what it cannot read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NoReturn

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps

from core.checks import check_count, refusal
from core.containers import reading
from core.errors import BadInputError
from core.images.stimulus import Stimulus, make_stimulus
from core.images.transform import crop_resize

LEAST_SIDE = 32
"""Shorter images hold too little to be enlarged into a stimulus."""

MOST_PIXELS = 100_000_000
"""A file that unpacks to more is refused before it is unpacked (about 300 MB of memory)."""

OPAQUE = 255
MID_GREY = (128, 128, 128, OPAQUE)
LARGEST_16_BIT = 65535
LEVELS_16_BIT = 257
"""A 16-bit grey level divided by this is the 8-bit one: 65535 / 255."""

NOTE_16_BIT = "Reduced from 16 to 8 bits."
MODE_NAMES = {"L": "grey", "1": "black and white", "P": "a palette", "CMYK": "CMYK (colours are approximate)"}


def read_image(path: Path | str, *, size: int) -> Stimulus:
    """Read an image file as a stimulus of `size` x `size` pixels.

    The picture is turned as its EXIF tag says, laid over mid grey where it is transparent, reduced to 8-bit RGB,
    cropped to its central square and resized with antialiasing (bicubic). Each of these that did something is noted.

    Parameters
    ----------
    path : Path or str
    size : int
        Side of the stimulus in pixels, at least 32.

    Raises
    ------
    BadInputError
        If the file is missing, is no image, is damaged, too small or too large, or of a kind without a clear range.

    Examples
    --------
    >>> from core.datasets.photos import find_image
    >>> stimulus = read_image(find_image("cat_chelsea").path, size=256)
    >>> stimulus.pixels.shape, stimulus.notes
    ((3, 256, 256), ('Enlarged from 224 to 256 pixels a side.',))
    """
    check_count("size", size, least=LEAST_SIDE)
    file = Path(path)
    picture, notes = _open_picture(file)
    notes += _note_sizes(picture, size)
    levels = np.array(crop_resize(picture, size), dtype=np.uint8)
    return make_stimulus(file.stem, levels, source=str(path), notes=tuple(notes))


def _open_picture(file: Path) -> tuple[Image.Image, list[str]]:
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
            notes = _note_packing(opened)
            opened.load()
            notes += _note_turn(opened)
            return _to_rgb(ImageOps.exif_transpose(opened), notes)


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


def _note_packing(opened: Image.Image) -> list[str]:
    """What the file holds beyond one 8-bit picture; must run before the pixels are loaded, which forgets it."""
    frames = getattr(opened, "n_frames", 1)
    notes = [f"Holds {frames} frames; the first is used."] if frames > 1 else []
    # Pillow drops the low byte of 16-bit colour without a word; only the packing ("RGB;16B") tells.
    tiles = opened.tile if isinstance(opened, ImageFile.ImageFile) else []
    packed = tiles[0].args if tiles else ""
    deep = "16" in str(packed if isinstance(packed, str) else packed[0] if packed else "")
    return [*notes, NOTE_16_BIT] if deep else notes


def _note_turn(opened: Image.Image) -> list[str]:
    turned = opened.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
    return ["Turned as its EXIF orientation says."] if turned else []


def _to_rgb(picture: Image.Image, notes: list[str]) -> tuple[Image.Image, list[str]]:
    if picture.mode == "F":
        _refuse_range("32-bit floating point")
    if picture.mode.startswith("I"):
        picture = _reduce_depth(picture)
        notes = [*notes, NOTE_16_BIT] if NOTE_16_BIT not in notes else notes
    if picture.has_transparency_data:
        return _flatten(picture, notes)
    if picture.mode != "RGB":
        notes = [*notes, f"Converted from {MODE_NAMES.get(picture.mode, picture.mode)} to RGB."]
    return picture.convert("RGB"), notes


def _reduce_depth(picture: Image.Image) -> Image.Image:
    levels = np.asarray(picture).astype(np.int64)
    if levels.min() < 0 or levels.max() > LARGEST_16_BIT:
        _refuse_range("32-bit integers")
    return Image.fromarray(np.rint(levels / LEVELS_16_BIT).astype(np.uint8))


def _refuse_range(got: str) -> NoReturn:
    advice = "The range of its numbers is unknown; save the picture as PNG."
    raise refusal("image", allowed="8- or 16-bit", got=got, advice=advice)


def _flatten(picture: Image.Image, notes: list[str]) -> tuple[Image.Image, list[str]]:
    layered = picture.convert("RGBA")
    if np.asarray(layered.getchannel("A")).min() < OPAQUE:
        notes = [*notes, "Transparent parts are laid over mid grey."]
    backdrop = Image.new("RGBA", layered.size, MID_GREY)
    return Image.alpha_composite(backdrop, layered).convert("RGB"), notes


def _note_sizes(picture: Image.Image, size: int) -> list[str]:
    width, height = picture.size
    notes = []
    if width != height:
        notes.append(f"Cropped from {width} x {height} to its central square.")
    if min(width, height) < size:
        notes.append(f"Enlarged from {min(width, height)} to {size} pixels a side.")
    return notes
