"""Voxels of a volume on a person's own surface, looked up both ways. Never resamples values, never reads a file.

Both look-ups go to the middle of the cortical sheet, midthickness or the mean of white and pial, in scanner RAS: voxel
indices through the volume's affine, vertices through the surface's `to_scanner` (FreeSurfer's surfaces are in tkRAS,
which is scanner RAS up to the volume geometry of their files).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from core.checks import refusal
from core.errors import BadInputError
from core.surfaces.mesh import MEASURED, CorticalSurface
from core.surfaces.paint import NO_PLACE, Places
from core.types import FloatArray, IntArray

LIMIT_MM = 4.0
"""A voxel's centre farther than this from the middle of the sheet is not cortex: more than half the diagonal of a 3 mm
voxel and half of a thick cortex."""


def paint_table(surface: CorticalSurface, indices: IntArray, affine: FloatArray) -> Places:
    """Place voxels of a volume on a surface, each at the nearest vertex, if that is not farther than `LIMIT_MM`.

    Every vertex within that limit of a voxel is painted with the nearest one.

    Parameters
    ----------
    surface : With a pial or a white geometry.
    indices : (n_voxels, 3) int. Row, column and slice of each voxel, from 0.
    affine : (4, 4) float. From indices to scanner RAS in mm, as in the volume's header.

    Raises BadInputError if no voxel lies within the limit (the volume is of another brain or space), or an array has a
    wrong shape.
    """
    if not len(indices):
        raise refusal("indices", allowed="at least one voxel", got=0)
    points = scanner_points(indices, affine)
    sheets = [middle_of_sheet(surface, side) for side in (0, 1)]
    places = _place(points, sheets, name=surface.name)
    if not places.n_placed:
        nearest = float(places.distance.min())
        raise BadInputError(
            f"No voxel of the volume lies within {LIMIT_MM:g} mm of the surface {surface.name}; the nearest is "
            f"{nearest:.1f} mm away. Use the surface of the same person, and a volume in its T1 (scanner) space."
        )
    return places


def scanner_points(indices: IntArray | FloatArray, affine: FloatArray) -> npt.NDArray[np.float64]:
    """Scanner RAS (n, 3) in mm of voxel indices, or of points of a surface, (n, 3) under an affine (4, 4)."""
    at, matrix = np.asarray(indices), np.asarray(affine, dtype=np.float64)
    if at.ndim != 2 or at.shape[1] != 3:
        raise refusal("indices", allowed="rows of 3 voxel indices", got=at.shape)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or np.linalg.det(matrix[:3, :3]) == 0:
        raise refusal("affine", allowed="an invertible matrix (4, 4)", got=matrix.tolist())
    return np.asarray(at @ matrix[:3, :3].T + matrix[:3, 3])


def middle_of_sheet(surface: CorticalSurface, side: int) -> npt.NDArray[np.float64]:
    """Scanner RAS (n_vertices, 3) of midthickness, else of the mean of white and pial, or of the one there is.

    Raises BadInputError if the surface has none of them.
    """
    geometries = surface.side(side).geometries
    names = ("midthickness",) if "midthickness" in geometries else MEASURED
    measured = [geometries[name].astype(np.float64) for name in names if name in geometries]
    if not measured:
        got = sorted(geometries)
        advice = "Import the surface again with its white and pial files, or its midthickness ones."
        raise refusal("surface", allowed="one with white or pial, or midthickness", got=got, advice=advice)
    return scanner_points(np.mean(measured, axis=0), surface.to_scanner)


def _place(points: FloatArray, sheets: list[npt.NDArray[np.float64]], *, name: str) -> Places:
    n_left = len(sheets[0])
    both = np.concatenate(sheets)
    distance, row = (np.asarray(part) for part in cKDTree(both).query(points))
    side = (row >= n_left).astype(np.int64)
    vertex = np.where(distance <= LIMIT_MM, row - n_left * side, NO_PLACE)
    found = cKDTree(points).query(both, distance_upper_bound=np.nextafter(LIMIT_MM, np.inf))
    reach, voxel = (np.asarray(part) for part in found)
    painted = np.flatnonzero(np.isfinite(reach))
    sides = (painted >= n_left).astype(np.int64)
    rows = np.stack([sides, painted - n_left * sides, voxel[painted]], axis=1).astype(np.int32)
    hemisphere, away = side.astype(np.int8), distance.astype(np.float32)
    return Places(name, hemisphere, vertex.astype(np.int32), rows, distance=away)
