"""Writes what Pillow cannot: ICC profiles of version 2 and PNG files of 16 bits with colour chunks, byte by byte."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])


def write_png(path: Path, levels: np.ndarray, *chunks: tuple[bytes, bytes]) -> Path:
    """Levels (height, width, channels) uint8 or uint16 as PNG, with further chunks ahead of the data."""
    height, width, channels = levels.shape
    kind, bits = {1: 0, 2: 4, 3: 2, 4: 6}[channels], 8 * levels.dtype.itemsize
    lines = b"".join(b"\0" + line.astype(f">u{levels.dtype.itemsize}").tobytes() for line in levels)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


def gamma_chunk(gamma: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def primaries_chunk(places: tuple[float, ...]) -> tuple[bytes, bytes]:
    """CIE xy of white, red, green, blue."""
    return b"cHRM", struct.pack(">8I", *(round(place * 100_000) for place in places))


def rgb_profile(colorants: np.ndarray, gamma: float) -> bytes:
    """A profile of three primaries, XYZ of D50 in the columns of `colorants`, and one exponent."""
    tags = {b"wtpt": _xyz(D50)}
    for number, name in enumerate((b"r", b"g", b"b")):
        tags[name + b"XYZ"], tags[name + b"TRC"] = _xyz(colorants[:, number]), _curve(gamma)
    return _profile(b"RGB ", b"XYZ ", tags)


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": _curve(gamma)})


def ink_profile() -> bytes:
    """A profile of CMYK whose lightness is 100 (1 - black), whatever the other inks, without colour."""
    corners = np.zeros((2, 2, 2, 2, 3), dtype=np.uint8)
    corners[..., 0, 0], corners[..., 1:] = 255, 128
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(np.eye(3).ravel() * 65536).astype(int))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix + ramp * 4 + corners.tobytes() + ramp * 3
    return _profile(b"CMYK", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": table}, kind=b"prtr")


def _xyz(place: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *np.rint(place * 65536).astype(int))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def _profile(space: bytes, between: bytes, tags: dict[bytes, bytes], *, kind: bytes = b"mntr") -> bytes:
    text = b"Made here"
    about = b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)
    tags = {b"desc": about, b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    at, table, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"none", 0x02400000, kind, space, between)
    head += (
        struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
        + b"acsp"
        + bytes(28)
        + struct.pack(">3i", *np.rint(D50 * 65536).astype(int))
    )
    return head.ljust(128, b"\0") + table + data
