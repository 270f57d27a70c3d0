"""Reads FreeSurfer's MGH overlays and volumes, plain ones mapped, compressed ones (.mgz) whole.

The header is 284 bytes, big-endian: version 1, width, height, depth, frames, type, dof, then a flag (int16) that says
whether voxel sizes and directions follow. Data come after it, the first axis fastest. (nibabel reads them too, but
leaves the file open.)
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import refusal

DATA_AT = 284
TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}


@dataclass(frozen=True, slots=True, eq=False)
class MghFile:
    """An open file: `shape` (width, height, depth[, frames]), `dataobj` to slice, `affine` to RAS."""

    shape: tuple[int, ...]
    dataobj: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]


def open_mgh(path: Path) -> MghFile:
    """The file's array, not yet read. Raises BadInputError if the header is no valid one or data are cut short."""
    try:
        compressed = path.suffix == ".mgz"
        content = gzip.decompress(path.read_bytes()) if compressed else b""
        with path.open("rb") as file:
            header = content[:DATA_AT] if compressed else file.read(DATA_AT)
        n_bytes = len(content) if compressed else path.stat().st_size
        version, *sides, kind, _dof, good = struct.unpack(">7ih", header[:30])
        if version != 1 or kind not in TYPES or min(sides) < 1:
            raise ValueError(f"version {version}, type {kind}, shape {tuple(sides)}")
        dtype = np.dtype(TYPES[kind])
        if n_bytes < DATA_AT + dtype.itemsize * int(np.prod(sides, dtype=np.int64)):
            raise ValueError(f"{n_bytes:,} bytes are too few for shape {tuple(sides)}")
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        advice = f"Its header cannot be read ({error}). Copy the file again."
        raise refusal("file", allowed="a FreeSurfer MGH file", got=path.name, advice=advice) from error
    data: npt.NDArray[Any]
    if compressed:
        count = int(np.prod(sides, dtype=np.int64))
        data = np.frombuffer(content, dtype, count=count, offset=DATA_AT).reshape(sides, order="F")
    else:
        data = np.memmap(path, dtype, mode="r", offset=DATA_AT, shape=tuple(sides), order="F")
    affine = _affine(header, sides) if good == 1 else np.eye(4)
    return MghFile(tuple(sides) if sides[3] > 1 else tuple(sides[:3]), data if sides[3] > 1 else data[..., 0], affine)


def _affine(header: bytes, sides: list[int]) -> npt.NDArray[np.float64]:
    numbers = struct.unpack(">15f", header[30:90])
    scaled = np.reshape(numbers[3:12], (3, 3)).T * np.asarray(numbers[:3])
    affine = np.eye(4)
    affine[:3, :3] = scaled
    affine[:3, 3] = np.asarray(numbers[12:15]) - scaled @ (np.asarray(sides[:3]) / 2)
    return affine
