"""Makes the voxel table of an encoder that brings its own voxels: by vertex, or by the ROI's parcel. Never guesses.

A voxel with a vertex is painted there. One that only names an ROI of the visual atlas is painted on that whole parcel,
on the side its name ("lh.FFA", "R_V1") or `hemisphere` says, or on both. All others have no place on the cortex: they
can be targeted, not clicked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.errors import WeightsError
from core.surfaces.atlas import Atlas, load_atlas
from core.types import NO_SIDE, FloatArray, IntArray, VoxelTable

NO_PLACE = -1
MARKS = (("lh.", "L_"), ("rh.", "R_"))
"""What the names of ROIs of the left and of the right hemisphere may begin with."""
N_VERTICES = 10_242
"""Of each hemisphere of fsaverage5, which are the first vertices of fsaverage too."""


def make_table(
    n_voxels: int,
    *,
    roi: tuple[str, ...] = (),
    vertex: IntArray | None = None,
    hemisphere: IntArray | None = None,
    noise_ceiling: FloatArray | None = None,
) -> VoxelTable:
    """The table of `n_voxels` voxels on fsaverage5.

    Parameters
    ----------
    roi : tuple of str, n_voxels long or empty
    vertex : (n_voxels,) int, optional. Of fsaverage5; -1 for a voxel without a place.
    hemisphere : (n_voxels,) int, optional. 0 left, 1 right, -1 not known.
    noise_ceiling : (n_voxels,) in [0, 1], optional. NaN where it is not given.

    Raises WeightsError if an array has another length, or a vertex or side that does not exist.
    """
    for name, values in (("roi", roi or None), ("vertex", vertex), ("hemisphere", hemisphere)):
        if values is not None and len(values) != n_voxels:
            raise WeightsError(f"`{name}` has {len(values)} entries, the encoder predicts {n_voxels} voxels.")
    names = roi or ("",) * n_voxels
    told = [_side_of(name) for name in names] if hemisphere is None else _check(hemisphere, "hemisphere", NO_SIDE, 1)
    side = np.array(told, dtype=np.int8)
    place = None if vertex is None else _check(vertex, "vertex", NO_PLACE, N_VERTICES - 1)
    if place is None:
        place, paint = _paint_parcels(names, side)
    else:
        rows = np.flatnonzero(place != NO_PLACE)
        if (side[rows] == NO_SIDE).any():
            raise WeightsError("`vertex` needs `hemisphere` beside it: 0 left, 1 right. Add it to the arrays.")
        paint = np.stack([side[rows], place[rows], rows], axis=1)
    ceiling = np.full(n_voxels, np.nan) if noise_ceiling is None else np.asarray(noise_ceiling)
    return VoxelTable(side, place.astype(np.int32), names, ceiling.astype(np.float32), paint.astype(np.int32))


def _check(values: IntArray, name: str, least: int, most: int) -> Any:
    checked = np.asarray(values)
    if not np.isin(checked.dtype.kind, ["i", "u", "b"]) or checked.min() < least or checked.max() > most:
        got = f"{checked.min()} to {checked.max()}" if checked.dtype.kind in "iufb" else checked.dtype
        raise WeightsError(f"`{name}` must be whole numbers from {least} to {most}, got {got}.")
    return checked.astype(np.int64)


def _paint_parcels(names: tuple[str, ...], sides: IntArray) -> tuple[IntArray, IntArray]:
    """A vertex of each voxel's parcel, and the whole parcels as paint; voxels that share a parcel divide it.

    Voxels without a side are painted on both, and `sides` then says where the vertex is: on the larger parcel.
    """
    atlas = load_atlas()
    place = np.full(len(names), NO_PLACE, dtype=np.int64)
    rows: list[IntArray] = []
    said = sides.copy()
    for name, told in dict.fromkeys(zip(names, said.tolist(), strict=True)):
        voxels = np.flatnonzero((np.asarray(names) == name) & (said == told))
        parcels = {side: _parcel(atlas, name, side) for side in ((0, 1) if told == NO_SIDE else (told,))}
        home = max(parcels, key=lambda side: len(parcels[side]))
        for side, vertices in parcels.items():
            count = np.arange(len(vertices))
            owner = voxels[count * len(voxels) // len(vertices)] if len(vertices) > len(voxels) else voxels[count]
            rows.append(np.stack([np.full(len(vertices), side), vertices, owner], axis=1))
        if len(parcels[home]):
            sides[voxels] = home
            place[voxels] = parcels[home][np.arange(len(voxels)) * len(parcels[home]) // len(voxels)]
    return place, np.concatenate(rows)


def _side_of(name: str) -> int:
    return next((side for side, marks in enumerate(MARKS) if name.startswith(marks)), NO_SIDE)


def _parcel(atlas: Atlas, name: str, side: int) -> IntArray:
    known = {roi.casefold(): roi for roi in atlas.names}
    plain = name.removeprefix("lh.").removeprefix("rh.").removeprefix("L_").removeprefix("R_").casefold()
    return atlas.vertices_in(side, known[plain]) if plain in known else np.zeros(0, dtype=np.int64)
