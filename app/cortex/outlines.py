"""ROI outlines as smooth lines that follow the surface through every geometry.

Borders run between vertices: through the middle of every edge that joins two regions, meeting in the middle of
triangles that touch three. So each point is the mean of two or three vertices, found once for a set of triangles, and
smoothed along the line. (Chains of vertices zigzag and leave gaps at junctions.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
        self.faces = faces
        *self._groups, self.segments = cross_borders(faces, labels)
        self._here, self._there = np.concatenate([self.segments, self.segments[:, ::-1]]).T

    def place(self, points: FloatArray, normals: FloatArray) -> npt.NDArray[np.float32]:
        """Points of the outline (k, 3) for coordinates and normals (n, 3) of the vertices."""
        line = np.concatenate([(points[group] + LIFT * normals[group]).mean(axis=1) for group in self._groups])
        n_neighbours = np.bincount(self._here, minlength=len(line))
        for _ in range(SMOOTHINGS):  # half a point, half the mean of its neighbours on the line
            sums = [np.bincount(self._here, column[self._there], len(line)) for column in line.T]
            line = (line + (sums / n_neighbours).T) / 2
        return line.astype(np.float32)


def cross_borders(faces: IntArray, labels: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """The points on the borders, as the vertices each is the mean of, (k, 2) and then (l, 3), and the pairs of these
    k + l points to join (j, 2).

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
    return middles, centres, np.concatenate([joined, spokes])
