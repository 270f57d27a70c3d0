"""A cortex of one triangle for pages of HTML, as a renderer gives it."""

from __future__ import annotations

import numpy as np

from core.figures.colour_key import ColourKey
from core.figures.movie_config import CortexStyle
from core.figures.probe_page import CortexModel, HemisphereMesh
from core.types import FloatArray


def blend(key: ColourKey) -> FloatArray:
    """Full cover; a dimmed voxel covers nothing."""
    table = np.column_stack([key.colormap.table, np.ones(256)]).astype(np.float32)
    return np.stack([table, table * np.array([1, 1, 1, 0], dtype=np.float32)])


def make_model(key: ColourKey | None, *, place: str = "FFA", style: CortexStyle | None = None) -> CortexModel:
    """Voxels 5 and 6 on two corners, none on the third."""
    points = np.array([[0, 0, 0], [10, 0, 0], [0, 0, 10]], dtype=np.float32)
    red = np.array([[200, 30, 60, 255]] * 3, dtype=np.uint8)
    grey = np.full((3, 3), 172, dtype=np.uint8)
    mesh = HemisphereMesh(
        points, np.array([[0, 1, 2]], dtype=np.int32), red, grey, np.array([5, 6, -1], dtype=np.int32), (place, "", "")
    )
    return CortexModel((mesh,), style or CortexStyle(), (0.0, 0.0), None, blend, key, "dimmed: held-out r below 0.1")
