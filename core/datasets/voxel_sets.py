"""A user's own ROIs: named sets of a subject's voxels, one small JSON file a subject, and files sets are taken from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.checks import check_choice, refusal
from core.containers import reading
from core.errors import StorageError
from core.files import replace_file
from core.headers import HeaderKind, read_record, write_json
from core.paths import data_folder
from core.surfaces.gifti import read_gifti_labels
from core.surfaces.labels import read_label
from core.surfaces.mesh import CorticalSurface
from core.surfaces.paint import NO_VOXEL, VoxelMap
from core.types import IntArray, VoxelTable, split_side

HEADER = HeaderKind(
    "the voxel sets of a subject",
    "Move the file away to begin again.",
    format="probescope-voxel-sets",
    versions=(1,),
    error=StorageError,
)
SIDE_OF = {"lh.": 0, "rh.": 1}
COLUMNS = "voxel,hemisphere,vertex,roi"
ENDINGS = (".csv", ".txt", ".label", ".gii")

VoxelSets = tuple[tuple[str, tuple[int, ...]], ...]
"""Names and voxels, ascending, in the order kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """`voxels` is a digest of the voxels that are numbered."""

    voxels: str
    sets: Mapping[str, tuple[int, ...]]


def load_sets(subject: str, table: VoxelTable) -> VoxelSets:
    """The sets kept of a subject with these voxels; none of those kept before it was imported with others.

    Raises StorageError if their file is damaged.
    """
    path = _file(subject)
    if not path.is_file():
        return ()
    kept = read_record(path, _Kept, HEADER)
    return tuple(kept.sets.items()) if kept.voxels == _digest(table) else ()


def keep_set(subject: str, name: str, voxels: Sequence[int], table: VoxelTable) -> None:
    """Keep voxels of a subject under a new name.

    Raises BadInputError if the name cannot be used or is taken, or a voxel does not exist; StorageError if the file
    cannot be written.
    """
    kept = dict(load_sets(subject, table))
    _check_name(name, (*table.roi_names, *kept))
    chosen = sorted({int(voxel) for voxel in voxels})
    if not chosen or chosen[0] < 0 or chosen[-1] >= table.n_voxels:
        got = f"{len(chosen)} voxels to {chosen[-1]}" if chosen else "none"
        raise refusal("set", allowed=f"of voxels from 0 to {table.n_voxels - 1}", got=got)
    _write(subject, kept | {name: tuple(chosen)}, table)


def rename_set(subject: str, name: str, new: str, table: VoxelTable) -> None:
    """Give a set another name; it keeps its place. Raises BadInputError for a set that is not there or a taken name."""
    kept = dict(load_sets(subject, table))
    check_choice("set", name, list(kept))
    _check_name(new, (*table.roi_names, *kept))
    _write(subject, {new if one == name else one: voxels for one, voxels in kept.items()}, table)


def remove_set(subject: str, name: str, table: VoxelTable) -> None:
    """Forget a set. Raises BadInputError if it is not there."""
    kept = dict(load_sets(subject, table))
    check_choice("set", name, list(kept))
    _write(subject, {one: voxels for one, voxels in kept.items() if one != name}, table)


def read_set(path: Path, table: VoxelTable, surface: CorticalSurface) -> tuple[int, ...]:
    """The voxels a file names, ascending: numbers in a first column, or the vertices of lh.NAME.label or .label.gii.

    Raises BadInputError if the file is none of `ENDINGS` or damaged, names no voxel, or its hemisphere is not known.
    """
    if path.suffix not in ENDINGS:
        raise refusal("set", allowed=f"a file that ends in {', '.join(ENDINGS)}", got=path.name)
    if path.suffix in (".csv", ".txt"):
        voxels = _read_numbers(path)
    else:
        side = SIDE_OF.get(path.name[:3])
        if side is None:
            raise refusal("label", allowed="a file whose name begins with lh. or rh.", got=path.name)
        shown = VoxelMap(table, *surface.n_vertices).voxels(side)
        voxels = [voxel for voxel in shown[_read_vertices(path, len(shown))].tolist() if voxel != NO_VOXEL]
    if not voxels or min(voxels) < 0 or max(voxels) >= table.n_voxels:
        got = f"voxels {min(voxels)} to {max(voxels)}" if voxels else "no voxel"
        raise refusal(path.name, allowed=f"of voxels from 0 to {table.n_voxels - 1}", got=got)
    return tuple(sorted(set(voxels)))


