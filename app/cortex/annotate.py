"""Finds what is written over the cortex, and where: names, the hemispheres' letters, the marker's ring.

A name stands on what of its ROI is seen, without overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from PySide6.QtGui import QFont

from app.cortex.camera import CameraPose
from app.cortex.mesh import FACING, Mesh
from app.cortex.overlay import Annotations, PlacedLabel, Ring, measure_label
from app.cortex.picking import pick_vertex
from app.cortex.scene import Scene
from core.surfaces.anatomy import NO_CENTRE
from core.surfaces.atlas import Atlas
from core.surfaces.mesh import CorticalSurface
from core.types import BoolArray, FloatArray, IntArray

FEWEST_SEEN = 5
"""An ROI with fewer vertices in sight gets no name."""

DEEP_ENOUGH = 0.7
"""Names are written where an ROI is at least this share as wide as at its widest visible place."""

HIDDEN_BEYOND = 8.0
"""mm: what a ray meets farther from the anchor than this lies in front of it."""

CAPTION_MARGIN = 9.0
"""Pixels kept free below a hemisphere's letter where the view is low."""

CAPTION_DROP = 13.0
"""Pixels from the lower edge of a hemisphere to its letter."""

CAPTION_POINTS = 12_000
"""The lower edge is sought among so many points of a hemisphere: every one of fsaverage5, some of a finer mesh."""

GAP = 2.0
"""Pixels between two labels, and around all of them."""

FARTHEST = 160.0
"""Pixels a label may stand from its place."""

_TURNS = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_WAYS = np.concatenate(
    [np.zeros((1, 2)), *(np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1) * r for r in np.arange(8, FARTHEST, 8))]
)
"""Steps (n, 2) from a label's own place to the places tried, the nearest first."""

PickAt = Callable[[float, float], FloatArray | None]
"""The scene point (3,) under a position in interface pixels, or None."""


class LabelFinder:
    """Knows the ROIs of one hemisphere and finds where each can be named.

    Parameters
    ----------
    faces : (m, 3) int
    labels : (n_vertices,) int. Region of each vertex, 0 for none.
    names : names[i - 1] belongs to label i.
    """

    def __init__(self, faces: IntArray, labels: IntArray, names: Sequence[str]) -> None:
        self._names = names
        depth = depth_inside(faces, labels)
        self._members = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels[labels > 0])}
        self._depth = {label: depth[members] for label, members in self._members.items()}

    def find(self, mesh: Mesh, pose: CameraPose, *, size: tuple[float, float], pick_at: PickAt) -> list[PlacedLabel]:
        """One label for each ROI in sight, inside its visible part.

        `pose`, `size` (width, height). `pick_at`: tells whether something lies in front.
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


def place_labels(
    labels: Sequence[PlacedLabel],
    measure: Callable[[str], tuple[float, float]],
    *,
    size: tuple[float, float],
    taken: Sequence[PlacedLabel] = (),
) -> list[PlacedLabel]:
    """The labels, largest ROI first, each as near to its own place as no other label is touched and all is in sight.

    One that had to move tells where it belongs. `measure` gives width and height. `taken`: what is written already.
    A label that belongs beside the picture, or finds no place within `FARTHEST`, is left out.
    """
    boxes = [_box_of(one, measure(one.text)) for one in taken]
    kept = []
    for label in sorted(labels, key=lambda item: -item.weight):
        if not (0 <= label.x <= size[0] and 0 <= label.y <= size[1]):
            continue
        width, height = measure(label.text)
        half = np.array([width, height]) / 2 + GAP
        middles = np.array([label.x, label.y]) + _WAYS * (1.0, 0.7)  # a line of text is wider than high
        inside = np.asarray((middles >= half) & (middles <= np.asarray(size) - half))
        clear: BoolArray = inside[:, 0] & inside[:, 1]
        for box in boxes:
            away = np.abs(middles - box[0]) - half - box[1]
            clear &= away.max(axis=1) >= 0
        if clear.any():
            x, y = middles[np.argmax(clear)].tolist()
            kept.append(label if clear[0] else replace(label, x=x, y=y, home=(label.x, label.y)))
            boxes.append(_box_of(kept[-1], (width, height)))
    return kept


def _box_of(label: PlacedLabel, size: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """The middle (2,) of a label and half its width and height (2,)."""
    return np.array([label.x, label.y]), np.asarray(size) / 2


def find_annotations(scene: Scene, *, size: tuple[float, float], font: QFont) -> Annotations:
    """Everything written over a picture of `size` in interface pixels.

    Of a thinned scene it stands where it does in the full one; what lies in front is asked of what is drawn.
    """
    drawn, scene = scene, replace(scene, thinned=False)

    def pick_at(x: float, y: float) -> FloatArray | None:
        pick = pick_vertex(drawn, size, (x, y))
        return None if pick is None else np.asarray(pick.point)

    captions, found = _find_captions(scene, size), list[PlacedLabel]()
    if scene.atlas is not None and scene.path is not None and scene.labelled:
        for side, mesh in scene.shown:
            finder = _finder_of(scene.path.surface, scene.atlas, side)
            found += finder.find(mesh, scene.pose, size=size, pick_at=pick_at)
    labels = place_labels(found, lambda text: measure_label(text, font), size=size, taken=captions)
    ring, paths = _find_ring(scene, size=size, pick_at=pick_at), list(_find_paths(scene, size))
    return Annotations(labels, captions, ring, paths)


@lru_cache(maxsize=4)
def _finder_of(surface: CorticalSurface, atlas: Atlas, side: int) -> LabelFinder:
    return LabelFinder(surface.side(side).faces, atlas.labels(side), atlas.names)


def _find_captions(scene: Scene, size: tuple[float, float]) -> list[PlacedLabel]:
    captions = []
    for side, mesh in scene.shown:
        if len(points := mesh.points):
            thinned = points[:: max(1, len(points) // CAPTION_POINTS)]
            screen = scene.pose.project(thinned, width=size[0], height=size[1])
            middle, lowest = float(np.mean([screen[:, 0].min(), screen[:, 0].max()])), float(screen[:, 1].max())
            captions.append(PlacedLabel("LR"[side], middle, min(lowest + CAPTION_DROP, size[1] - CAPTION_MARGIN), 0))
    return captions


def _find_ring(scene: Scene, *, size: tuple[float, float], pick_at: PickAt) -> Ring | None:
    position = scene.marker_position()
    if position is None:
        return None
    x, y = (float(value) for value in scene.pose.project(position, width=size[0], height=size[1]))
    return Ring(x, y, not is_in_sight(position, (x, y), pick_at=pick_at))


def _find_paths(scene: Scene, size: tuple[float, float]) -> Iterator[FloatArray]:
    """The path over each hemisphere in view as `Annotations.paths`, where it has one."""
    if scene.centres is None:
        return
    centres = scene.centres()
    for side, mesh in scene.shown:
        vertices = centres[centres[:, side] != NO_CENTRE, side]
        vertices = vertices[np.diff(vertices, prepend=NO_CENTRE) != 0]
        if len(vertices):
            places = scene.pose.project(mesh.points[vertices], width=size[0], height=size[1])
            yield np.column_stack([places, mesh.normals[vertices] @ scene.pose.axes()[2] < 0])
