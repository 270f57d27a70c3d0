"""Makes resources/surfaces/fsaverage_on_fsaverage5.npz from the spheres of fsaverage. Never changes a coordinate.

    python packaging/make_fsaverage_map.py FSAVERAGE/surf

The first 10,242 vertices of fsaverage are those of fsaverage5; every other one goes to the nearest of them on the
sphere, which is the same for both hemispheres.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel.freesurfer as freesurfer
import numpy as np
from scipy.spatial import cKDTree

N_COARSE = 10_242
OUT = Path(__file__).resolve().parent.parent / "resources" / "surfaces" / "fsaverage_on_fsaverage5.npz"


def nearest_coarse(sphere: Path) -> np.ndarray:
    """The fsaverage5 vertex nearest to each vertex of an fsaverage sphere, (163842,) uint16."""
    points, _ = freesurfer.read_geometry(sphere)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return cKDTree(points[:N_COARSE]).query(points)[1].astype(np.uint16)


if __name__ == "__main__":
    left, right = (nearest_coarse(Path(sys.argv[1]) / f"{side}.sphere") for side in ("lh", "rh"))
    assert (left == right).all() and (left[:N_COARSE] == np.arange(N_COARSE)).all()
    np.savez_compressed(OUT, vertex=left)
