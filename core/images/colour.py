"""Brings an opened picture file to 8-bit sRGB and its opacity: depth, ICC profile, gamma and primaries.

Never guesses a range, and never leaves a conversion, or one that could not be done, without a note.
"""

from __future__ import annotations

import re
import struct
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, ImageFile

from core.checks import refusal
from core.images.stimulus import check_scale
from core.types import FloatArray

LARGEST_16_BIT, LEVELS_16_BIT = 65535, 257
"""A 16-bit grey level divided by the second is the 8-bit one: 65535 / 255."""
BITS_TAG, PHOTOMETRIC_TAG, MIN_IS_WHITE = 258, 262, 0
PLANES = tuple("RGBACMYK")
FEW_BITS = {"L;2": 85, "L;4": 17}
"""An 8-bit level for one of 2 or 4 bits: 255 / 3, 255 / 15."""

Tone = tuple[float, tuple[float, ...], str]
"""How a file without a profile encodes light: its exponent (0: as sRGB), CIE xy of white, red, green and blue, and who
says so."""
SRGB: Tone = (1 / 2.2, (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06), "sRGB")
ADOBE: Tone = (256 / 563, (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), "Adobe RGB, which its camera names,")
ADOBE_INTEROP = "R03"
"""What cameras write into EXIF instead of a profile where they took the picture in Adobe RGB."""
CODED_PRIMARIES = {
    1: SRGB[1],
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
CODED_GAMMAS = {4: 1 / 2.2, 8: 1.0, 13: 0.0}
"""What code points (ITU-T H.273) of a PNG file mean: BT.709, BT.2020 and Display P3; gamma 2.2, linear and sRGB."""
CODED = re.compile(rb"\0\0\0\x04cICP(.)(.)(.)(.)", re.DOTALL)
SAME_GAMMA, SAME_PRIMARIES = 0.05, 0.01
"""A gamma that differs by less, relative to sRGB's, and primaries that differ by less are sRGB's."""
SRGB_KNEE = 0.04045
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

SAME_LEVELS = 2
"""A profile that moves no colour by more is that of sRGB."""
PROFILE_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
MODE_NAMES = {"L": "grey", "1": "black and white", "P": "a palette", "CMYK": "CMYK (colours are approximate)"}
NOTE_UNUSED = "Its colour profile is damaged or made for other pictures: its colours are taken as sRGB."

Levels = npt.NDArray[Any]
BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError, LookupError, ArithmeticError, struct.error, SyntaxError)


def decode_srgb(encoded: FloatArray) -> FloatArray:
    """Linear light in [0, 1] of sRGB levels in [0, 1] (IEC 61966-2-1)."""
    return np.where(encoded <= SRGB_KNEE, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: FloatArray) -> FloatArray:
    """sRGB levels in [0, 1] of linear light, cut at black and white."""
    cut = np.clip(linear, 0, 1)
    return np.where(cut <= SRGB_KNEE / 12.92, cut * 12.92, 1.055 * cut ** (1 / 2.4) - 0.055)


def read_colours(opened: ImageFile.ImageFile, file: Path) -> tuple[Image.Image, Image.Image | None, list[str]]:
    """The picture in sRGB (mode RGB), its opacity (mode L) if it has any, and what was done to its colours.

    Raises BadInputError for floating point and for whole numbers beyond 16 bits.
    """
    _correct_planes(opened)
    packed: Any = opened.tile[0].args if opened.tile else ""  # "RGB;16B"; loading forgets it
    packing = str(packed if isinstance(packed, str) or not packed else packed[0])
    opened.load()
    if packing in FEW_BITS and "transparency" in opened.info:  # Pillow widens the levels and not their transparent one
        opened.info["transparency"] *= FEW_BITS[packing]
    deep = _read_deep(opened, file, packing)
    notes = ["Reduced from 16 to 8 bits."] if deep is not None or "16" in packing else []
    if deep is None:
        levels, alpha = None, opened.convert("RGBA").getchannel("A") if opened.has_transparency_data else None
        plain = opened.convert("RGBA") if opened.mode == "P" and alpha else opened  # Pillow wants RGBA between
    else:
        levels, alpha = deep[..., : 1 if deep.shape[-1] < 3 else 3], _find_alpha(deep, opened.info.get("transparency"))
        check_scale(file.name, levels)
        plain = _reduce(levels)
    coded = _find_coded(opened, file)
    if coded is None and "icc_profile" in opened.info and opened.mode != "LAB":  # which is no device's own
        converted, note = _apply_profile(plain, opened.info["icc_profile"])
    else:
        converted, note = _apply_tone(plain, levels, coded or _find_tone(opened))
    notes += [note] if note else []
    if plain.mode != "RGB" and alpha is None:
        notes.append(f"Converted from {MODE_NAMES.get(plain.mode, plain.mode)} to RGB.")
    return converted.convert("RGB"), alpha, notes


