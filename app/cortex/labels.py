"""Chooses where ROI names are written: on what of each ROI is seen, without overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.cortex.camera import CameraPose
from app.cortex.mesh import HemisphereMesh
from core.types import FloatArray, IntArray

FACING = 0.35
"""Cosine between a vertex's normal and the direction to the viewer from which on it counts as seen."""

FEWEST_SEEN = 5
"""An ROI with fewer vertices in sight gets no name."""

DEEP_ENOUGH = 0.7
"""Names are written where an ROI is at least this share as wide as at its widest visible place."""

HIDDEN_BEYOND = 8.0
"""mm: what a ray meets farther from the anchor than this lies in front of it."""

PickAt = Callable[[float, float], FloatArray | None]
"""The scene point (3,) under a position in interface pixels, or None."""


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A name at a position in interface pixels; `weight` is how many vertices of it are in sight."""

    text: str
    x: float
    y: float
    weight: int


class LabelFinder:
    """Knows the ROIs of one hemisphere and finds where each can be named.

    Parameters
    ----------
    faces : (m, 3) int
    labels : (n_vertices,) int
        Region of each vertex, 0 for none.
    names : sequence of str
        names[i - 1] belongs to label i.
    """

    def __init__(self, faces: IntArray, labels: IntArray, names: Sequence[str]) -> None:
        self._names = names
        depth = depth_inside(faces, labels)
        self._members = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels[labels > 0])}
        self._depth = {label: depth[members] for label, members in self._members.items()}

    def find(
        self, mesh: HemisphereMesh, pose: CameraPose, *, size: tuple[float, float], pick_at: PickAt
    ) -> list[PlacedLabel]:
        """One label for each ROI in sight, inside its visible part.

        Parameters
        ----------
        mesh : HemisphereMesh
        pose, size : CameraPose, (width, height) of the view
        pick_at : callable
            Tells whether something lies in front.
        """
        towards = -pose.axes()[2].astype(np.float32)
        found = []
        for label, members in self._members.items():
            seen = np.flatnonzero(mesh.normals[members] @ towards > FACING)
            if len(seen) < FEWEST_SEEN:
                continue
            points, depth = mesh.points[members[seen]], self._depth[label][seen]
            wide = np.flatnonzero(depth >= DEEP_ENOUGH * depth.max())
            best = wide[np.argmin(((points[wide] - points.mean(axis=0)) ** 2).sum(axis=1))]
            x, y = (float(value) for value in pose.project(points[best], width=size[0], height=size[1]))
            if is_in_sight(points[best], (x, y), pick_at=pick_at):
                found.append(PlacedLabel(self._names[label - 1], x, y, len(seen)))
        return found


def depth_inside(faces: IntArray, labels: IntArray) -> IntArray:
    """Rings of vertices between each vertex (n,) and the border of its region; 0 on the border or outside."""
    depth = np.zeros(len(labels), dtype=np.int32)
    inside = labels > 0
    corners = labels[faces]
    inside[faces[(corners != corners[:, :1]).any(axis=1)].ravel()] = False
    left = faces[inside[faces].any(axis=1)]  # only these can still be eaten: the rest is border or no region
    ring = 0
    while len(left):
        ring += 1
        whole = inside[left].all(axis=1)
        eaten = left[~whole].ravel()
        eaten = eaten[inside[eaten]]
        if not len(eaten):
            break  # a region without a border: the whole hemisphere
        depth[eaten] = ring
        inside[eaten] = False
        left = left[whole]
    depth[inside] = ring + 1 if len(left) else 1  # those cut off a flat map are in no triangle
    return depth


def is_in_sight(point: FloatArray, at: tuple[float, float], *, pick_at: PickAt) -> bool:
    """Whether nothing lies in front of a scene point (3,) projected to a position."""
    hit = pick_at(*at)
    return hit is not None and float(np.linalg.norm(hit - point)) < HIDDEN_BEYOND


def drop_overlaps(
    labels: Sequence[PlacedLabel], measure: Callable[[str], tuple[float, float]], *, gap: float = 3.0
) -> list[PlacedLabel]:
    """The labels, largest ROI first, without those that would touch one kept; `measure` gives width and height."""
    kept: list[tuple[PlacedLabel, float, float]] = []
    for label in sorted(labels, key=lambda item: -item.weight):
        width, height = measure(label.text)
        clear = all(
            abs(label.x - other.x) >= (width + wide) / 2 + gap or abs(label.y - other.y) >= (height + high) / 2 + gap
            for other, wide, high in kept
        )
        if clear:
            kept.append((label, width, height))
    return [label for label, _, _ in kept]
