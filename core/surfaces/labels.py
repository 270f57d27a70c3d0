"""ROI atlases of a user's surface from .annot, .label and label GIFTI files. Never invents a region.

One .annot or .label.gii a hemisphere makes an atlas of its own; all .label files together make one more. Where labels
overlap, the one with the higher value at a vertex has it, else the first by name.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.containers import reading
from core.errors import BadInputError
from core.surfaces.atlas import Atlas
from core.surfaces.freesurfer import read_bytes
from core.surfaces.gifti import read_gifti_labels
from core.types import FloatArray, IntArray

HAS_TABLE = struct.pack(">i", 1)
LABELS_TITLE = "labels"
NO_REGION = re.compile(
    r"(unknown|\?+|none|medial[_ ]?wall|corpus ?callosum|background.*|freesurfer_defined.*|)", re.IGNORECASE
)
SIDE_PREFIX = re.compile(r"^(?:ctx[-_.])?(?:lh|rh|l|r|left|right)[-_.]", re.IGNORECASE)
SUFFIXES = re.compile(r"(\.thresh|_exvivo|\.mpm|\.vpnl|_ROI)+$")

SideLabels = tuple[npt.NDArray[np.int64], list[str]]
"""An index of each vertex into the names, -1 for none, and the names."""


def read_atlas(title: str, paths: Mapping[int, Path], sizes: tuple[int, int], notes: list[str]) -> Atlas:
    """One atlas from one .annot or .label.gii a side; a side without a file has no region.

    Regions that cannot be told apart are one, "A or B", and go into the notes.

    `sizes` (n_left, n_right): vertices of the surface.

    Raises BadInputError if a file is damaged or of another surface.
    """
    sides: list[SideLabels] = [(np.full(size, -1), []) for size in sizes]
    for side, path in paths.items():
        sides[side] = _read_side(path, sizes[side], notes)
    return _join(title, ", ".join(paths[side].name for side in sorted(paths)), sides)


def read_label_atlas(paths: Mapping[int, Sequence[Path]], sizes: tuple[int, int], notes: list[str]) -> Atlas:
    """One atlas from all .label files of both sides; one that cannot be used is left out and goes into the notes."""
    sides = [_stack_labels(sorted(paths.get(side, ())), sizes[side], notes) for side in (0, 1)]
    count = sum(len(files) for files in paths.values())
    return _join(LABELS_TITLE, f"{count} label files", sides)


def read_label(path: Path, n_vertices: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """The vertices (k,) of a FreeSurfer .label file and their values (k,).

    Raises BadInputError if it is damaged, or of another surface.
    """
    lines = read_bytes(path).decode("latin-1").splitlines()
    with reading(path, "FreeSurfer label", advice="Copy the file again."):
        count = int(lines[1])
        rows = np.array(" ".join(lines[2 : 2 + count]).split(), dtype=np.float64).reshape(-1, 5)
    if len(rows) != count:
        raise BadInputError(f"{path.name} is truncated: it announces {count:,} vertices and has {len(rows):,}.")
    assigned = rows[:, 0] >= 0
    if len(rows) and rows[:, 0].max() >= n_vertices:
        raise BadInputError(
            f"{path.name} names vertex {int(rows[:, 0].max()):,} and the surface has {n_vertices:,}: it belongs to "
            "another surface. Give the labels of this subject's own surface."
        )
    return rows[assigned, 0].astype(np.int64), rows[assigned, 4]


def tidy_name(name: str) -> str:
    """The name of a region without its side and file endings; "" for what is no region (medial wall, unknown)."""
    short = SUFFIXES.sub("", SIDE_PREFIX.sub("", " ".join(name.split())))
    return "" if NO_REGION.fullmatch(short) else short


def _read_side(path: Path, n_vertices: int, notes: list[str]) -> SideLabels:
    if path.name.endswith((".gii", ".gii.gz")):
        keys, names = read_gifti_labels(path, notes)
        ordered = sorted(names)
        where = np.searchsorted(ordered, keys).clip(max=len(ordered) - 1)
        index = np.where(np.asarray(ordered)[where] == keys, where, -1)
        texts = [names[key] for key in ordered]
    else:
        index, texts = _read_annot(path, notes)
    if len(index) != n_vertices:
        raise BadInputError(
            f"{path.name} labels {len(index):,} vertices and the surface has {n_vertices:,}: it belongs to another "
            "surface. Give the labels of this subject's own surface."
        )
    return index, texts


def _read_annot(path: Path, notes: list[str]) -> SideLabels:
    """A vertex has the region whose colour it has; none where the table does not list that, or it is 0, for none.

    nibabel reads neither the vertices, which may stand in any order, nor the regions' places in the table, which may,
    too, with others left free.
    """
    data = read_bytes(path)
    count = struct.unpack(">i", data[:4])[0] if len(data) >= 4 else 0
    end = 4 + 8 * count
    if count <= 0 or len(data) < end:
        raise BadInputError(f"{path.name} is truncated, or not as FreeSurfer writes it (big-endian). Copy it again.")
    if data[end : end + 4] != HAS_TABLE:
        raise BadInputError(f"{path.name} has no colour table, which names its regions. Write it again with one.")
    with reading(path, "FreeSurfer annotation", advice="Copy the file again."):
        regions = list(_iter_regions(BytesIO(data[end + 4 :])))
    vertices, colours = np.frombuffer(data, ">i4", 2 * count, 4).reshape(-1, 2).T
    if len(np.unique(vertices)) != count:
        raise BadInputError(f"{path.name} is damaged: it names a vertex twice. Copy the file again.")
    colours = colours[np.argsort(vertices)]
    listed: dict[int, list[str]] = {}
    for colour, name in regions:
        listed.setdefault(colour, []).append(name)
    used, index = np.unique(colours, return_inverse=True)
    choices = [list(dict.fromkeys(listed.get(colour, ()))) if colour else [] for colour in used.tolist()]
    notes += [
        f"{path.name} gives {name} the colour of vertices without a region, 0: it has none."
        for name in listed.get(0, ())
        if tidy_name(name) and 0 in used
    ]
    notes += [
        f"{path.name} gives {' and '.join(names)} one colour, so they cannot be told apart."
        for names in choices
        if len(names) > 1
    ]
    return np.asarray(index, dtype=np.int64), [" or ".join(names) for names in choices]


def _iter_regions(table: BytesIO) -> Iterator[tuple[int, str]]:
    """The colour and name of each region of a colour table, as annotations hold it, old or of version 2."""

    def take(count: int = 1) -> tuple[int, ...]:
        return struct.unpack(f">{count}i", table.read(4 * count))

    (count,) = take()
    if not (is_old := count > 0):
        if count != -2:
            raise ValueError(f"its colour table is of version {-count}")
        take()  # the largest place, and one
    table.read(*take())  # the name of the table's own file
    for _ in range(count if is_old else take()[0]):
        if not is_old:
            take()  # the region's place
        name = table.read(*take()).rstrip(b"\0").decode("utf-8", "replace")
        red, green, blue, _ = take(4)
        yield red + (green << 8) + (blue << 16), name


def _stack_labels(paths: Sequence[Path], n_vertices: int, notes: list[str]) -> SideLabels:
    index = np.full(n_vertices, -1, dtype=np.int64)
    best = np.full(n_vertices, -np.inf)
    names: list[str] = []
    for path in paths:
        try:
            vertices, values = read_label(path, n_vertices)
        except BadInputError as error:
            notes.append(f"A label was left out: {error}")
            continue
        wins = values > best[vertices]
        index[vertices[wins]], best[vertices[wins]] = len(names), values[wins]
        names.append(path.name.removesuffix(".label"))
    return index, names


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
