"""Outlines of ROIs as pairs of vertices, so that they follow every geometry. Never holds coordinates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.types import FloatArray, IntArray

CORNER_TRIPLES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
"""Each edge of a triangle with the corner facing it."""


def find_borders(faces: IntArray, labels: IntArray) -> npt.NDArray[np.int32]:
    """Edges that outline every region once, grouped by label.

    An edge belongs to the outline of a region if both its ends do and a triangle on it has its third corner outside.
    Where two regions touch, only the outline of the lower label is kept, so that no border is drawn twice.

    Parameters
    ----------
    faces : (n_faces, 3) int
        Triangles as vertex numbers.
    labels : (n_vertices,) int
        Region of each vertex, 0 for none.

    Returns
    -------
    (n_edges, 2) int32
        Pairs of vertices, the lower number first, ordered by label.
    """
    edges, inside, facing = _edges_at_borders(faces, labels)
    return _order(edges[(facing == 0) | (inside < facing)], labels)


def find_borders_by_label(faces: IntArray, labels: IntArray) -> dict[int, npt.NDArray[np.int32]]:
    """The whole outline of every region by itself, (n_edges, 2) int32 by label; shared borders appear in both."""
    edges, inside, _ = _edges_at_borders(faces, labels)
    present = np.unique(labels[labels > 0])
    return {int(label): _order(edges[inside == label], labels) for label in present}


def label_anchor(labels: IntArray, vertices: FloatArray) -> dict[int, int]:
    """The vertex nearest to the centre of each region, by label: where its name is written.

    Parameters
    ----------
    labels : (n_vertices,) int
        Region of each vertex, 0 for none.
    vertices : (n_vertices, 3) float
        Coordinates in mm.
    """
    anchors = {}
    for label in np.unique(labels[labels > 0]):
        members = np.flatnonzero(labels == label)
        offsets = vertices[members] - vertices[members].mean(axis=0)
        anchors[int(label)] = int(members[np.argmin((offsets**2).sum(axis=1))])
    return anchors


def _edges_at_borders(faces: IntArray, labels: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Edges inside a region that face another one: (n, 2) vertices, (n,) own label, (n,) label faced."""
    triples = np.concatenate([faces[:, list(corners)] for corners in CORNER_TRIPLES])
    first, second, third = labels[triples].T
    at_border = (first == second) & (first > 0) & (first != third)
    return np.sort(triples[at_border, :2], axis=1), first[at_border], third[at_border]


def _order(edges: IntArray, labels: IntArray) -> npt.NDArray[np.int32]:
    unique = np.unique(edges, axis=0).astype(np.int32).reshape(-1, 2)
    return unique[np.argsort(labels[unique[:, 0]], kind="stable")]
