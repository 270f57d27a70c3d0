"""Makes a surface with its atlases out of the files found, or says in one sentence why not; downloads fsaverage.

That is done through nilearn, when a user asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import check_choice
from core.errors import BadInputError, StorageError
from core.paths import cache_folder, is_offline
from core.surfaces.atlas import Atlas, load_atlas
from core.surfaces.curvature import mean_curvature
from core.surfaces.find_files import FoundFiles, find_surface_files
from core.surfaces.flatten import lay_out, place_cut_vertices
from core.surfaces.freesurfer import Triangles, read_curvature, read_patch, read_triangles
from core.surfaces.gifti import read_gifti_shape, read_gifti_surface
from core.surfaces.icosphere import is_fsaverage, nearest_on_fsaverage5
from core.surfaces.labels import LABELS_TITLE, read_atlas, read_label_atlas
from core.surfaces.mesh import MEASURED, SIDE_NAMES, CorticalSurface, HemisphereSurface

FOLDED = (*MEASURED, "inflated", "sphere")

EFFECTS = {
    "flat": "the flat view cannot be shown",
    "inflated": "the inflated view cannot be shown",
    "pial": "the pial view cannot be shown",
    "white": "voxels of volumes are looked up at the pial surface alone, if there is one",
    "sphere": "the sphere cannot be shown",
    "sulc": "sulcal depth is unknown",
}
"""What follows from a missing file."""

SAME_MM = 1e-3
"""Ways to the scanner that differ by less are one."""

LEAST_APART = 5.0
"""mm between the middles of the hemispheres; those of a brain are some 60 apart."""

FULL_COVER = 0.5
"""A flat map with a smaller share of the vertices is of a region, which is worth a note."""

MESHES = ("fsaverage6", "fsaverage")
KEYS = ("pial", "white", "infl", "sphere", "flat", "curv", "sulc")

NO_FLAT = np.empty((0, 3), dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class ImportedSurface:
    """A surface that was read and not yet kept, with the atlases found beside it, the default first."""

    surface: CorticalSurface
    atlases: tuple[Atlas, ...]

    def describe(self) -> tuple[str, ...]:
        """What was found, one line each: vertices, geometries, atlases, and what is missing."""
        left, right = self.surface.n_vertices
        titles = ", ".join(f"{atlas.name} ({len(atlas.names)} ROIs)" for atlas in self.atlases) or "none"
        return (
            f"{left:,} vertices left, {right:,} right",
            f"geometries: {', '.join(self.surface.geometries)}",
            f"atlases: {titles}",
            *self.surface.notes,
        )


def read_surface(paths: Sequence[Path], *, name: str, atlas: str = "") -> ImportedSurface:
    """Read a FreeSurfer subject folder, a folder of GIFTI files, or the files given.

    Parameters
    ----------
    paths : One folder, or files.
    name : The name it is to have.
    atlas : The atlas to make the default, by its title; "" takes the first.

    Raises BadInputError if files are missing, damaged, of different surfaces, or of swapped hemispheres, and or there
    is no such atlas; StorageError if a file cannot be read.
    """
    found = find_surface_files(paths)
    notes: list[str] = []
    left, to_scanner = _read_side(found, 0, notes)
    right, _ = _read_side(found, 1, notes, common=to_scanner)
    halves = (left, right)
    _check_swapped(halves, found)
    notes += _describe_missing(found)
    for side, half in zip(SIDE_NAMES, halves, strict=True):
        cover = len(np.unique(half.flat_faces)) / half.n_vertices
        if 0 < cover < FULL_COVER:
            notes.append(f"The flat map of the {side} hemisphere holds {cover:.0%} of its vertices.")
    surface = CorticalSurface(name, left, right, str(found.place), to_scanner=to_scanner)
    atlases = _read_atlases(found, surface, notes, wanted=atlas)
    return ImportedSurface(replace(surface, notes=tuple(dict.fromkeys(notes))), atlases)


def _read_side(
    found: FoundFiles, side: int, notes: list[str], *, common: npt.NDArray[np.float64] | None = None
) -> tuple[HemisphereSurface, npt.NDArray[np.float64]]:
    """One hemisphere and its way to the scanner: `common`, to which every measured geometry is brought, or its own."""
    meshes = {kind: _read_mesh(found.files[side, kind]) for kind in FOLDED if (side, kind) in found.files}
    first = next(iter(meshes))
    reference, path = meshes[first], found.files[side, first]
    for kind, mesh in meshes.items():
        _check_same_mesh(mesh, reference, path=found.files[side, kind], first=path)
    folded = next((kind for kind in MEASURED if kind in meshes), None)
    measured = reference if folded is None else meshes[folded]
    common = measured.to_scanner if common is None else common
    geometries = {kind: _bring(mesh, common) if kind in MEASURED else mesh.points for kind, mesh in meshes.items()}
    flat = _read_flat(found, side, meshes)
    if flat is not None:
        geometries["flat"] = flat.points
    n_vertices = len(reference.points)
    curvature, sulc = (_read_shape(found, side, kind, n_vertices) for kind in ("curvature", "sulc"))
    if curvature is None and folded is None:
        curvature = np.zeros(n_vertices, dtype=np.float32)
        notes.append("No curvature was found: the cortex is an even grey.")
    elif curvature is None:
        curvature = mean_curvature(measured.points, reference.faces)
        notes.append(f"No curvature file was found: it was computed from the {folded} surface.")
    sulc = np.zeros(n_vertices, dtype=np.float32) if sulc is None else sulc
    flat_faces = NO_FLAT if flat is None else flat.faces
    return HemisphereSurface(geometries, reference.faces, flat_faces, curvature, sulc), common


def _bring(mesh: Triangles, common: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The points of a mesh in the coordinates that `common` takes to the scanner."""
    if np.allclose(mesh.to_scanner, common, atol=SAME_MM):
        return mesh.points
    move = np.linalg.inv(common) @ mesh.to_scanner
    return (mesh.points @ move[:3, :3].T + move[:3, 3]).astype(np.float32)


