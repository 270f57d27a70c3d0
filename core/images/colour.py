"""Brings the colours of an opened picture file to 8-bit sRGB: depth, ICC profile, gamma and primaries.

Never guesses a range, and never leaves a conversion, or one that could not be done, without a note.
"""

from __future__ import annotations

import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, ImageFile

from core.checks import refusal
from core.types import ByteArray, FloatArray

LARGEST_16_BIT = 65535
LEVELS_16_BIT = 257
"""A 16-bit grey level divided by this is the 8-bit one: 65535 / 255."""
BITS_TAG, PHOTOMETRIC_TAG, MIN_IS_WHITE = 258, 262, 0

SRGB_GAMMA = 1 / 2.2
SAME_GAMMA, SAME_PRIMARIES = 0.05, 0.01
"""A gamma that differs by less, relative to sRGB's, and primaries that differ by less (CIE xy) are sRGB's."""
SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""CIE xy of white, red, green and blue."""
ADOBE_GAMMA, ADOBE_PRIMARIES = 256 / 563, (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_INTEROP = "R03"
"""What cameras write into EXIF instead of a profile where they took the picture in Adobe RGB."""
SRGB_KNEE = 0.04045
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

SAME_LEVELS = 2
"""A profile that moves no colour by more is that of sRGB."""
PROFILE_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
MODE_NAMES = {"L": "grey", "1": "black and white", "P": "a palette", "CMYK": "CMYK (colours are approximate)"}
NOTE_UNUSED_PROFILE = "Its colour profile is damaged or made for other pictures: its colours are taken as sRGB."

DeepLevels = npt.NDArray[np.uint16]
PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError)
TAG_ERRORS = (OSError, ValueError, TypeError, SyntaxError, LookupError, struct.error)


def decode_srgb(encoded: FloatArray) -> FloatArray:
    """Linear light in [0, 1] of sRGB levels in [0, 1] (IEC 61966-2-1)."""
    return np.where(encoded <= SRGB_KNEE, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: FloatArray) -> FloatArray:
    """sRGB levels in [0, 1] of linear light, cut at black and white."""
    cut = np.clip(linear, 0, 1)
    return np.where(cut <= SRGB_KNEE / 12.92, cut * 12.92, 1.055 * cut ** (1 / 2.4) - 0.055)


def load_deep(opened: ImageFile.ImageFile, file: Path) -> DeepLevels | None:
    """Load the picture; its exact levels (height, width, channels) if they have 16 bits, else None.

    Of colours of 16 bits Pillow keeps the high byte alone; a second reading with swapped bytes gives the low one.

    Raises BadInputError for floating point and for whole numbers beyond 16 bits.
    """
    packing = find_packing(opened)
    opened.load()
    check_range(opened)
    if opened.mode.startswith("I"):
        return _grey_levels(opened)
    channels, _, order = packing.partition(";16")
    if channels == "LA" and order:
        both = _read_again(file, "RGBA").astype(np.uint16)
        return both[..., ::2] * np.uint16(256) + both[..., 1::2]
    if order not in ("B", "L", "N") or channels not in ("RGB", "RGBA", "RGBX"):
        return None
    is_big = order == "B" or (order == "N" and sys.byteorder == "big")
    low = _read_again(file, f"{channels};16{'L' if is_big else 'B'}")
    return np.asarray(opened, dtype=np.uint16) * np.uint16(256) + low


def check_range(opened: Image.Image) -> None:
    """Raise BadInputError for floating point."""
    if opened.mode == "F":
        _refuse_range("32-bit floating point")


def find_packing(opened: ImageFile.ImageFile) -> str:
    """How the levels lie in the file, such as "RGB;16B"; to be asked before they are loaded, which forgets it."""
    packed: Any = opened.tile[0].args if opened.tile else ""
    return str(packed if isinstance(packed, str) or not packed else packed[0])


def _read_again(file: Path, packing: str) -> ByteArray:
    """The picture with its bytes taken as another packing."""
    with Image.open(file) as again:
        again.tile = [
            tile._replace(args=(packing, *tile.args[1:]) if isinstance(tile.args, tuple) else packing)
            for tile in again.tile
        ]
        return np.asarray(again)


def _grey_levels(picture: Image.Image) -> DeepLevels:
    levels, tags = np.asarray(picture).astype(np.int64), getattr(picture, "tag_v2", {})
    if levels.min() < 0 or levels.max() > LARGEST_16_BIT:
        _refuse_range("32-bit integers")
    bits = tags.get(BITS_TAG, (16,))[0]
    largest = 2**bits - 1 if bits < 16 else LARGEST_16_BIT
    if tags.get(PHOTOMETRIC_TAG) == MIN_IS_WHITE:  # Pillow turns 8-bit ones only
        levels = largest - levels
    exact: DeepLevels = np.rint(levels * (LARGEST_16_BIT / largest)).astype(np.uint16)
    return exact[..., np.newaxis]


def _refuse_range(got: str) -> NoReturn:
    advice = "The range of its numbers is unknown; save the picture as PNG."
    raise refusal("image", allowed="8- or 16-bit", got=got, advice=advice)


def _reduce(levels: npt.NDArray[Any]) -> Image.Image:
    """16-bit levels (height, width, 1 or 3), or 8-bit ones, as an 8-bit picture."""
    exact = levels if levels.dtype == np.uint8 else np.rint(levels / LEVELS_16_BIT).astype(np.uint8)
    return Image.fromarray(exact[..., 0] if exact.shape[-1] == 1 else exact)


def find_alpha(picture: Image.Image, deep: DeepLevels | None) -> Image.Image | None:
    """The opacity of a loaded picture (mode L), or None if it has none."""
    if deep is None:
        return picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    if deep.shape[-1] in (2, 4):
        return _reduce(deep[..., -1:])
    key = picture.info.get("transparency")
    if key is None:
        return None
    clear = (deep == np.asarray(key)).all(axis=-1, keepdims=True)
    return _reduce(np.where(clear, 0, 255).astype(np.uint8))


def to_srgb(picture: Image.Image, deep: DeepLevels | None) -> tuple[Image.Image, list[str]]:
    """The colours of a loaded picture, without its opacity, as 8-bit sRGB (mode RGB), and what was done to them."""
    colours = None if deep is None else deep[..., : 1 if deep.shape[-1] < 3 else 3]
    has_palette = picture.mode == "P" and picture.has_transparency_data  # Pillow wants RGBA between
    plain = (picture.convert("RGBA") if has_palette else picture) if colours is None else _reduce(colours)
    if "icc_profile" in picture.info and picture.mode != "LAB":  # which is no device's own
        converted, note = _apply_profile(plain, picture.info["icc_profile"])
    else:
        converted, note = _apply_tone(plain, colours, _find_tone(picture))
    notes = [note] if note else []
    if plain.mode != "RGB" and not picture.has_transparency_data:
        notes.append(f"Converted from {MODE_NAMES.get(plain.mode, plain.mode)} to RGB.")
    return converted.convert("RGB"), notes


def _apply_profile(picture: Image.Image, content: bytes | None) -> tuple[Image.Image, str]:
    """The picture in sRGB by littleCMS; unchanged where its profile is sRGB's or cannot be used."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(content or b""))
        mode = PROFILE_MODES[profile.profile.xcolor_space]
        if (mode == "CMYK") is not (picture.mode == "CMYK") or (mode == "L" and picture.mode not in ("L", "LA", "1")):
            return picture, NOTE_UNUSED_PROFILE
        # littleCMS' quick way is exact to a level for colours and ten off in dark greys.
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        turn = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB", flags=flags)
        every = _every_colour(mode)
        moved = np.asarray(turn.apply(every), dtype=np.int16) - np.asarray(every.convert("RGB"))
        if np.abs(moved).max() <= SAME_LEVELS:
            return picture, ""
        converted = turn.apply(picture.convert(mode))
        name = ImageCms.getProfileDescription(profile).strip()
    except PROFILE_ERRORS:
        return picture, NOTE_UNUSED_PROFILE
    return converted, f"Converted from the colours of its profile ({name or 'without a name'}) to sRGB."


