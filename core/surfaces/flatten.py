"""A flat geometry from a flattened patch: upright, not mirrored, every vertex somewhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from core.errors import BadInputError
from core.surfaces.freesurfer import NO_TRANSFORM, Patch, Triangles
from core.types import FloatArray, IntArray

FLATNESS = 0.02
"""A patch may leave its plane by this share of its width."""

LONGEST_EDGES = 6.0
"""Median edge of the patch over that of the folded surface, from which on the patch belongs to another surface."""


def lay_out(
    patch: Patch, faces: IntArray, *, folded: FloatArray, side: int, name: str, near: FloatArray | None = None
) -> Triangles:
    """Turn a patch into a geometry of the whole hemisphere: points in the plane z = 0, and the triangles the cuts left.

    The sheet is seen from outside, superior up, as the lateral view shows it: mirrored if it was seen from inside, then
    turned by the angle that best fits the folded points (orthogonal Procrustes in the plane; Schönemann 1966).

    Parameters
    ----------
    faces : (m, 3) int. Triangles of the whole hemisphere.
    folded : (n_vertices, 3) float. Its inflated (or another folded) geometry.
    side : 0 left, 1 right.
    name : The patch's file, for messages.
    near : (n_vertices, 3) float. Geometry on which a cut vertex's neighbour is sought, such as the sphere; None takes
        the folded one.

    Raises BadInputError if the patch is of another surface, or is cut but not flattened.
    """
    n_vertices = len(folded)
    if patch.vertices.max() >= n_vertices:
        raise _refuse_other(name, f"it names vertex {int(patch.vertices.max()):,} of {n_vertices:,}")
    spread = np.ptp(patch.points.astype(np.float64), axis=0)
    if spread[2] > FLATNESS * max(spread[0], spread[1]):
        raise BadInputError(f"{name} is cut but not flattened. Give the patch that mris_flatten wrote from it.")
    inside = np.zeros(n_vertices, dtype=bool)
    inside[patch.vertices] = True
    kept = np.ascontiguousarray(faces[inside[faces].all(axis=1)])
    flat = np.zeros((n_vertices, 3), dtype=np.float64)
    flat[patch.vertices, :2] = patch.points[:, :2]
    _check_edges(flat, folded, kept, name=name)
    corner, second, third = (flat[kept[:, number], :2] for number in range(3))
    if np.linalg.det(np.stack([second - corner, third - corner], axis=1)).sum() < 0:  # twice the signed areas
        flat[:, 0] *= -1
    used = np.unique(kept)
    flat[used, :2] = _turn_upright(flat[used, :2], folded[used], side=side)
    points = place_cut_vertices(flat, kept, near=folded if near is None else near)
    return Triangles(points, kept.astype(np.int32), NO_TRANSFORM)


def place_cut_vertices(flat: FloatArray, faces: IntArray, *, near: FloatArray) -> npt.NDArray[np.float32]:
    """Put vertices that are in no triangle where their nearest neighbour on another geometry lies."""
    used = np.unique(faces)
    nearest = cKDTree(near[used]).query(near)[1]
    return np.ascontiguousarray(flat[used][nearest], dtype=np.float32)


def _check_edges(flat: FloatArray, folded: FloatArray, kept: IntArray, *, name: str) -> None:
    if not len(kept):
        raise _refuse_other(name, "no triangle of the surface lies in it")
    lengths = [np.median(np.linalg.norm(shape[kept[:, 0]] - shape[kept[:, 1]], axis=1)) for shape in (flat, folded)]
    if lengths[0] > LONGEST_EDGES * lengths[1]:
        raise _refuse_other(name, f"its edges are {lengths[0] / lengths[1]:.0f} times as long")


def _refuse_other(name: str, why: str) -> BadInputError:
    return BadInputError(f"{name} is a patch of another surface: {why}. Give the patch of this subject and hemisphere.")


def _turn_upright(flat: FloatArray, folded: FloatArray, *, side: int) -> FloatArray:
    """The points (k, 2) turned so that anterior (left: to the left) and superior (up) fit the folded points (k, 3)."""
    across = folded[:, 1] * (-1 if side == 0 else 1)
    goal = np.stack([across, folded[:, 2]], axis=1).astype(np.float64)
    centred, goal = flat - flat.mean(axis=0), goal - goal.mean(axis=0)
    sine = (centred[:, 0] * goal[:, 1] - centred[:, 1] * goal[:, 0]).sum()
    cosine = (centred * goal).sum()
    length = np.hypot(sine, cosine)
    cosine, sine = (cosine / length, sine / length) if length > 0 else (1.0, 0.0)
    return np.asarray(centred @ np.array([[cosine, sine], [-sine, cosine]]))