def _read_mesh(path: Path) -> Triangles:
    mesh = read_gifti_surface(path) if _is_gifti(path) else read_triangles(path)
    if not len(mesh.faces) or mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.points):
        raise BadInputError(f"{path.name} is damaged: its triangles name vertices it does not have. Copy it again.")
    if not np.isfinite(mesh.points).all():
        raise BadInputError(f"{path.name} is damaged: it has coordinates that are no numbers. Copy it again.")
    return mesh


def _check_same_mesh(mesh: Triangles, reference: Triangles, *, path: Path, first: Path) -> None:
    counts, advice = (len(mesh.points), len(reference.points)), "Give files of one subject and one resolution."
    problem = f"{path.name} has {counts[0]:,} vertices and {first.name} has {counts[1]:,}"
    if counts[0] == counts[1]:
        problem, advice = f"{path.name} and {first.name} have different triangles", "Give files of one subject."
    if not np.array_equal(mesh.faces, reference.faces) or counts[0] != counts[1]:
        raise BadInputError(f"{problem}: they are of different surfaces. {advice}")


def _read_flat(found: FoundFiles, side: int, meshes: dict[str, Triangles]) -> Triangles | None:
    path = found.files.get((side, "flat"))
    if path is None:
        return None
    shape = next(meshes[kind] for kind in ("inflated", *reversed(MEASURED), "sphere") if kind in meshes)
    # Where neighbours are nearest: on the sphere, else on the most inflated shape there is.
    near = next(meshes[kind].points for kind in ("sphere", "inflated", *MEASURED) if kind in meshes)
    if not _is_gifti(path):
        return lay_out(read_patch(path), shape.faces, folded=shape.points, side=side, name=path.name, near=near)
    flat = _read_mesh(path)
    if len(flat.points) != len(shape.points):
        raise BadInputError(
            f"{path.name} has {len(flat.points):,} vertices and the surface has {len(shape.points):,}: it is the flat "
            "map of another surface. Give the one of this subject."
        )
    points = flat.points - np.array([0, 0, flat.points[:, 2].mean()], dtype=np.float32)
    points[:, 2] = 0
    return replace(flat, points=place_cut_vertices(points, flat.faces, near=near))


def _read_shape(found: FoundFiles, side: int, kind: str, n_vertices: int) -> npt.NDArray[np.float32] | None:
    path = found.files.get((side, kind))
    if path is None:
        return None
    values = read_gifti_shape(path) if _is_gifti(path) else read_curvature(path)
    if len(values) != n_vertices:
        raise BadInputError(
            f"{path.name} has {len(values):,} numbers and the surface has {n_vertices:,} vertices: it is of another "
            "surface, or truncated. Give the file of this subject."
        )
    return values