def _every_colour(mode: str) -> Image.Image:
    """A picture of the whole range of each channel, in 16 steps (grey: 256)."""
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    steps = np.arange(256, dtype=np.uint8) if mode == "L" else np.arange(0, 256, 17, dtype=np.uint8)
    every = np.stack(np.meshgrid(*[steps] * channels), axis=-1).reshape(16, -1, channels)
    return Image.fromarray(every[..., 0] if mode == "L" else every, mode=mode)


@dataclass(frozen=True, slots=True)
class Tone:
    """How a file without a profile encodes light: exponent (None: as sRGB), CIE xy of its primaries, who says so."""

    gamma: float | None
    primaries: tuple[float, ...]
    origin: str


def _find_tone(picture: Image.Image) -> Tone | None:
    """What a PNG file or a camera says of its colours where that is not sRGB."""
    info = picture.info
    if picture.format == "PNG" and "srgb" not in info:
        gamma, primaries = info.get("gamma") or None, info.get("chromaticity", SRGB_PRIMARIES)
        is_srgb_gamma = gamma is None or abs(gamma / SRGB_GAMMA - 1) < SAME_GAMMA
        is_srgb_colour = np.abs(np.subtract(primaries, SRGB_PRIMARIES)).max() < SAME_PRIMARIES
        if not (is_srgb_gamma and is_srgb_colour):
            origin = "" if is_srgb_gamma else f"a gamma of {gamma:g}"
            origin += "" if is_srgb_colour else f"{' and ' if origin else ''}primaries of its own"
            return Tone(
                None if is_srgb_gamma else gamma, SRGB_PRIMARIES if is_srgb_colour else tuple(primaries), origin
            )
    with suppress(*TAG_ERRORS):
        if picture.getexif().get_ifd(ExifTags.IFD.Interop).get(1) == ADOBE_INTEROP:
            return Tone(ADOBE_GAMMA, ADOBE_PRIMARIES, "Adobe RGB, which its camera names,")
    return None


