"""Mean curvature of a folded surface whose files have none, for the underlay. Never smooths a surface.

Cotangent formula: the Laplacian of the points is 2 H n (Meyer et al. 2003, doi:10.1007/978-3-662-05105-4_2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse

from core.types import FloatArray, IntArray

SMOOTHINGS = 10
"""FreeSurfer averages its curvature over the neighbours ten times."""


def mean_curvature(points: FloatArray, faces: IntArray, *, smoothings: int = SMOOTHINGS) -> npt.NDArray[np.float32]:
    """Mean curvature (n_vertices,) in 1/mm, positive in sulci and negative on gyri as FreeSurfer's; -1/r on a sphere.

    `points` (n_vertices, 3): mm. `faces` (m, 3): counter-clockwise seen from outside.
    """
    corners = points[faces].astype(np.float64)
    edges = [corners[:, (i + 2) % 3] - corners[:, (i + 1) % 3] for i in range(3)]  # opposite corner i
    doubled = np.cross(edges[1], edges[2])
    area = np.maximum(np.linalg.norm(doubled, axis=1), 1e-12)
    n = len(points)
    pull, share, normal = np.zeros((n, 3)), np.zeros(n), np.zeros((n, 3))
    for i in range(3):
        cotangent = -np.einsum("ij,ij->i", edges[(i + 1) % 3], edges[(i + 2) % 3]) / area
        start, end = faces[:, (i + 1) % 3], faces[:, (i + 2) % 3]
        step = cotangent[:, None] * edges[i] / 2
        np.add.at(pull, start, step)
        np.add.at(pull, end, -step)
        share += np.bincount(faces[:, i], weights=area / 6, minlength=n)
        np.add.at(normal, faces[:, i], doubled)
    outward = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    bent = np.einsum("ij,ij->i", pull, outward) / np.maximum(2 * share, 1e-12)
    return _smooth(bent, faces, times=smoothings).astype(np.float32)


def _smooth(values: FloatArray, faces: IntArray, *, times: int) -> FloatArray:
    n = len(values)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    joined = scipy.sparse.csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    joined.data[:] = 1.0
    joined = joined + scipy.sparse.eye_array(n, format="csr")
    share = 1.0 / np.asarray(joined.sum(axis=1)).ravel()
    for _ in range(times):
        values = share * (joined @ values)
    return values
