"""Loads the template brain that ships with the program. Never downloads one."""

from __future__ import annotations

from functools import lru_cache

from core.containers import Arrays, load_arrays
from core.paths import resources_folder
from core.surfaces.mesh import GEOMETRIES, CorticalSurface, HemisphereSurface

FSAVERAGE5 = "fsaverage5"


@lru_cache(maxsize=1)
def load_fsaverage5() -> CorticalSurface:
    """The FreeSurfer average brain at 10,242 vertices a hemisphere (Fischl et al. 1999, doi:10.1002/hbm.4).

    Raises StorageError if the shipped file is missing or damaged.
    """
    arrays = load_arrays(resources_folder() / "surfaces" / f"{FSAVERAGE5}.npz")
    sides = (unpack_side(arrays, "left"), unpack_side(arrays, "right"))
    return CorticalSurface(FSAVERAGE5, *sides, source="FreeSurfer (Fischl et al. 1999), shipped with the program")


def unpack_side(arrays: Arrays, side: str) -> HemisphereSurface:
    """The hemisphere "left" or "right" among the arrays of a file, with the geometries that are there."""
    found = {name: arrays[f"{side}_{name}"] for name in GEOMETRIES if f"{side}_{name}" in arrays}
    parts = {name: arrays[f"{side}_{name}"] for name in ("faces", "flat_faces", "curvature", "sulc")}
    return HemisphereSurface(geometries=found, **parts)
