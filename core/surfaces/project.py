"""Values of a volume on the surface between white and pial, to show a NIfTI file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.array_cache import save_arrays
from core.errors import BadInputError
from core.surfaces.mapping import scanner_points
from core.surfaces.mesh import CorticalSurface
from core.surfaces.paint import PaintedPair
from core.surfaces.volumes import load_volume

DEPTHS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the way from pial to white that are averaged."""


def project_volume(path: Path, surface: CorticalSurface) -> PaintedPair:
    """The volume's values at each vertex of both sides, averaged over the depth between white and pial.

    A surface that lacks one of them is read at its midthickness alone.

    Uses nilearn's `vol_to_surf` with the surface brought into scanner RAS: (n_left,) and (n_right,) float32, NaN
    outside the volume.

    Raises BadInputError if the file is no NIfTI file of one volume, the surface has none of these sheets, or the volume
    does not reach the surface.
    """
    lacking = [name for name in ("white", "pial") if name not in surface.geometries]
    if lacking and "midthickness" not in surface.geometries:
        raise BadInputError(
            f"{surface.name} has no {lacking[0]} geometry. Import it again with its white and pial files."
        )
    volume, sheets = load_volume(path), ("midthickness", "midthickness") if lacking else ("pial", "white")
    left, right = (_project_side(volume, surface, side, sheets) for side in (0, 1))
    if not np.isfinite(left).any() and not np.isfinite(right).any():
        raise BadInputError(
            f"{path.name} does not reach the surface {surface.name}. Use a volume in the space of this person's T1."
        )
    return left, right


def write_projection(volume: Path, surface: CorticalSurface, out: Path) -> int:
    """Project a volume and write the arrays `left` and `right` into an .npz file; returns how many values are known.

    Raises as `project_volume`, and StorageError if the file cannot be written.
    """
    left, right = project_volume(volume, surface)
    save_arrays(out, {"left": left, "right": right})
    return int(np.isfinite(left).sum() + np.isfinite(right).sum())


def _project_side(volume: Any, surface: CorticalSurface, side: int, sheets: tuple[str, str]) -> npt.NDArray[np.float32]:
    from nilearn.surface import vol_to_surf

    half, move = surface.side(side), surface.to_scanner
    outer, inner = ((scanner_points(half.geometries[name].astype(np.float64), move), half.faces) for name in sheets)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)  # a vertex outside: NaN, as promised
        return np.asarray(vol_to_surf(volume, outer, inner_mesh=inner, depth=DEPTHS), dtype=np.float32)