def write_set(path: Path, voxels: Sequence[int], table: VoxelTable, surface: CorticalSurface) -> tuple[Path, ...]:
    """Write voxels as a table (.csv), or as FreeSurfer labels lh.NAME.label and rh.NAME.label; returns the files.

    Raises BadInputError for another ending, StorageError if a file cannot be written.
    """
    members = np.asarray(voxels)
    if path.suffix == ".csv":
        sides = table.sides
        rows = [f"{one},{sides[one]},{table.vertex[one]},{table.roi[one]}" for one in members]
        return (_write_lines(path, [COLUMNS, *rows]),)
    if path.suffix != ".label":
        raise refusal("set", allowed="a file that ends in .csv or .label", got=path.name)
    shown, name = VoxelMap(table, *surface.n_vertices), path.name.removeprefix("lh.").removeprefix("rh.")
    written = []
    for start, side in SIDE_OF.items():
        inside = np.flatnonzero(np.isin(shown.voxels(side), members))
        shapes = surface.side(side).geometries
        points = shapes.get("white", next(iter(shapes.values())))[inside]
        rows = [f"{vertex} {x:.3f} {y:.3f} {z:.3f} 0.0" for vertex, (x, y, z) in zip(inside, points, strict=True)]
        if rows:
            head = [f"#!ascii label on {surface.name}", str(len(rows))]
            written.append(_write_lines(path.with_name(start + name), head + rows))
    return tuple(written)


def _file(subject: str) -> Path:
    return data_folder() / "voxel_sets" / f"{subject}.json"


def _check_name(name: str, taken: Sequence[str]) -> None:
    if not name.strip() or name != name.strip() or name.isdecimal() or set(name) & set(",:\n") or split_side(name)[0]:
        allowed = "a name that is no number and says no side, without commas and colons"
        raise refusal("name", allowed=allowed, got=name, advice="`left NAME` means the left part of every ROI.")
    if name.casefold() in {one.casefold() for one in taken}:
        raise refusal("name", allowed="a new one", got=name, advice="An ROI or a set of that name is there already.")


def _digest(table: VoxelTable) -> str:
    """Of what of the voxels stays the same on every surface they are shown on."""
    content = (table.noise_ceiling.tobytes(), table.hemisphere.tobytes(), "\n".join(table.roi).encode())
    return hashlib.sha256(b"".join(content)).hexdigest()


def _write(subject: str, sets: Mapping[str, tuple[int, ...]], table: VoxelTable) -> None:
    _file(subject).parent.mkdir(parents=True, exist_ok=True)
    content = {"voxels": _digest(table), "sets": {name: list(voxels) for name, voxels in sets.items()}}
    write_json(_file(subject), HEADER.marks() | content)


def _read_numbers(path: Path) -> list[int]:
    """The whole numbers a table or list begins its lines with; a first line of words is its head."""
    with reading(path, "list of voxels", advice="Write one voxel's number a line."):
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        words = [line.replace(";", ",").replace("\t", ",").split(",")[0].split()[0] for line in lines if line]
        return [int(word) for word in words[not words[0].lstrip("-").isdecimal() :]]


def _read_vertices(path: Path, n_vertices: int) -> IntArray:
    if path.suffix == ".label":
        return read_label(path, n_vertices)[0]
    labels, _ = read_gifti_labels(path, [])
    if len(labels) != n_vertices:
        raise refusal(path.name, allowed=f"of the {n_vertices:,} vertices of this surface", got=len(labels))
    return np.flatnonzero(labels > 0)


def _write_lines(path: Path, lines: Sequence[str]) -> Path:
    text = "\n".join(lines) + "\n"
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path
