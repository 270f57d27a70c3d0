"""A cortex of fsaverage's size without its files: fsaverage5 with every triangle cut in four, twice."""

from __future__ import annotations

import numpy as np

from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from core.surfaces.store import load_fsaverage5


def make_fine_cortex(steps: int = 2) -> CorticalSurface:
    """163,842 vertices and 327,680 triangles a hemisphere after two steps; all geometries."""
    surface = load_fsaverage5()
    halves = [surface.left, surface.right]
    for _ in range(steps):
        halves = [cut_in_four(half) for half in halves]
    return CorticalSurface("fine", halves[0], halves[1])


def cut_in_four(half: HemisphereSurface) -> HemisphereSurface:
    """New vertices in the middle of every edge, in every geometry."""
    faces = half.faces
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    ends, local = np.unique(edges, axis=0, return_inverse=True)
    number = dict(zip(map(tuple, ends.tolist()), range(half.n_vertices, half.n_vertices + len(ends)), strict=True))
    middle = half.n_vertices + local.ravel().reshape(3, -1)
    flat_middle = np.array(
        [
            [number[tuple(sorted(pair))] for pair in zip(half.flat_faces[:, i], half.flat_faces[:, j], strict=True)]
            for i, j in ((0, 1), (1, 2), (2, 0))
        ]
    )
    return HemisphereSurface(
        {name: np.concatenate([points, points[ends].mean(axis=1)]) for name, points in half.geometries.items()},
        _quarter(faces, middle),
        _quarter(half.flat_faces, flat_middle),
        np.concatenate([half.curvature, half.curvature[ends].mean(axis=1)]),
        np.concatenate([half.sulc, half.sulc[ends].mean(axis=1)]),
    )


def _quarter(faces: np.ndarray, middle: np.ndarray) -> np.ndarray:
    a, b, c = faces.T
    ab, bc, ca = middle
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.concatenate([np.stack(part, axis=1) for part in parts]).astype(np.int32)
