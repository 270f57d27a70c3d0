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
    lines = [line.astype(f">u{levels.dtype.itemsize}").tobytes() for line in levels]
    return _write_lines(path, lines, (width, height, bits, kind), chunks)


def write_few_bits(path: Path, levels: np.ndarray, bits: int, *chunks: tuple[bytes, bytes]) -> Path:
    """Grey levels (height, width) of 1, 2 or 4 bits as PNG, the first in the highest bits of a byte."""
    height, width = levels.shape
    shifts = np.arange(8 - bits, -1, -bits)
    packed = (levels.reshape(height, -1, 8 // bits) << shifts).sum(axis=2).astype(np.uint8)
    return _write_lines(path, [line.tobytes() for line in packed], (width, height, bits, 0), chunks)


def _write_lines(
    path: Path, lines: list[bytes], header: tuple[int, int, int, int], chunks: tuple[tuple[bytes, bytes], ...]
) -> Path:
    content = zlib.compress(b"".join(b"\0" + line for line in lines))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0)), *chunks, (b"IDAT", content), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


def write_planes(path: Path, planes: np.ndarray, order: str, rows_per_strip: int) -> None:
    """Planes (3, height, width) uint16 as an uncompressed TIFF file with one colour behind the other."""
    _, height, width = planes.shape
    strips = [
        plane[top : top + rows_per_strip].astype(f"{order}u2").tobytes()
        for plane in planes
        for top in range(0, height, rows_per_strip)
    ]
    n_entries, sizes = 10, [len(strip) for strip in strips]
    after = 8 + 2 + 12 * n_entries + 4
    data_at = after + 6 + 8 * len(strips)
    starts = [data_at + sum(sizes[:number]) for number in range(len(strips))]
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, after), (259, 3, 1, 1), (262, 3, 1, 2)]
    entries += [(273, 4, len(strips), after + 6), (277, 3, 1, 3), (278, 3, 1, rows_per_strip)]
    entries += [(279, 4, len(strips), after + 6 + 4 * len(strips)), (284, 3, 1, 2)]
    content = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, n_entries)
    for tag, kind, count, value in entries:
        held = struct.pack(f"{order}HH", value, 0) if (kind, count) == (3, 1) else struct.pack(f"{order}I", value)
        content += struct.pack(f"{order}HHI", tag, kind, count) + held
    numbers = struct.pack(f"{order}I3H{2 * len(strips)}I", 0, 16, 16, 16, *starts, *sizes)
    path.write_bytes(content + numbers + b"".join(strips))


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
