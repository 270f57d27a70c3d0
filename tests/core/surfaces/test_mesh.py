"""Surfaces of unequal hemispheres. Answers by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import BadInputError
from core.surfaces.mesh import CorticalSurface, HemisphereSurface
from core.types import Hemisphere


def make_side(n_vertices: int, *, faces: tuple[tuple[int, int, int], ...] = ((0, 1, 2),)) -> HemisphereSurface:
    triangles = np.array(faces, dtype=np.int32)
    column = np.zeros(n_vertices, dtype=np.float32)
    points = {"pial": np.zeros((n_vertices, 3), dtype=np.float32)}
    return HemisphereSurface(
        geometries=points, faces=triangles, flat_faces=triangles[:1], curvature=column, sulc=column
    )


def test_sides_are_left_then_right() -> None:
    surface = CorticalSurface("toy", left=make_side(5), right=make_side(3))
    assert surface.n_vertices == (5, 3)
    assert surface.side(0) is surface.side(Hemisphere.LEFT) is surface.left
    assert surface.side(1) is surface.side(Hemisphere.RIGHT) is surface.right
    with pytest.raises(BadInputError, match=r"`side` must be 0 \(left\) or 1 \(right\), got -1"):
        surface.side(-1)


def test_flat_has_its_own_faces() -> None:
    side = make_side(4, faces=((0, 1, 2), (1, 2, 3)))
    assert len(side.faces_of("pial")) == 2 and len(side.faces_of("flat")) == 1


def test_faces_and_points_must_fit() -> None:
    with pytest.raises(BadInputError, match="triangles of vertices 0 to 1"):
        make_side(2)
    points = {"pial": np.zeros((4, 3), dtype=np.float32)}
    column = np.zeros(3, dtype=np.float32)
    triangle = np.array([[0, 1, 2]], dtype=np.int32)
    with pytest.raises(BadInputError, match=r"3 vertices of 3 numbers.*\(4, 3\)"):
        HemisphereSurface(geometries=points, faces=triangle, flat_faces=triangle, curvature=column, sulc=column)
