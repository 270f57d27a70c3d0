"""Where a vertex lies in the brain, which one of the other hemisphere matches it, and where a change is centred.

The first two are said only where they are known: fsaverage's coordinates are MNI305, whose hemispheres mirror each
other at x = 0. (Its spheres do not: mirrored on them, places of V1 come to lie 30 mm off.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.checks import refusal
from core.surfaces.icosphere import is_fsaverage
from core.surfaces.mesh import MEASURED, CorticalSurface
from core.surfaces.paint import NO_PLACE
from core.surfaces.store import load_fsaverage5
from core.types import FloatArray, IntArray, VoxelTable

SAME_MM = 1.0
"""Mean distance of vertices; people's own lie many mm away."""

NO_CENTRE = -1

MIRROR = np.array([-1.0, 1.0, 1.0])


@lru_cache(maxsize=2)
def is_template(surface: CorticalSurface) -> bool:
    """Whether its white surface is fsaverage's, not that of a person resampled to fsaverage's vertices."""
    if not (is_fsaverage(surface) and "white" in surface.geometries):
        return False
    template = load_fsaverage5()
    pairs = [
        (half.geometries["white"], surface.side(side).geometries["white"])
        for side, half in enumerate((template.left, template.right))
    ]
    away = [np.linalg.norm(known - given[: len(known)], axis=1).mean() for known, given in pairs]
    return bool(max(away) < SAME_MM)


def locate_vertex(surface: CorticalSurface, side: int, vertex: int, *, geometry: str = "white") -> str:
    """The coordinates of a vertex with their space: "MNI305 −38.2, −52.1, −18.0 mm"; "" on a surface without any.

    `geometry` : Of which, if it is a measured one, else of the first measured one there is.
    """
    there = [name for name in (geometry, "white", *MEASURED) if name in MEASURED and name in surface.geometries]
    if not there:
        return ""
    point = ", ".join(f"{at:.1f}" for at in surface.side(side).geometries[there[0]][vertex])
    space = "MNI305" if is_template(surface) else f"{surface.name} (own space)"
    return f"{space} {point.replace('-', '−')} mm"


def find_homologue(surface: CorticalSurface, side: int, vertex: int) -> int:
    """The vertex of the other hemisphere nearest to the mirrored place of a vertex on fsaverage's white surface.

    Raises BadInputError for a surface that is not fsaverage's, whose hemispheres are not known to match.
    """
    if not is_template(surface):
        advice = f"Which places of the hemispheres of {surface.name} match is not known."
        raise refusal("surface", allowed="fsaverage5, 6 or 7", got=surface.name, advice=advice)
    return int(_match(surface, side)[vertex])


@lru_cache(maxsize=2)
def _match(surface: CorticalSurface, side: int) -> IntArray:
    from scipy.spatial import cKDTree  # behind the first cortex

    own, other = (surface.side(one).geometries["white"] for one in (side, 1 - side))
    return np.asarray(cKDTree(other).query(own * MIRROR)[1])


def find_centres(surface: CorticalSurface, table: VoxelTable, change: FloatArray) -> IntArray:
    """The vertex nearest to the |change|-weighted mean place of the voxels of a hemisphere on its registered sphere.

    `change`: (n_steps, n_voxels); NaN weighs nothing.

    Returns (n_steps, 2), left and right: -1 where nothing changed, nothing lies there, or the surface has no sphere.
    """
    from scipy.spatial import cKDTree  # behind the first cortex

    centres = np.full((len(change), 2), NO_CENTRE)
    for side in (0, 1) if "sphere" in surface.geometries else ():
        points = surface.side(side).geometries["sphere"].astype(np.float64)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        here = np.flatnonzero((table.hemisphere == side) & (table.vertex != NO_PLACE))
        weights = np.abs(np.nan_to_num(change[:, here].astype(np.float64)))
        means = weights @ points[table.vertex[here]]
        sizes = np.linalg.norm(means, axis=1)
        known = sizes > 0
        centres[known, side] = cKDTree(points).query(means[known] / sizes[known, np.newaxis])[1]
    return centres
