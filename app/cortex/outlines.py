"""ROI outlines as smooth lines that follow the surface through every geometry.

Borders run between vertices: through the middle of every edge that joins two regions, meeting in the middle of
triangles that touch three. So each point is a fixed weighting of vertices, smoothed along the line; the weights are
computed once for a set of triangles, and new coordinates cost one sparse product. (Chains of vertices zigzag and leave
gaps at junctions.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from core.types import FloatArray, IntArray

LIFT = 0.35
"""mm above the surface: enough not to sink into the triangles between two points, too little to be seen."""

SMOOTHINGS = 3


class Outline:
    """The outline of one hemisphere's ROIs for one set of triangles.

    Parameters
    ----------
    faces : (m, 3) int
    labels : (n,) int. Region of each vertex, 0 for none.
    """

    def __init__(self, faces: IntArray, labels: IntArray) -> None:
        self.faces, self.labels = faces, labels
        weights, self.segments = cross_borders(faces, labels)
        self.weights = _smoothing(self.segments, weights.shape[0]) @ weights

    def place(self, points: FloatArray, normals: FloatArray) -> npt.NDArray[np.float32]:
        """Points of the outline (k, 3) for coordinates and normals (n, 3) of the vertices."""
        return np.asarray(self.weights @ (points + LIFT * normals), dtype=np.float32)


def cross_borders(faces: IntArray, labels: IntArray) -> tuple[Any, npt.NDArray[np.int64]]:
    """Points on the borders as weights of vertices, sparse (k, n), and the pairs of points to join (j, 2).

    `faces` (m, 3). `labels` (n,).
    """
    corners = faces[np.ptp(labels[faces], axis=1) > 0].astype(np.int64)
    n_faces = len(corners)
    edges = np.sort(np.stack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]], axis=1), axis=2)
    crosses = labels[edges[:, :, 0]] != labels[edges[:, :, 1]]
    middles, local = np.unique(edges[crosses], axis=0, return_inverse=True)
    at = np.full((n_faces, 3), -1, dtype=np.int64)
    at[crosses] = local.ravel()
    two = crosses.sum(axis=1) == 2
    joined = at[two][crosses[two]].reshape(-1, 2)
    centres = corners[~two]
    hubs = np.repeat(len(middles) + np.arange(len(centres)), 3)
    spokes = np.stack([at[~two].ravel(), hubs], axis=1)
    weights = scipy.sparse.vstack([_means(middles, len(labels)), _means(centres, len(labels))], format="csr")
    return weights, np.concatenate([joined, spokes])


def _means(groups: IntArray, n_vertices: int) -> Any:
    """Rows (k, n) that take the mean of each group (k, 2 or 3) of vertices."""
    count, size = groups.shape
    shares = np.full(groups.size, 1.0 / size, dtype=np.float32)
    rows = np.repeat(np.arange(count), size)
    return scipy.sparse.csr_array((shares, (rows, groups.ravel())), shape=(count, n_vertices))


def _smoothing(segments: IntArray, n_points: int) -> Any:
    """Half a point, half the mean of its neighbours on the line, `SMOOTHINGS` times over."""
    ends = np.concatenate([segments, segments[:, ::-1]])
    ones = np.ones(len(ends), dtype=np.float32)
    joined = scipy.sparse.csr_array((ones, (ends[:, 0], ends[:, 1])), shape=(n_points, n_points))
    share = 1.0 / np.maximum(joined.sum(axis=1), 1)
    identity = scipy.sparse.eye_array(n_points, dtype=np.float32, format="csr")
    step = 0.5 * identity + 0.5 * scipy.sparse.diags_array(share) @ joined
    result: Any = identity
    for _ in range(SMOOTHINGS):
        result = step @ result
    return result
