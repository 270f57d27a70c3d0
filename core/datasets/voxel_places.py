"""Places the voxels of a recording on a surface: vertices of fsaverage, voxels of a volume, points, whole ROIs.

Voxels that cannot be placed keep no vertex and can be reached through their ROI.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.surfaces.icosphere import FSAVERAGE_SIZES, nearest_on_fsaverage5
from core.surfaces.mapping import paint_table
from core.surfaces.paint import NO_PLACE, Places
from core.surfaces.store import FSAVERAGE5, has_surface, load_atlases, load_surface
from core.types import NO_SIDE, FloatArray, IntArray

FSAVERAGE = "fsaverage"
N_FSAVERAGE, N_FSAVERAGE5 = 163_842, 10_242
NOWHERE = ""
"""The surface of a recording whose voxels are drawn on none."""

ON_TEMPLATE = "Voxels are drawn at the nearest vertex of fsaverage5; import the surface {} to draw each of them."
WITHOUT_PLACE = (
    "The volumes do not say where they lie (qform and sform are unset): hemispheres are unknown, nothing is drawn."
)
COUNTED_FROM_1 = "Vertices seem to be counted from 1: counted from 0 they lie scattered. Subtract 1 if so."
CLEARLY_MORE = 1.2
"""Whole triangles from 1 for one from 0, where vertices are counted from 1; on fsaverage5 its ROIs have 1.5 to 4."""
LEAST_TRIANGLES = 10
WITHOUT_SURFACE = "No surface was given, so voxels are reached through their ROI and not drawn."


def place_vertices(hemisphere: IntArray, vertex: IntArray, *, surface: str) -> Places:
    """Voxels that are vertices of a surface. Raises BadInputError if the surface has no such vertex."""
    n_vertices = np.asarray(load_surface(surface).n_vertices)
    wrong = np.flatnonzero((vertex < 0) | (vertex >= n_vertices[hemisphere]))
    if len(wrong):
        allowed = f"a vertex of {surface}, 0 to {int(n_vertices[hemisphere[wrong[0]]]) - 1:,}"
        raise refusal("vertex", allowed=allowed, got=int(vertex[wrong[0]]))
    return Places(
        surface,
        hemisphere.astype(np.int8),
        vertex.astype(np.int32),
        np.stack([hemisphere, vertex, np.arange(len(vertex))], axis=1).astype(np.int32),
        _doubt_counting(hemisphere, vertex, surface),
    )


def _doubt_counting(hemisphere: IntArray, vertex: IntArray, surface: str) -> str:
    """A sentence where the vertices that a surface has make up more whole triangles if they count from 1, else ""."""
    mesh = load_surface(surface)
    from_0, from_1 = (
        sum(
            int(np.isin(mesh.side(side).faces, vertex[hemisphere == side] - first).all(axis=1).sum()) for side in (0, 1)
        )
        for first in (0, 1)
    )
    is_odd = bool((vertex > 0).all()) and from_1 >= max(LEAST_TRIANGLES, CLEARLY_MORE * from_0)
    return COUNTED_FROM_1 * is_odd


def place_fsaverage(hemisphere: IntArray, vertex: IntArray, *, surface: str = "", template: str = FSAVERAGE) -> Places:
    """Voxels that are vertices of fsaverage, or another `template` of its family: on it if it is there (or asked for).

    Else on fsaverage5. Raises BadInputError if the template has no such vertex.
    """
    chosen = surface or (template if has_surface(template) else FSAVERAGE5)
    if chosen not in (template, FSAVERAGE5):
        raise refusal("surface", allowed=f"{template} or fsaverage5", got=chosen)
    if chosen == template:
        return place_vertices(hemisphere, vertex, surface=template)
    n_vertices = FSAVERAGE_SIZES[template]
    wrong = np.flatnonzero((vertex < 0) | (vertex >= n_vertices))
    if len(wrong):
        raise refusal("vertex", allowed=f"a vertex of {template}, 0 to {n_vertices - 1:,}", got=int(vertex[wrong[0]]))
    coarse = nearest_on_fsaverage5(n_vertices)[vertex]
    order = np.argsort(vertex < N_FSAVERAGE5, kind="stable")  # the vertices of fsaverage5 themselves last: they win
    rows = np.stack([hemisphere[order], coarse[order], order], axis=1).astype(np.int32)
    remark = f"{ON_TEMPLATE.format(template)} {_doubt_counting(hemisphere, vertex, FSAVERAGE5)}".strip()
    return Places(FSAVERAGE5, hemisphere.astype(np.int8), coarse, _last_of_each(rows), remark)


def place_volume(indices: IntArray, affine: FloatArray, *, surface: str = "") -> Places:
    """Voxels of a volume (n_voxels, 3), on a participant's surface if one is named, else on none.

    Without a surface the hemisphere is the sign of x in scanner space, and unknown where the affine is NaN.
    """
    if not surface and not np.isfinite(affine).all():
        return replace(place_nowhere(np.full(len(indices), NO_SIDE, dtype=np.int8)), remark=WITHOUT_PLACE)
    if not surface:
        return place_nowhere((indices @ affine[0, :3] + affine[0, 3] > 0).astype(np.int8))
    places = paint_table(load_surface(surface), indices, affine)
    outside = len(indices) - places.n_placed
    return replace(places, remark=f"{outside:,} voxels lie too far from {surface} to be drawn." if outside else "")


def place_nowhere(hemisphere: npt.NDArray[np.int8]) -> Places:
    """Voxels on no surface."""
    vertex = np.full(len(hemisphere), NO_PLACE, dtype=np.int32)
    return Places(NOWHERE, hemisphere, vertex, np.empty((0, 3), dtype=np.int32), WITHOUT_SURFACE)


def place_rois(rois: tuple[str, ...], *, surface: str = "") -> Places:
    """ROI averages, one voxel each, painted on the whole parcel of that name in the surface's first atlas.

    The voxel's own vertex is the middle of the parcel of the side where it is larger; an ROI the atlas does not have
    has no place.
    """
    chosen = surface or FSAVERAGE5
    shown, atlases = load_surface(chosen), load_atlases(chosen)
    hemisphere = np.full(len(rois), NO_SIDE, dtype=np.int8)
    vertex = np.full(len(rois), NO_PLACE, dtype=np.int32)
    paint: list[tuple[int, int, int]] = []
    for voxel, roi in enumerate(rois):
        if not atlases or roi not in atlases[0].names:
            continue
        parcels = [atlases[0].vertices_in(side, roi) for side in (0, 1)]
        home = int(len(parcels[1]) > len(parcels[0]))
        hemisphere[voxel], vertex[voxel] = home, _middle_of(parcels[home], shown.side(home).geometries)
        paint += [(side, int(at), voxel) for side in (0, 1) for at in parcels[side]]
    rows = np.array(paint, dtype=np.int32).reshape(-1, 3)
    unknown = [roi for roi, at in zip(rois, vertex, strict=True) if at == NO_PLACE]
    remark = f"The atlas of {chosen} has no {', '.join(unknown)}: not drawn." if unknown else ""
    return Places(chosen, hemisphere, vertex, rows, remark)


def _middle_of(vertices: npt.NDArray[np.int64], geometries: dict[str, npt.NDArray[np.float32]]) -> int:
    """The vertex nearest to the middle of a parcel, on the inflated surface where there is one."""
    name = "inflated" if "inflated" in geometries else next(name for name in geometries if name != "flat")
    points = geometries[name][vertices]
    return int(vertices[np.linalg.norm(points - points.mean(axis=0), axis=1).argmin()])


def _last_of_each(rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """For every (hemisphere, vertex) the last row."""
    backward = rows[::-1]
    _, first = np.unique(backward[:, :2], axis=0, return_index=True)
    return np.ascontiguousarray(backward[np.sort(first)])