def _correct_planes(opened: ImageFile.ImageFile) -> None:
    """Say that planes of 16 bits, one behind the other, are so: Pillow would take each of their bytes for a level."""
    tags: Any = getattr(opened, "tag_v2", {})
    if set(tags.get(BITS_TAG, ())) == {16}:
        order = "L" if tags.prefix == b"II" else "B"
        for place, tile in enumerate(opened.tile):
            packing, *rest = cast(tuple[Any, ...], tile.args)
            if packing in PLANES:
                opened.tile[place] = tile._replace(args=(f"{packing};16{order}", *rest))


def _read_deep(opened: ImageFile.ImageFile, file: Path, packing: str) -> Levels | None:
    """The exact levels (height, width, channels) of a loaded picture of 16 bits; None for others.

    Of 16-bit colours Pillow keeps the high byte alone; a second reading with swapped bytes gives the low one.
    """
    check_range(opened)
    if opened.mode.startswith("I"):
        return _read_grey(opened)
    channels, _, order = packing.partition(";16")
    if channels == "LA" and order:
        both = _read_again(file, "RGBA")
        return both[..., ::2] * 256 + both[..., 1::2]
    if order not in ("B", "L", "N") or channels not in ("RGB", "RGBA", "RGBX"):
        return None
    is_big = order == "B" or (order == "N" and sys.byteorder == "big")
    return np.asarray(opened).astype(np.uint16) * 256 + _read_again(file, f"{channels};16{'L' if is_big else 'B'}")


def check_range(opened: Image.Image) -> None:
    """Raise BadInputError for floating point."""
    if opened.mode == "F":
        _refuse_range("32-bit floating point")


def _refuse_range(got: str) -> NoReturn:
    advice = "The range of its numbers is unknown; save the picture as PNG."
    raise refusal("image", allowed="8- or 16-bit", got=got, advice=advice)


def _read_again(file: Path, packing: str) -> Levels:
    """The picture with its bytes taken as another packing, uint16."""
    with Image.open(file) as again:
        again.tile = [
            tile._replace(args=(packing, *tile.args[1:]) if isinstance(tile.args, tuple) else packing)
            for tile in again.tile
        ]
        return np.asarray(again).astype(np.uint16)


def _read_grey(picture: Image.Image) -> Levels:
    levels: Levels = np.asarray(picture).astype(np.int64)
    tags = getattr(picture, "tag_v2", {})
    if levels.min() < 0 or levels.max() > LARGEST_16_BIT:
        _refuse_range("32-bit integers")
    largest = min(2 ** tags.get(BITS_TAG, (16,))[0] - 1, LARGEST_16_BIT)
    if tags.get(PHOTOMETRIC_TAG) == MIN_IS_WHITE:  # Pillow turns 8-bit ones only
        levels = largest - levels
    exact: Levels = np.rint(levels[..., np.newaxis] * (LARGEST_16_BIT / largest)).astype(np.uint16)
    return exact


def _reduce(levels: Levels) -> Image.Image:
    """16-bit levels (height, width, 1 or 3), or 8-bit ones, as an 8-bit picture."""
    exact = levels if levels.dtype == np.uint8 else np.rint(levels / LEVELS_16_BIT).astype(np.uint8)
    return Image.fromarray(exact[..., 0] if exact.shape[-1] == 1 else exact)


def _find_alpha(deep: Levels, key: object) -> Image.Image | None:
    """The opacity of 16-bit levels: their last channel, or 0 where they are the colour `key`."""
    if deep.shape[-1] in (2, 4):
        return _reduce(deep[..., -1:])
    is_clear = (deep == np.asarray(key)).all(axis=-1)
    return None if key is None else Image.fromarray(np.where(is_clear, 0, 255).astype(np.uint8))


