"""Decides on which surface a subject is shown: its own, or the nearest stand-in with the reason.

A subject's voxels name a surface. If that surface is there and the voxels fit it, they are shown on it; voxels of
fsaverage are otherwise shown on the shipped fsaverage5; all others have no place until their surface is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.errors import BadInputError
from core.surfaces.atlas import Atlas
from core.surfaces.icosphere import FSAVERAGE_SIZES, nearest_on_fsaverage5
from core.surfaces.mesh import CorticalSurface
from core.surfaces.paint import NO_PLACE, VoxelMap
from core.surfaces.store import FSAVERAGE5, has_surface, load_atlases, load_surface
from core.types import VoxelTable

VOXEL_ATLAS = "ROIs of the recording"


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """What to show.

    Parameters
    ----------
    voxels : Of this surface; as many voxels as the subject has, fewer of them may have a place.
    note : Why it is not the subject's own surface, or not all of it; "" if there is nothing to say.
    """

    surface: CorticalSurface
    voxels: VoxelTable
    atlas: Atlas | None
    note: str = ""


def place_voxels(voxels: VoxelTable, name: str) -> Placed:
    """Show voxels that lie on the surface `name`. Raises StorageError if the surface's file is damaged."""
    is_here = has_surface(name)
    if not is_here and name not in FSAVERAGE_SIZES:
        return place_nowhere(voxels, _missing_note(name))
    surface = load_surface(name if is_here else FSAVERAGE5)
    try:
        shown = VoxelMap(voxels, *(surface.n_vertices if is_here else [FSAVERAGE_SIZES[name]] * 2))
    except BadInputError as error:
        return place_nowhere(voxels, f"The voxels do not fit the surface {name}: {error}")
    if not is_here:
        return _place_on_template(voxels, name, template=surface)
    atlases = load_atlases(name)
    return Placed(surface, voxels, atlases[0] if atlases else atlas_of_voxels(shown))


def atlas_of_voxels(shown: VoxelMap) -> Atlas | None:
    """The ROIs of the voxels as an atlas of the vertices they are painted on; None if no voxel has an ROI."""
    table = shown.table
    names = table.roi_names
    if not names:
        return None
    labels = np.zeros(table.n_voxels + 1, dtype=np.int16)
    for number, name in enumerate(names, start=1):
        labels[table.voxels_in(name)] = number
    left, right = (labels[shown.voxels(side)] for side in (0, 1))  # NO_VOXEL = -1 takes the 0 at the end
    return Atlas(VOXEL_ATLAS, "the recording", names, left, right)


def place_nowhere(voxels: VoxelTable, note: str = "") -> Placed:
    """The bare template, for voxels that cannot be drawn."""
    nowhere = np.full(voxels.n_voxels, NO_PLACE, dtype=np.int32)
    bare = replace(voxels, vertex=nowhere, paint=np.empty((0, 3), dtype=np.int32))
    return Placed(load_surface(FSAVERAGE5), bare, None, note)


def _place_on_template(voxels: VoxelTable, name: str, *, template: CorticalSurface) -> Placed:
    """Voxels of a finer fsaverage on the shipped one: vertices both have show their own voxel, the others none."""
    nearest = nearest_on_fsaverage5(FSAVERAGE_SIZES[name])
    vertex = np.where(voxels.vertex == NO_PLACE, NO_PLACE, nearest[voxels.vertex]).astype(np.int32)
    moved = voxels.paint.copy()
    moved[:, 1] = nearest[voxels.paint[:, 1]]
    shared = voxels.paint[:, 1] == moved[:, 1]
    rows = np.concatenate([moved[~shared], moved[shared]])  # of two rows for one vertex the later is shown
    note = (
        f"Shown on fsaverage5, whose vertices are the first {FSAVERAGE_SIZES[FSAVERAGE5]:,} of {name}. "
        f"For the full mesh: `main.py surfaces fetch {name}`, or Data, Import surface…"
    )
    return Placed(template, replace(voxels, vertex=vertex, paint=rows), load_atlases(FSAVERAGE5)[0], note)


def _missing_note(name: str) -> str:
    if not name:
        return "This recording has no surface: its voxels are not drawn. Target an ROI, or give it a surface."
    return (
        f"The surface {name} of this recording is not here, so its voxels are not drawn. "
        f"Import it: Data, Import surface…, or `main.py surfaces add FOLDER --name {name}`."
    )