def _apply_tone(picture: Image.Image, deep: DeepLevels | None, tone: Tone | None) -> tuple[Image.Image, str]:
    """The picture in sRGB by way of linear light; from its 16-bit levels where it has them."""
    if tone is None or picture.mode == "CMYK":
        return picture, ""
    try:
        matrix = _to_linear_srgb(tone.primaries)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return picture, NOTE_UNUSED_PROFILE
    levels = np.asarray(picture.convert("RGB")) if deep is None else deep
    steps = np.arange(np.iinfo(levels.dtype).max + 1) / np.iinfo(levels.dtype).max
    light = decode_srgb(steps) if tone.gamma is None else steps ** (1 / tone.gamma)
    done = np.empty(levels.shape, dtype=np.uint8)
    for row, line in enumerate(levels):
        linear = light[line] if levels.shape[-1] == 1 else light[line] @ matrix.T
        done[row] = np.rint(encode_srgb(linear) * 255)
    return _reduce(done), f"Converted from {tone.origin} to sRGB."


def _to_linear_srgb(primaries: tuple[float, ...]) -> FloatArray:
    """From linear light of these primaries to that of sRGB, (3, 3), white to white (Bradford)."""
    from_own, own_white = _to_xyz(primaries)
    from_srgb, srgb_white = _to_xyz(SRGB_PRIMARIES)
    adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ srgb_white) / (BRADFORD @ own_white)) @ BRADFORD
    return np.asarray(np.linalg.inv(from_srgb) @ adapt @ from_own)


def _to_xyz(primaries: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """From linear light to CIE XYZ, (3, 3), and the white of Y = 1."""
    pairs = np.reshape(primaries, (4, 2)).tolist()
    white, *colours = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in pairs)
    corners = np.stack(colours, axis=1)
    return corners * np.linalg.solve(corners, white), white