def _apply_profile(picture: Image.Image, content: bytes | None) -> tuple[Image.Image, str]:
    """The picture in sRGB by littleCMS, and a note; unchanged where its profile is sRGB's or cannot be used."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(content or b""))
        mode = PROFILE_MODES[profile.profile.xcolor_space]
        if (mode == "CMYK") is not (picture.mode == "CMYK") or (mode == "L" and picture.mode not in ("L", "LA", "1")):
            return picture, NOTE_UNUSED
        # littleCMS' quick way is exact to a level for colours and ten off in dark greys.
        flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
        turn = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB", flags=flags)
        steps = np.arange(0, 256, 1 if mode == "L" else 17, dtype=np.uint8)
        every = np.stack(np.meshgrid(*[steps] * len(mode)), axis=-1).reshape(16, -1, len(mode))
        colours = Image.fromarray(every[..., 0] if mode == "L" else every, mode=mode)
        moved = np.asarray(turn.apply(colours), dtype=np.int16) - np.asarray(colours.convert("RGB"))
        if np.abs(moved).max() <= SAME_LEVELS:
            return picture, ""
        name = ImageCms.getProfileDescription(profile).strip() or "without a name"
        return turn.apply(picture.convert(mode)), f"Converted from the colours of its profile ({name}) to sRGB."
    except BROKEN:
        return picture, NOTE_UNUSED


def _find_coded(picture: Image.Image, file: Path) -> Tone | None:
    """What the code points of a PNG file say, which count before its profile; no primaries where they are of HDR."""
    found = CODED.search(file.read_bytes().partition(b"IDAT")[0]) if picture.format == "PNG" else None
    if found is None:
        return None
    primaries, transfer, matrix, is_full = (part[0] for part in found.groups())
    if (primaries, transfer) == (1, 13):
        return SRGB[0], SRGB[1], ""
    is_known = transfer in CODED_GAMMAS and (matrix, is_full) == (0, 1)
    places = CODED_PRIMARIES.get(primaries, ()) if is_known else ()
    return CODED_GAMMAS.get(transfer, 0.0), places, f"its code points {primaries}/{transfer}"


def _find_tone(picture: Image.Image) -> Tone:
    """What a PNG file or a camera says of its colours."""
    info = picture.info
    if picture.format == "PNG" and "srgb" not in info:
        gamma, primaries = info.get("gamma") or SRGB[0], tuple(info.get("chromaticity", SRGB[1]))
        own_gamma = abs(gamma / SRGB[0] - 1) > SAME_GAMMA
        own_primaries = np.abs(np.subtract(primaries, SRGB[1])).max() > SAME_PRIMARIES
        origin = [f"a gamma of {gamma:g}"] * own_gamma + ["primaries of its own"] * bool(own_primaries)
        return gamma if own_gamma else 0.0, primaries, " and ".join(origin)
    with suppress(*BROKEN):
        if picture.getexif().get_ifd(ExifTags.IFD.Interop).get(1) == ADOBE_INTEROP:
            return ADOBE
    return SRGB[0], SRGB[1], ""


def _apply_tone(picture: Image.Image, deep: Levels | None, tone: Tone) -> tuple[Image.Image, str]:
    """The picture in sRGB by way of linear light, from its 16-bit levels where it has them; and a note."""
    gamma, primaries, origin = tone
    if not origin or picture.mode == "CMYK":
        return picture, ""
    try:
        (own, own_white), (srgb, srgb_white) = _to_xyz(primaries), _to_xyz(SRGB[1])
        adapt = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ srgb_white) / (BRADFORD @ own_white)) @ BRADFORD
        matrix = np.linalg.inv(srgb) @ adapt @ own
    except BROKEN:
        return picture, NOTE_UNUSED
    levels = np.asarray(picture.convert("RGB")) if deep is None else deep
    steps = np.arange(np.iinfo(levels.dtype).max + 1) / np.iinfo(levels.dtype).max
    light = steps ** (1 / gamma) if gamma else decode_srgb(steps)
    done = np.empty(levels.shape, dtype=np.uint8)
    for row, line in enumerate(levels):
        linear = light[line] if levels.shape[-1] == 1 else light[line] @ matrix.T
        done[row] = np.rint(encode_srgb(linear) * 255)
    return _reduce(done), f"Converted from {origin} to sRGB."


def _to_xyz(primaries: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    """From linear light to CIE XYZ, (3, 3), and the white of Y = 1."""
    pairs = np.reshape(primaries, (4, 2)).tolist()
    white, *colours = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in pairs)
    corners = np.stack(colours, axis=1)
    return corners * np.linalg.solve(corners, white), white
