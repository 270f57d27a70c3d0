"""Reads FreeSurfer's binary files exactly: surfaces, curvature, flat patches. Never guesses at a damaged file.

All are big-endian by definition; a file whose counts only make sense the other way round is read as little-endian. A
file shorter than its counts say is refused as truncated.

FreeSurfer's surfaces are in tkRAS: the origin is the middle of the volume they were made from, the axes are those of
its slices. For the usual conformed volume the way to scanner RAS is a shift by c_ras.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.containers import reading
from core.errors import BadInputError, StorageError

TRIANGLES = b"\xff\xff\xfe"
QUADRANGLES = (b"\xff\xff\xff", b"\xff\xff\xfd")
NEW_CURVATURE = b"\xff\xff\xff"
OLD_CURVATURE_UNIT = 100.0
PATCH_VERSION = -1
USES_REAL_RAS = 2
"""The tag before a flag that says whether coordinates are already in scanner RAS."""

GEOMETRY = ("volume", "voxelsize", "xras", "yras", "zras", "cras")
"""A volume's size in voxels, size of these in mm, axes and centre in scanner RAS, as FreeSurfer calls them."""
ORDERS = (">", "<")
NO_TRANSFORM: npt.NDArray[np.float64] = np.eye(4)
NO_TRANSFORM.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Triangles:
    """A mesh: points (n, 3) float32 mm, faces (m, 3) int32, and the way to scanner RAS (4, 4)."""

    points: npt.NDArray[np.float32]
    faces: npt.NDArray[np.int32]
    to_scanner: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A part of a mesh cut out of it: its vertices (k,) int32 and their coordinates (k, 3) float32."""

    vertices: npt.NDArray[np.int32]
    points: npt.NDArray[np.float32]


def read_triangles(path: Path) -> Triangles:
    """Read a surface such as lh.pial.

    Raises BadInputError if it is no FreeSurfer triangle file, or is truncated; StorageError if it cannot be read.
    """
    data = read_bytes(path)
    if data[:3] in QUADRANGLES:
        raise BadInputError(f"{path.name} holds quadrangles or curvature, not triangles. Convert it with mris_convert.")
    start = data.find(b"\n\n") + 2
    if data[:3] != TRIANGLES or start < 2:
        raise BadInputError(f"{path.name} is no FreeSurfer surface. Give the file as FreeSurfer wrote it.")
    order, (n_vertices, n_faces) = _find_order(path, data, start=start, size=lambda v, f: 12 * v + 12 * f)
    at = start + 8
    points = np.frombuffer(data, f"{order}f4", 3 * n_vertices, at).reshape(-1, 3)
    faces = np.frombuffer(data, f"{order}i4", 3 * n_faces, at + points.nbytes).reshape(-1, 3)
    tail = data[at + points.nbytes + faces.nbytes :]
    return Triangles(points.astype(np.float32), faces.astype(np.int32), _read_tail(tail, order))


def read_curvature(path: Path) -> npt.NDArray[np.float32]:
    """Read one number a vertex (curv, sulc), (n_vertices,), in the new or the old format. Raises as above."""
    data = read_bytes(path)
    if data[:3] != NEW_CURVATURE:
        count = int.from_bytes(data[:3], "big")
        if not count or len(data) != 6 + 2 * count:
            raise BadInputError(f"{path.name} is no FreeSurfer curvature file, or is truncated. Copy the file again.")
        return np.frombuffer(data, ">i2", count, 6).astype(np.float32) / np.float32(OLD_CURVATURE_UNIT)
    order, (n_vertices, _) = _find_order(path, data, start=3, size=lambda v, _f: 4 + 4 * v)
    return np.frombuffer(data, f"{order}f4", n_vertices, 15).astype(np.float32)


def read_patch(path: Path) -> Patch:
    """Read a patch such as lh.full.flat.patch.3d. Raises as above.

    The file is int -1, int count, then for each vertex an int (its number from 1, negative on the rim), three floats.
    """
    data = read_bytes(path)
    if len(data) < 8 or struct.unpack(">i", data[:4])[0] != PATCH_VERSION:
        raise BadInputError(f"{path.name} is no FreeSurfer patch of the binary kind. Write it again with mris_flatten.")
    order, (count,) = _find_order(path, data, start=4, size=lambda k: 16 * k, n_counts=1)
    rows = np.frombuffer(data, [("vertex", f"{order}i4"), ("point", f"{order}f4", 3)], count, 8)
    if (rows["vertex"] == 0).any():
        raise BadInputError(f"{path.name} is damaged: a patch numbers its vertices from 1. Copy it again.")
    return Patch((np.abs(rows["vertex"].astype(np.int64)) - 1).astype(np.int32), rows["point"].astype(np.float32))


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises StorageError if it cannot be read."""
    with reading(path, "FreeSurfer file", error=StorageError, advice="Check the path."):
        return path.read_bytes()


def _find_order(
    path: Path, data: bytes, *, start: int, size: Callable[..., int], n_counts: int = 2
) -> tuple[str, tuple[int, ...]]:
    """The byte order in which the counts at `start` fit the file, and the counts; big-endian first."""
    end = start + 4 * n_counts
    if len(data) >= end:
        for order in ORDERS:
            counts = struct.unpack(f"{order}{n_counts}i", data[start:end])
            if counts[0] > 0 and min(counts) >= 0 and end + size(*counts) <= len(data):
                return order, counts
    announced = f"{struct.unpack('>i', data[start : start + 4])[0]:,}" if len(data) >= end else "some"
    raise BadInputError(
        f"{path.name} is truncated: it announces {announced} vertices and ends after {len(data):,} bytes. "
        "Copy the file again."
    )


def _read_tail(tail: bytes, order: str) -> npt.NDArray[np.float64]:
    """Where the surface lies, from the volume geometry FreeSurfer writes after the triangles."""
    if len(tail) >= 8 and struct.unpack(f"{order}2i", tail[:8]) == (USES_REAL_RAS, 1):
        return NO_TRANSFORM
    lines = dict(re.findall(r"([a-z]+)\s*=\s*([^#\n]*)", tail.decode("latin-1")))
    if not lines.get("valid", "0").strip().startswith("1"):
        return NO_TRANSFORM
    try:
        return surface_to_scanner({name: np.array(lines[name].split(), dtype=np.float64) for name in GEOMETRY})
    except (KeyError, ValueError):
        return NO_TRANSFORM


def surface_to_scanner(geometry: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """From tkRAS to scanner RAS, (4, 4), by `GEOMETRY` of the volume a surface was made from, three numbers each.

    Scanner RAS = vox2ras · vox2ras-tkr⁻¹ · tkRAS. Both take voxels of one size from the middle of the volume, so sizes
    cancel: tkRAS runs along -x, z and -y of the slices, from the centre. Raises BadInputError if it is none.
    """
    shapes = {name: values.shape for name, values in geometry.items()}
    if any(shape != (3,) for shape in shapes.values()) or not (geometry["voxelsize"] > 0).all():
        raise refusal("volume geometry", allowed="six triples of numbers", got=shapes)
    across, down, through, centre = (geometry[name] for name in ("xras", "yras", "zras", "cras"))
    move = np.eye(4)
    move[:3] = np.stack([-across, through, -down, centre], axis=1)
    return move
