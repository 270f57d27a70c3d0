"""How fsaverage grows from fsaverage5: FreeSurfer's order of vertices under refinement.

Each step halves every edge. New vertices follow the old ones, in the order in which the edges (third to first, second
to third, first to second corner) of the triangles appear; so the first 10,242 vertices of fsaverage6 and fsaverage are
those of fsaverage5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from core.checks import check_choice
from core.surfaces.mesh import CorticalSurface
from core.surfaces.store import FSAVERAGE5, load_fsaverage5
from core.types import FloatArray, IntArray

FSAVERAGE_SIZES = {FSAVERAGE5: 10_242, "fsaverage6": 40_962, "fsaverage7": 163_842, "fsaverage": 163_842}
"""Vertices a hemisphere by name; both hemispheres have the same triangles."""

SPHERE_RADIUS = 100.0
TIE_MM = 0.01
"""Two vertices are as near if their distances differ by less; the one of the lower number counts."""

SAME_MM = 0.1
"""Spheres nearer than this at every vertex are the same; FreeSurfer rounds its own by 0.01 mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """Points (n, 3) in mm and triangles (m, 3)."""

    points: npt.NDArray[np.float64]
    faces: npt.NDArray[np.int64]


def refine(points: FloatArray, faces: IntArray) -> Sphere:
    """One step: every triangle becomes four, new points are pushed out onto the sphere of radius 100 mm."""
    edges = np.sort(np.stack([faces[:, [2, 0]], faces[:, [1, 2]], faces[:, [0, 1]]], axis=1), axis=2).reshape(-1, 2)
    _, first, local = np.unique(edges, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    middles = np.asarray(points, dtype=np.float64)[edges[np.sort(first)]].mean(axis=1)
    middles *= SPHERE_RADIUS / np.linalg.norm(middles, axis=1, keepdims=True)
    ca, bc, ab = (len(points) + rank[local.ravel()]).reshape(-1, 3).T
    a, b, c = np.asarray(faces, dtype=np.int64).T
    inner = np.stack([[ca, bc, c], [ab, bc, ca], [ab, b, bc]], axis=0).transpose(2, 0, 1).reshape(-1, 3)
    return Sphere(np.concatenate([points, middles]), np.concatenate([np.stack([a, ab, ca], axis=1), inner]))


@lru_cache(maxsize=3)
def fsaverage_sphere(n_vertices: int) -> Sphere:
    """The sphere of an fsaverage with 10,242, 40,962 or 163,842 vertices a hemisphere."""
    check_choice("n_vertices", str(n_vertices), sorted({str(size) for size in FSAVERAGE_SIZES.values()}))
    left = load_fsaverage5().left
    sphere = Sphere(left.geometries["sphere"].astype(np.float64), left.faces.astype(np.int64))
    while len(sphere.points) < n_vertices:
        sphere = refine(sphere.points, sphere.faces)
    return sphere


@lru_cache(maxsize=3)
def nearest_on_fsaverage5(n_vertices: int) -> npt.NDArray[np.int32]:
    """For each vertex (n_vertices,) of a finer fsaverage the nearest of fsaverage5 on the sphere, or itself.

    Of two as near the one of the lower number.

    Examples
    --------
    >>> nearest = nearest_on_fsaverage5(40_962)
    >>> nearest.shape, bool((nearest[:10_242] == np.arange(10_242)).all())
    ((40962,), True)
    """
    from scipy.spatial import cKDTree  # a quarter of a second, which the window's start can do without

    sphere = fsaverage_sphere(n_vertices)
    own = FSAVERAGE_SIZES[FSAVERAGE5]
    distance, row = (np.asarray(part) for part in cKDTree(sphere.points[:own]).query(sphere.points, k=2))
    tied = distance[:, 1] - distance[:, 0] < TIE_MM  # the middle of an edge is as near to both its ends
    return np.where(tied, row.min(axis=1), row[:, 0]).astype(np.int32)


@lru_cache(maxsize=2)
def is_fsaverage(surface: CorticalSurface) -> bool:
    """Whether the vertices are those of fsaverage5, 6 or 7: by the triangles, and the sphere if there is one."""
    sizes = set(surface.n_vertices)
    if len(sizes) != 1 or not sizes <= set(FSAVERAGE_SIZES.values()):
        return False
    expected = fsaverage_sphere(surface.left.n_vertices)
    for half in (surface.left, surface.right):
        sphere = half.geometries.get("sphere")
        moved = sphere is not None and float(np.abs(sphere - expected.points).max()) >= SAME_MM
        if moved or not np.array_equal(np.sort(half.faces, axis=1), np.sort(expected.faces, axis=1)):
            return False
    return True
