"""Fewer triangles for a large hemisphere while things move: every corner is a vertex of the full mesh."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from core.surfaces.mesh import HemisphereSurface
from core.types import FloatArray, IntArray

MOST = 20_000
"""Vertices of a hemisphere that is never thinned; a larger one is, to a quarter or less, until it has no more."""

Thinned = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]


@lru_cache(maxsize=4)
def thin_half(half: HemisphereSurface, *, flat: bool) -> Thinned:
    """The vertices kept (k,) and the triangles between them, those of the flat map or of all other geometries."""
    kept, onto = _shrink(half)
    return kept, move_faces(half.flat_faces if flat else half.faces, onto)


@lru_cache(maxsize=4)
def _shrink(half: HemisphereSurface) -> tuple[npt.NDArray[np.int64], IntArray]:
    """The vertices kept (k,), and for every vertex (n,) the row of the kept one it is drawn into."""
    points = next(points for name, points in half.geometries.items() if name != "flat")
    kept, onto, faces = np.arange(len(points)), np.arange(len(points)), half.faces
    while len(kept) > MOST:
        chosen, step = choose_vertices(points[kept], faces)
        faces, kept, onto = move_faces(faces, step), kept[chosen], step[onto]
    return kept, onto


def choose_vertices(points: FloatArray, faces: IntArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Vertices (k,) no two of which share an edge, and for every vertex (n,) the row of the nearest it shares one with.

    Taken in their order: of an fsaverage they are those of the next coarser one.
    """
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    start, end = np.concatenate([ends, ends[:, ::-1]]).T
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    first = np.searchsorted(start, np.arange(len(points) + 1))
    free = bytearray(b"\1" * len(points))
    taken: Any = np.frombuffer(free, dtype=np.uint8)
    kept = np.zeros(len(points), dtype=bool)
    at = free.find(1)
    while at >= 0:
        kept[at], taken[end[first[at] : first[at + 1]]] = True, 0
        at = free.find(1, at + 1)
    joins = kept[end] & ~kept[start]
    start, end = start[joins], end[joins]
    farthest_first = np.argsort(-((points[start] - points[end]) ** 2).sum(axis=1))
    onto = np.arange(len(points))
    onto[start[farthest_first]] = end[farthest_first]  # the last one stays
    return np.flatnonzero(kept), (np.cumsum(kept) - 1)[onto]


def move_faces(faces: IntArray, onto: IntArray) -> npt.NDArray[np.int32]:
    """Triangles (m, 3) with each vertex moved to row `onto` (n,); of those that fall on one another, what is left over.

    So a closed surface stays closed, and a border stays one.
    """
    corners = onto[faces].astype(np.int64)
    a, b, c = corners.T
    turn = np.sign((b - a) * (c - a) * (c - b))
    ordered = np.sort(corners[turn != 0], axis=1)
    key = (ordered[:, 0] * len(onto) + ordered[:, 1]) * len(onto) + ordered[:, 2]
    _, place, group = np.unique(key, return_index=True, return_inverse=True)
    left = np.bincount(group, weights=turn[turn != 0], minlength=len(place))
    found = np.where(left[:, None] < 0, ordered[place][:, [0, 2, 1]], ordered[place])[left != 0]
    return np.asarray(found, dtype=np.int32)
