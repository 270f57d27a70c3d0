"""Damages files, the same way for a seed, and says what came of reading one."""

from __future__ import annotations

import random
import traceback
import warnings
from pathlib import Path

from core.errors import ProbeError
from tests.fuzz.kinds import Kind, repack

HUGE = (b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff" * 8, b"\x00" * 8, b"\x00\x00\x00\x80", b"999999999999")
TEXTS = (
    b"\x00",
    b"\xff\xfe",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"[" * 2000,
    b'{"a":' * 2000,
    b"'",
    b'"',
    b"\xed\xa0\x80",
)
MOST_CHANGES = 4
HEADER_BYTES = 600
"""Half of all changes fall in the first and the last of so many bytes, where headers and tables of contents lie."""


def mutate(whole: bytes, seed: int) -> bytes:
    """A damaged copy; for archives often one whose checksums are right."""
    draw = random.Random(seed)
    if draw.random() < 0.5:
        packed = repack(whole, lambda content: change(content, draw), draw.randrange(1000))
        if packed is not None:
            return packed
    return change(whole, draw)


def change(content: bytes, draw: random.Random) -> bytes:
    """One to four changes of bytes."""
    data = bytearray(content)
    for _ in range(draw.randint(1, MOST_CHANGES)):
        if not data:
            return draw.randbytes(20)
        at, kind = find_place(len(data), draw), draw.randrange(8)
        length = draw.choice((1, 4, 16, 200))
        if kind == 0:
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at] = draw.randrange(256)
        elif kind == 2:
            piece = draw.choice(HUGE)
            data[at : at + len(piece)] = piece
        elif kind == 3:
            data[at:at] = draw.choice(TEXTS)
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length]
        elif kind == 6:
            data[at : at + length] = draw.randbytes(length)
        elif draw.random() < 0.3:
            del data[at:]
    return bytes(data)


def find_place(size: int, draw: random.Random) -> int:
    if draw.random() < 0.5:
        near = draw.randrange(min(size, HEADER_BYTES))
        return near if draw.random() < 0.7 else size - 1 - near
    return draw.randrange(size)


def judge(kind: Kind, path: Path) -> str:
    """What reading a file comes to: "read", "refused", or a defect in words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind.read(path)
    except ProbeError as error:
        text = str(error)
        good = text.strip() and "\n" not in text and "Traceback" not in text and len(text) < 1200
        return "refused" if good else f"worded as {text[:300]!r}, {len(text)} letters"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a defect to be told
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if "/core/" in frame.filename]
        where = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "a library"
        return f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:100]}"
    return "read"
