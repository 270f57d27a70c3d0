"""Reads the arrays of numbers in MATLAB files before 7.3, of any byte order. Never reads structures, cells or objects.

scipy's reader of versions 6 and 7 trusts the types a file names and ends the program over a changed byte; here they are
looked up in a table. (MATLAB, "MAT-File Format", R2023b: a tag of type and length before each element.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.containers import Arrays, inflate

HEADER_BYTES, ORDER_AT = 128, 126
ORDERS = {b"IM": "<", b"MI": ">"}
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""How values lie in the file, by the type of their element."""
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""What they are in MATLAB, by the class of the array; whole numbers of doubles are stored in few bytes."""
MATRIX, COMPRESSED = 14, 15
COMPLEX = 0x0800

Element = tuple[int, bytes]


def read_matlab(path: Path) -> Arrays:
    """The real arrays of numbers of a file by name. Damage raises what `core.containers.reading` words."""
    content = path.read_bytes()
    order = ORDERS.get(content[ORDER_AT:HEADER_BYTES])
    if order is None:
        from scipy.io import loadmat  # version 4, whose reader is Python

        return {name: value for name, value in loadmat(path).items() if isinstance(value, np.ndarray)}
    found: Arrays = {}
    for kind, body in _iter_elements(content[HEADER_BYTES:], order):
        inner = _iter_elements(inflate(body), order) if kind == COMPRESSED else [(kind, body)]
        for _, matrix in (one for one in inner if one[0] == MATRIX):
            found |= _read_matrix(matrix, order)
    return found


def _read_matrix(body: bytes, order: str) -> Arrays:
    flags, sides, name, *parts = _iter_elements(body, order)
    kind = int(_numbers(flags, order)[0])
    if kind & 0xFF not in CLASSES or kind & COMPLEX or not parts:
        return {}
    shape = tuple(_numbers(sides, order).tolist())
    values = _numbers(parts[0], order).astype(CLASSES[kind & 0xFF])
    return {name[1].decode("latin-1"): values.reshape(shape, order="F")}


def _numbers(element: Element, order: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(element[1], order + STORED[element[0]])


def _iter_elements(content: bytes, order: str) -> Iterator[Element]:
    """Type and content of one element after another; a short one keeps its content in its tag."""
    at = 0
    while at + 8 <= len(content):
        kind, length = np.frombuffer(content[at : at + 8], f"{order}u4").tolist()
        start = at + 8
        if kind >> 16:
            kind, length, start = kind & 0xFFFF, kind >> 16, at + 4
        if start + length > len(content):
            raise EOFError("an element is cut short")
        yield kind, content[start : start + length]
        at = start + length
        at += 0 if kind == COMPRESSED else -at % 8
