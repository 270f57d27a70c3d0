"""The surfaces that can be shown: the shipped template and what the user imported. Never reads a foreign format.

One file a surface, data_folder()/surfaces/NAME.npz: a JSON header (version, notes, atlases) beside plain arrays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.array_cache import save_arrays
from core.checks import check_choice, refusal
from core.containers import Arrays, load_arrays
from core.errors import BadInputError, StorageError
from core.headers import HeaderKind, parse_header, structure, without_marks
from core.paths import data_folder, resources_folder
from core.surfaces.atlas import Atlas, load_atlas
from core.surfaces.mesh import GEOMETRIES, SIDE_NAMES, CorticalSurface, HemisphereSurface

FSAVERAGE5 = "fsaverage5"
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
ADVICE = "Import the surface again."
HEADER = HeaderKind("a surface", ADVICE, format="probescope-surface", versions=(1,), error=StorageError)


Row = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _AtlasRow:
    name: str
    source: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Header:
    """What a file says of its surface; the fields are those of `CorticalSurface` and of its atlases."""

    source: str
    notes: tuple[str, ...]
    to_scanner: tuple[Row, Row, Row, Row]
    geometries: tuple[str, ...]
    n_vertices: tuple[int, int]
    atlases: tuple[_AtlasRow, ...]


@dataclass(frozen=True, slots=True)
class SurfaceInfo:
    """What a list of surfaces shows; `atlases` are titles, `notes` say what is missing."""

    name: str
    n_vertices: tuple[int, int]
    geometries: tuple[str, ...]
    atlases: tuple[str, ...]
    source: str
    notes: tuple[str, ...]
    is_shipped: bool


@lru_cache(maxsize=1)
def load_fsaverage5() -> CorticalSurface:
    """The FreeSurfer average brain at 10,242 vertices a hemisphere (Fischl et al. 1999, doi:10.1002/hbm.4).

    Raises StorageError if the shipped file is missing or damaged.
    """
    arrays = load_arrays(resources_folder() / "surfaces" / f"{FSAVERAGE5}.npz")
    sides = (unpack_side(arrays, "left"), unpack_side(arrays, "right"))
    return CorticalSurface(FSAVERAGE5, *sides, source="FreeSurfer (Fischl et al. 1999), shipped with the program")


def unpack_side(arrays: Arrays, side: str) -> HemisphereSurface:
    """The hemisphere "left" or "right" among the arrays of a file, with the geometries that are there."""
    found = {name: arrays[f"{side}_{name}"] for name in GEOMETRIES if f"{side}_{name}" in arrays}
    parts = {name: arrays[f"{side}_{name}"] for name in ("faces", "flat_faces", "curvature", "sulc")}
    return HemisphereSurface(geometries=found, **parts)


def list_surfaces() -> tuple[SurfaceInfo, ...]:
    """Every surface, the shipped template first. Raises StorageError if a file is damaged."""
    shipped = load_fsaverage5()
    facts = (shipped.n_vertices, shipped.geometries, (load_atlas().name,), shipped.source, shipped.notes)
    return (SurfaceInfo(FSAVERAGE5, *facts, is_shipped=True), *map(_describe, _files().values()))


def load_surface(name: str) -> CorticalSurface:
    """The surface of that name.

    Raises BadInputError if there is no such surface, and the nearest name is given; StorageError if its file is
    damaged.

    Examples
    --------
    >>> surface = load_surface("fsaverage5")
    >>> surface.n_vertices, surface.geometries
    ((10242, 10242), ('pial', 'white', 'inflated', 'sphere', 'flat'))
    """
    if name == FSAVERAGE5:
        return load_fsaverage5()
    path = _find(name)
    return _load_file(path, path.stat().st_mtime_ns)


def load_atlases(name: str) -> tuple[Atlas, ...]:
    """The ROI atlases that lie on a surface, the default first. Raises as `load_surface` does."""
    if name == FSAVERAGE5:
        return (load_atlas(),)
    path = _find(name)
    titles = _read_header(path).atlases
    keys = [f"atlas{number}_{side}" for number in range(len(titles)) for side in SIDE_NAMES]
    arrays = load_arrays(path, only=keys, advice=ADVICE)
    return tuple(
        Atlas(row.name, row.source, row.names, arrays[f"atlas{i}_left"], arrays[f"atlas{i}_right"])
        for i, row in enumerate(titles)
    )


def save_surface(surface: CorticalSurface, atlases: Sequence[Atlas] = (), *, replace: bool = False) -> Path:
    """Keep a surface and its atlases under the surface's name; returns the file.

    Raises BadInputError if the name cannot be used or is taken (and not `replace`), or an atlas has other vertex
    counts; StorageError if the file cannot be written.
    """
    check_surface_name(surface.name)
    path = _folder() / f"{surface.name}.npz"
    if path.exists() and not replace:
        advice = f"Remove it first (`main.py surfaces remove {surface.name}`) or choose another name."
        raise refusal("name", allowed="a new surface name", got=surface.name, advice=advice)
    save_arrays(path, _pack(surface, atlases))
    return path


def outline_first(name: str, title: str) -> None:
    """Make an atlas of an imported surface its default. Raises BadInputError for an unknown surface or atlas."""
    surface, atlases = load_surface(name), load_atlases(name)
    if name == FSAVERAGE5:
        raise refusal("surface", allowed="one you imported", got=name)
    check_choice("atlas", title, [atlas.name for atlas in atlases])
    save_surface(surface, sorted(atlases, key=lambda atlas: atlas.name != title), replace=True)


def remove_surface(name: str) -> None:
    """Delete an imported surface. Raises BadInputError for the shipped one or one that is not there."""
    if name == FSAVERAGE5:
        raise refusal("surface", allowed="one you imported", got=name)
    path = _find(name)
    try:
        path.unlink()
    except OSError as error:
        raise StorageError(f"{path} cannot be removed ({error.strerror or error}). Remove it by hand.") from error


def check_surface_name(name: str) -> str:
    """Return a name a surface may be kept under, else raise BadInputError."""
    if not NAME_PATTERN.fullmatch(name):
        raise refusal("name", allowed="up to 64 letters, digits, - and _", got=name, advice="Try sub-01.")
    if name == FSAVERAGE5:
        advice = "fsaverage5 ships with the program and is always there."
        raise refusal("name", allowed="another name", got=name, advice=advice)
    return name


def has_surface(name: str) -> bool:
    """Whether a surface of that name can be loaded."""
    return name == FSAVERAGE5 or name in _files()


def surface_stamp(name: str) -> int:
    """Changes whenever a surface of that name is added, replaced or removed; 0 for the shipped one and none."""
    path = _files().get(name)
    return 0 if path is None else path.stat().st_mtime_ns


def _folder() -> Path:
    return data_folder() / "surfaces"


def _files() -> dict[str, Path]:
    return {path.stem: path for path in sorted(_folder().glob("*.npz")) if NAME_PATTERN.fullmatch(path.stem)}


def _find(name: str) -> Path:
    files = _files()
    advice = "" if files else f"Import it with `main.py surfaces add FOLDER --name {name}`."
    check_choice("surface", name, [FSAVERAGE5, *files], advice=advice)
    return files[name]


@lru_cache(maxsize=2)
def _load_file(path: Path, _changed: int) -> CorticalSurface:
    header = _read_header(path)
    try:
        arrays = load_arrays(path, advice=ADVICE)
        return CorticalSurface(
            path.stem,
            left=unpack_side(arrays, "left"),
            right=unpack_side(arrays, "right"),
            source=header.source,
            notes=header.notes,
            to_scanner=np.asarray(header.to_scanner, dtype=np.float64),
        )
    except (KeyError, BadInputError) as error:
        raise StorageError(f"{path} is damaged ({error}). {ADVICE}") from error


def _pack(surface: CorticalSurface, atlases: Sequence[Atlas]) -> Arrays:
    header = HEADER.marks() | {
        "source": surface.source,
        "notes": surface.notes,
        "to_scanner": surface.to_scanner.tolist(),
        "geometries": tuple(surface.geometries),
        "n_vertices": surface.n_vertices,
        "atlases": [{"name": a.name, "source": a.source, "names": a.names} for a in atlases],
    }
    arrays: Arrays = {"header": np.array(json.dumps(header))}
    for index, side in enumerate(SIDE_NAMES):
        half = surface.side(index)
        arrays |= {f"{side}_{name}": points for name, points in half.geometries.items()}
        arrays |= {f"{side}_faces": half.faces, f"{side}_flat_faces": half.flat_faces}
        arrays |= {f"{side}_curvature": half.curvature, f"{side}_sulc": half.sulc}
    for number, atlas in enumerate(atlases):
        counts = (len(atlas.labels_left), len(atlas.labels_right))
        if counts != surface.n_vertices:
            allowed = f"labels of {surface.n_vertices[0]:,} left and {surface.n_vertices[1]:,} right vertices"
            advice = f"The atlas {atlas.name} belongs to another surface."
            raise refusal("atlas", allowed=allowed, got=counts, advice=advice)
        arrays |= {f"atlas{number}_{side}": atlas.labels(i) for i, side in enumerate(SIDE_NAMES)}
    return arrays


def _read_header(path: Path) -> _Header:
    text = str(load_arrays(path, only=["header"], advice=ADVICE)["header"])
    return structure(without_marks(parse_header(text, HEADER, where=path), HEADER), _Header, HEADER, where=path)


def _describe(path: Path) -> SurfaceInfo:
    header = _read_header(path)
    same = {name: getattr(header, name) for name in ("n_vertices", "geometries", "source", "notes")}
    return SurfaceInfo(path.stem, atlases=tuple(row.name for row in header.atlases), is_shipped=False, **same)
