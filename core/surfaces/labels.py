"""ROI atlases of a user's surface from .annot, .label and label GIFTI files. Never invents a region.

One .annot or .label.gii a hemisphere makes an atlas of its own; all .label files together make one more. Where labels
overlap, the one with the higher value at a vertex has it, else the first by name.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.containers import reading
from core.errors import BadInputError
from core.surfaces.atlas import Atlas
from core.surfaces.freesurfer import read_bytes
from core.surfaces.gifti import read_gifti_labels
from core.types import FloatArray, IntArray

LABELS_TITLE = "labels"
NO_REGION = re.compile(
    r"(unknown|\?+|none|medial[_ ]?wall|corpus ?callosum|background.*|freesurfer_defined.*|)", re.IGNORECASE
)
SIDE_PREFIX = re.compile(r"^(?:ctx[-_.])?(?:lh|rh|l|r|left|right)[-_.]", re.IGNORECASE)
SUFFIXES = re.compile(r"(\.thresh|_exvivo|\.mpm|\.vpnl|_ROI)+$")

SideLabels = tuple[npt.NDArray[np.int64], list[str]]
"""An index of each vertex into the names, -1 for none, and the names."""


def read_atlas(title: str, paths: Mapping[int, Path], sizes: tuple[int, int]) -> Atlas:
    """One atlas from one .annot or .label.gii a side; a side without a file has no region.

    Parameters
    ----------
    title : str
    paths : mapping of side to file
    sizes : (n_left, n_right)
        Vertices of the surface.

    Raises
    ------
    BadInputError
        If a file is damaged or of another surface.
    """
    sides = [_read_side(paths[side], sizes[side]) if side in paths else _no_side(sizes[side]) for side in (0, 1)]
    return _join(title, ", ".join(paths[side].name for side in sorted(paths)), sides)


def read_label_atlas(paths: Mapping[int, Sequence[Path]], sizes: tuple[int, int]) -> Atlas:
    """One atlas from all .label files of both sides. Raises as `read_atlas`."""
    sides = [_stack_labels(sorted(paths.get(side, ())), sizes[side]) for side in (0, 1)]
    count = sum(len(files) for files in paths.values())
    return _join(LABELS_TITLE, f"{count} label files", sides)


def read_label(path: Path) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """The vertices (k,) of a FreeSurfer .label file and their values (k,). Raises BadInputError if it is damaged."""
    lines = read_bytes(path).decode("latin-1").splitlines()
    with reading(path, "FreeSurfer label", advice="Copy the file again."):
        count = int(lines[1])
        rows = np.array(" ".join(lines[2 : 2 + count]).split(), dtype=np.float64).reshape(-1, 5)
    if len(rows) != count:
        raise BadInputError(f"{path.name} is truncated: it announces {count:,} vertices and has {len(rows):,}.")
    assigned = rows[:, 0] >= 0
    return rows[assigned, 0].astype(np.int64), rows[assigned, 4]


def tidy_name(name: str) -> str:
    """The name of a region without its side and file endings; "" for what is no region (medial wall, unknown)."""
    short = SUFFIXES.sub("", SIDE_PREFIX.sub("", name.strip()))
    return "" if NO_REGION.fullmatch(short) else short


def _read_side(path: Path, n_vertices: int) -> SideLabels:
    if path.name.endswith((".gii", ".gii.gz")):
        keys, names = read_gifti_labels(path)
        ordered = sorted(names)
        where = np.searchsorted(ordered, keys).clip(max=len(ordered) - 1)
        index = np.where(np.asarray(ordered)[where] == keys, where, -1)
        texts = [names[key] for key in ordered]
    else:
        index, texts = _read_annot(path)
    if len(index) != n_vertices:
        raise BadInputError(
            f"{path.name} labels {len(index):,} vertices and the surface has {n_vertices:,}: it belongs to another "
            "surface. Give the labels of this subject's own surface."
        )
    return index, texts


def _read_annot(path: Path) -> SideLabels:
    from nibabel.freesurfer.io import read_annot

    data = read_bytes(path)
    count = struct.unpack(">i", data[:4])[0] if len(data) >= 4 else 0
    if count <= 0 or len(data) < 8 + 8 * count:
        raise BadInputError(f"{path.name} is truncated, or not as FreeSurfer writes it (big-endian). Copy it again.")
    with reading(path, "FreeSurfer annotation", advice="Copy the file again."):
        index, _, names = read_annot(path)  # type: ignore[no-untyped-call]
    return np.asarray(index, dtype=np.int64), [name.decode("utf-8", "replace") for name in names]


def _stack_labels(paths: Sequence[Path], n_vertices: int) -> SideLabels:
    index = np.full(n_vertices, -1, dtype=np.int64)
    best = np.full(n_vertices, -np.inf)
    names: list[str] = []
    for path in paths:
        vertices, values = read_label(path)
        if len(vertices) and vertices.max() >= n_vertices:
            raise BadInputError(
                f"{path.name} names vertex {int(vertices.max()):,} and the surface has {n_vertices:,}: it belongs to "
                "another surface. Give the labels of this subject's own surface."
            )
        wins = values > best[vertices]
        index[vertices[wins]], best[vertices[wins]] = len(names), values[wins]
        names.append(path.name.removesuffix(".label"))
    return index, names


def _no_side(n_vertices: int) -> SideLabels:
    return np.full(n_vertices, -1, dtype=np.int64), []


def _join(title: str, source: str, sides: Sequence[SideLabels]) -> Atlas:
    tidied = [[tidy_name(name) for name in names] for _, names in sides]
    present = [[name for at, name in enumerate(texts) if (sides[i][0] == at).any()] for i, texts in enumerate(tidied)]
    names = tuple(dict.fromkeys(name for texts in present for name in texts if name))
    left, right = (_renumber(index, texts, names) for (index, _), texts in zip(sides, tidied, strict=True))
    return Atlas(title, source, names, left, right)


def _renumber(index: IntArray, texts: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.int16]:
    number = {name: at for at, name in enumerate(names, start=1)}
    table = np.array([*(number.get(text, 0) for text in texts), 0], dtype=np.int16)
    return table[index]  # -1 takes the 0 at the end
