"""A made-up cortex of two unequal hemispheres with voxels: a left-right swap or a shifted index fails a test."""

from __future__ import annotations

import numpy as np

from core.surfaces.atlas import Atlas
from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from core.types import VoxelTable

LEFT_FINENESS, RIGHT_FINENESS = 2, 3


def make_icosphere(fineness: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n, 3) on the unit sphere and faces (m, 3), counter-clockwise seen from outside."""
    golden = (1 + 5**0.5) / 2
    corners = [(-1, golden, 0), (1, golden, 0), (-1, -golden, 0), (1, -golden, 0)]
    vertices = [np.roll(corner, turn) for turn in (0, 1, 2) for corner in corners]
    points = np.array(vertices, dtype=float)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    edge = min(np.linalg.norm(points[0] - points[i]) for i in range(1, 12)) * 1.01
    faces = [
        (a, b, c)
        for a in range(12)
        for b in range(a + 1, 12)
        for c in range(b + 1, 12)
        if max(np.linalg.norm(points[i] - points[j]) for i, j in ((a, b), (b, c), (a, c))) < edge
    ]
    triangles = _face_outwards(points, np.array(faces))
    for _ in range(fineness):
        points, triangles = _subdivide(points, triangles)
    return points, triangles


def make_half(fineness: int, *, side: int) -> HemisphereSurface:
    """An ellipsoid with a dent as pial, smooth as inflated, flat where it faces outwards."""
    unit, faces = make_icosphere(fineness)
    outward = np.array([-1.0, 0, 0]) if side == 0 else np.array([1.0, 0, 0])
    inflated = unit * [28, 60, 40]
    bumps = 1 + 0.05 * np.cos(5 * unit[:, [1]]) * np.cos(4 * unit[:, [2]])
    pial = inflated * bumps + 32 * outward
    height = unit @ outward
    flat = np.stack([unit[:, 1] * (-1 if side == 0 else 1), unit[:, 2], 0 * height], axis=1) * 70
    flat *= (1.6 - 0.6 * height)[:, None]
    kept = (height[faces] > -0.2).all(axis=1)
    return HemisphereSurface(
        geometries={
            "pial": pial.astype(np.float32),
            "white": (0.95 * inflated * bumps + 32 * outward).astype(np.float32),
            "inflated": inflated.astype(np.float32),
            "sphere": (100 * unit).astype(np.float32),
            "flat": flat.astype(np.float32),
        },
        faces=faces.astype(np.int32),
        flat_faces=(faces[kept] if side == 0 else faces[kept][:, ::-1]).astype(np.int32),
        curvature=np.where(unit[:, 1] > 0, 0.2, -0.2).astype(np.float32),
        sulc=unit[:, 2].astype(np.float32),
    )


def make_bare_half(points: np.ndarray, faces: np.ndarray) -> HemisphereSurface:
    """A hemisphere that is inflated only."""
    nothing, none = np.zeros(len(points), np.float32), np.empty((0, 3), np.int32)
    return HemisphereSurface({"inflated": points.astype(np.float32)}, faces.astype(np.int32), none, nothing, nothing)


def make_cortex() -> CorticalSurface:
    """162 vertices on the left, 642 on the right."""
    return CorticalSurface("made-up", make_half(LEFT_FINENESS, side=0), make_half(RIGHT_FINENESS, side=1))


def make_atlas(surface: CorticalSurface) -> Atlas:
    """Two ROIs on each side: V1 behind, FFA in the lower front; the rest none."""
    labels = []
    for side in (0, 1):
        sphere = surface.side(side).geometries["sphere"]
        below = (sphere[:, 1] >= -30) & (sphere[:, 2] < -20)
        labels.append(np.where(sphere[:, 1] < -30, 1, np.where(below, 2, 0)).astype(np.int16))
    return Atlas("made-up", "a formula", ("V1", "FFA"), labels[0], labels[1])


def make_table(surface: CorticalSurface) -> VoxelTable:
    """A voxel at all vertices but every seventh, numbered backwards and right before left."""
    places = [(1, v) for v in range(surface.right.n_vertices) if v % 7] + [
        (0, v) for v in range(surface.left.n_vertices) if v % 7
    ]
    places = places[::-1]
    atlas = make_atlas(surface)
    rows = np.array([(side, vertex, voxel) for voxel, (side, vertex) in enumerate(places)], dtype=np.int32)
    return VoxelTable(
        hemisphere=rows[:, 0].astype(np.int8),
        vertex=rows[:, 1],
        roi=tuple(atlas.roi_of(side, vertex) for side, vertex in places),
        noise_ceiling=np.linspace(0.1, 0.9, len(rows), dtype=np.float32),
        paint=rows,
    )


def _subdivide(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, place = np.unique(edges, axis=0, return_inverse=True)
    middles = points[unique].mean(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    ab, bc, ca = (len(points) + place.ravel()).reshape(3, -1)
    a, b, c = faces.T
    quarters = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([points, middles]), np.concatenate([np.stack(quarter, axis=1) for quarter in quarters])


def _face_outwards(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (points[faces[:, i]] for i in range(3))
    inward = (np.cross(b - a, c - a) * a).sum(axis=1) < 0
    turned = faces.copy()
    turned[inward] = faces[inward][:, ::-1]
    return turned
