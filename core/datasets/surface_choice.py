"""Which surface each subject is shown on, where the user chose another than it came with. Never touches the recording.

Kept in data_folder()/surfaces/uses.json as {subject: surface}, so that shipped subjects can be shown elsewhere too.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np

from core.errors import BadInputError, StorageError
from core.headers import HeaderKind, read_record, write_json
from core.paths import data_folder
from core.surfaces.atlas import Atlas
from core.surfaces.icosphere import is_fsaverage, nearest_on_fsaverage5
from core.surfaces.mesh import CorticalSurface
from core.surfaces.paint import NO_PLACE, NO_VOXEL, VoxelMap
from core.surfaces.store import FSAVERAGE5, has_surface, load_atlases, load_surface
from core.types import VoxelTable

USES_NAME = "uses.json"
HEADER = HeaderKind(
    "the list of chosen surfaces", "Remove it: subjects are then on their own surfaces.", error=StorageError
)


def chosen_surface(subject: str) -> str:
    """The surface chosen for a subject, "" if none was. Raises StorageError if the file is damaged."""
    return _read_uses().get(subject, "")


def choose_surface(subject: str, voxels: VoxelTable, *, own: str, surface: CorticalSurface) -> None:
    """Show a subject on another surface that is kept from now on; its own one takes the choice back.

    `voxels` are as recorded on the surface `own` it came with.

    Raises BadInputError if the voxels do not fit the surface, and the message gives the counts; StorageError if the
    choice cannot be kept.
    """
    check_fit(voxels, own=own, surface=surface)
    uses = _read_uses() | {subject: surface.name}
    if surface.name == own:
        del uses[subject]
    write_json(data_folder() / "surfaces" / USES_NAME, uses)


def check_fit(voxels: VoxelTable, *, own: str, surface: CorticalSurface) -> None:
    """Raise BadInputError, with the counts, if voxels recorded on the surface `own` cannot lie on another."""
    exact, given = has_surface(own), surface.n_vertices
    needed = load_surface(own).n_vertices if exact else _least_counts(voxels)

    def fits(counts: tuple[int, ...]) -> bool:
        return counts == needed if exact else all(one >= least for one, least in zip(counts, needed, strict=True))

    if own == surface.name or _grows(own, surface) or fits(given):
        return
    least = "" if exact else "at least "
    counts = f"{least}{needed[0]:,} left and {least}{needed[1]:,} right"
    advice = "The hemispheres look swapped." if fits(given[::-1]) else "Choose the surface the recording was made on."
    raise BadInputError(
        f"The surface {surface.name} has {given[0]:,} left and {given[1]:,} right vertices and the "
        f"recording needs {counts}. {advice}"
    )


def shown_surface(subject: str, *, own: str) -> str:
    """The surface a subject is shown on: the one chosen, if it is there, else its own."""
    chosen = chosen_surface(subject)
    return chosen if chosen and has_surface(chosen) else own


def place_on_surface(voxels: VoxelTable, *, own: str, name: str) -> VoxelTable:
    """Voxels of the surface `own` on another or the same one, with ROIs of its first atlas if they have none."""
    if name != own and _grows(own, load_surface(name)):
        voxels = _spread(voxels, load_surface(name).left.n_vertices)
    if voxels.roi_names or not has_surface(name):
        return voxels
    with suppress(BadInputError):  # voxels of another surface stay as they are
        VoxelMap(voxels, *load_surface(name).n_vertices)
        return fill_rois(voxels, load_atlases(name)[0]) if load_atlases(name) else voxels
    return voxels


def _grows(own: str, surface: CorticalSurface) -> bool:
    """Whether a surface is a finer fsaverage than the fsaverage5 a subject came with."""
    return own == FSAVERAGE5 and is_fsaverage(surface)


def _spread(voxels: VoxelTable, n_vertices: int) -> VoxelTable:
    """Voxels of fsaverage5 painted on a finer fsaverage: each vertex shows what the nearest of fsaverage5 shows."""
    nearest = nearest_on_fsaverage5(n_vertices)
    shown = VoxelMap(voxels, *load_surface(FSAVERAGE5).n_vertices)
    rows = []
    for side in (0, 1):
        voxel = shown.voxels(side)[nearest]
        painted = np.flatnonzero(voxel != NO_VOXEL)
        rows.append(np.stack([np.full(len(painted), side), painted, voxel[painted]], axis=1))
    return replace(voxels, paint=np.concatenate(rows).astype(np.int32))


def _least_counts(voxels: VoxelTable) -> tuple[int, int]:
    """The fewest vertices a side may have for every painted or placed vertex to be one of them."""
    sides = np.concatenate([voxels.hemisphere.astype(np.int64), voxels.paint[:, 0]])
    vertices = np.concatenate([voxels.vertex, voxels.paint[:, 1]])
    left, right = (int(vertices[sides == side].max(initial=-1)) + 1 for side in (0, 1))
    return left, right


def _read_uses() -> dict[str, str]:
    path = data_folder() / "surfaces" / USES_NAME
    return read_record(path, dict[str, str], HEADER) if path.exists() else {}


def fill_rois(table: VoxelTable, atlas: Atlas) -> VoxelTable:
    """A table of the surface an atlas lies on, with the atlas's ROI at each voxel's vertex if it had none at all."""
    if table.roi_names:
        return table
    label = np.zeros(table.n_voxels, dtype=np.int16)
    for side in (0, 1):
        here = (table.hemisphere == side) & (table.vertex != NO_PLACE)
        label[here] = atlas.labels(side)[table.vertex[here]]
    names = ("", *atlas.names)
    return replace(table, roi=tuple(names[number] for number in label.tolist()))