def _describe_missing(found: FoundFiles) -> list[str]:
    """One sentence for each kind of file that is missing, with what follows from it."""
    notes = [
        f"Surfaces of {space} lie there too and were left out: import their files alone." for space in found.left_out
    ]
    has_middle = all((side, "midthickness") in found.files for side in (0, 1))
    for kind, effect in EFFECTS.items():
        if kind == "white" and has_middle:
            continue
        lacking = [SIDE_NAMES[side] for side in (0, 1) if (side, kind) not in found.files]
        if lacking:
            where = "" if len(lacking) == 2 else f" of the {lacking[0]} hemisphere"
            notes.append(f"No {kind} file{where} was found: {effect}.")
    return notes


def _check_swapped(halves: Sequence[HemisphereSurface], found: FoundFiles) -> None:
    """A left hemisphere lies left of the right one wherever both are placed as in the brain."""
    shared = [name for name in MEASURED if name in halves[0].geometries and name in halves[1].geometries]
    if not shared:
        return
    left, right = (float(half.geometries[shared[0]][:, 0].mean()) for half in halves)
    if left < right - LEAST_APART:
        return
    files = [found.files[side, shared[0]].name for side in (0, 1)]
    what = "are swapped" if left > right + LEAST_APART else "lie at the same place"
    raise BadInputError(
        f"The hemispheres {what}: {files[0]} lies at x = {left:+.0f} mm and {files[1]} at x = {right:+.0f} mm "
        "and left is negative. Give the left files as left and the right ones as right."
    )


def _read_atlases(found: FoundFiles, surface: CorticalSurface, notes: list[str], *, wanted: str) -> tuple[Atlas, ...]:
    """The atlases that can be used; why others cannot goes into the notes, unless one of them is wanted."""
    sizes = surface.n_vertices
    readers = {title: partial(read_atlas, title, paths, sizes, notes) for title, paths in found.atlases.items()}
    if any(found.labels.values()):
        readers = {LABELS_TITLE: partial(read_label_atlas, found.labels, sizes, notes), **readers}
    atlases = []
    for title, read in readers.items():
        try:
            atlases.append(read())
        except BadInputError as error:
            if title == wanted:
                raise
            notes.append(f"The atlas {title} was left out: {error}")
    if is_fsaverage(surface):
        shipped, nearest = load_atlas(), nearest_on_fsaverage5(surface.left.n_vertices)
        labels = (shipped.labels(side)[nearest] for side in (0, 1))
        atlases.insert(0, Atlas(shipped.name, shipped.source, shipped.names, *labels))
    titles = [atlas.name for atlas in atlases]
    if wanted and wanted not in titles:
        known = ", ".join(titles) or "none"
        raise BadInputError(f"`atlas` must be one of those found ({known}), got {wanted!r}.")
    return tuple(sorted((a for a in atlases if a.names), key=lambda atlas: atlas.name != wanted if wanted else 0))


def _is_gifti(path: Path) -> bool:
    return path.name.lower().endswith((".gii", ".gii.gz"))


def fetch_fsaverage(name: str) -> ImportedSurface:
    """Download an fsaverage (some 40 MB for the full one) into the cache and read it; `name`: fsaverage6 or fsaverage.

    Raises BadInputError if there is no such mesh; StorageError if it cannot be downloaded.
    """
    check_choice("name", name, MESHES)
    if is_offline():
        raise StorageError(f"Downloads are forbidden (PROBESCOPE_OFFLINE is set): {name} cannot be fetched. Unset it.")
    try:
        from nilearn import datasets

        with redirect_stdout(StringIO()):  # it prints its steps there and has no option against it
            files = datasets.fetch_surf_fsaverage(mesh=name, data_dir=str(cache_folder() / "downloads"))
    except Exception as error:
        raise StorageError(
            f"{name} cannot be downloaded ({type(error).__name__}). Check the connection, or import a folder."
        ) from error
    paths = [Path(files[f"{key}_{side}"]) for key in KEYS for side in ("left", "right") if f"{key}_{side}" in files]
    return read_surface(paths, name=name)
