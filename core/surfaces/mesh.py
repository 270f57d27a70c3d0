"""A cortical surface: two hemispheres, each one mesh in several geometries. Never draws or shifts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.checks import describe_refusal
from core.errors import BadInputError
from core.types import Hemisphere

GEOMETRIES = ("pial", "white", "inflated", "sphere", "flat")
"""From the measured shape to the cut and flattened sheet."""


@dataclass(frozen=True, slots=True, eq=False)
class HemisphereSurface:
    """One hemisphere.

    Parameters
    ----------
    geometries : dict of (n_vertices, 3) float32
        Coordinates in mm (x right, y anterior, z superior), by name: pial, white, inflated, sphere, flat. `flat` lies
        in the plane z = 0; vertices cut away from it lie where their nearest neighbour does.
    faces : (n_faces, 3) int32
        Triangles of every geometry but `flat`, corners counter-clockwise seen from outside.
    flat_faces : (n_flat_faces, 3) int32
        Triangles of `flat`, whose cuts left some out.
    curvature, sulc : (n_vertices,) float32
        Mean curvature in 1/mm and sulcal depth (both positive in sulci).
    """

    geometries: dict[str, npt.NDArray[np.float32]]
    faces: npt.NDArray[np.int32]
    flat_faces: npt.NDArray[np.int32]
    curvature: npt.NDArray[np.float32]
    sulc: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        n_vertices = len(self.curvature)
        shapes = {name: points.shape for name, points in self.geometries.items()}
        if any(shape != (n_vertices, 3) for shape in shapes.values()) or self.sulc.shape != (n_vertices,):
            raise BadInputError(
                describe_refusal("geometries", allowed=f"{n_vertices} vertices of 3 numbers", got=shapes)
            )
        for name, faces in (("faces", self.faces), ("flat_faces", self.flat_faces)):
            if faces.ndim != 2 or faces.shape[1] != 3 or faces.min() < 0 or faces.max() >= n_vertices:
                allowed = f"triangles of vertices 0 to {n_vertices - 1}"
                raise BadInputError(describe_refusal(name, allowed=allowed, got=faces.shape))

    @property
    def n_vertices(self) -> int:
        """Number of vertices, the same in every geometry."""
        return len(self.curvature)

    def faces_of(self, geometry: str) -> npt.NDArray[np.int32]:
        """The triangles to draw a geometry with."""
        return self.flat_faces if geometry == "flat" else self.faces


@dataclass(frozen=True, slots=True, eq=False)
class CorticalSurface:
    """Both hemispheres of one brain or template, left first; they need not have as many vertices."""

    name: str
    left: HemisphereSurface
    right: HemisphereSurface

    def side(self, index: int | Hemisphere) -> HemisphereSurface:
        """The hemisphere by 0 (left) or 1 (right), or by name."""
        number = index.index if isinstance(index, Hemisphere) else index
        if number not in (0, 1):
            raise BadInputError(describe_refusal("side", allowed="0 (left) or 1 (right)", got=index))
        return (self.left, self.right)[number]

    @property
    def n_vertices(self) -> tuple[int, int]:
        """Number of vertices of the left and the right hemisphere."""
        return self.left.n_vertices, self.right.n_vertices
