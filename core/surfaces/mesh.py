"""A cortical surface: two hemispheres, each one mesh in several geometries."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.types import Hemisphere

MEASURED = ("white", "midthickness", "pial")
"""Geometries whose coordinates are places in the brain."""
GEOMETRIES = ("pial", "midthickness", "white", "inflated", "sphere", "flat")
"""From the measured shape to the cut and flattened sheet."""

SIDE_NAMES = ("left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class HemisphereSurface:
    """One hemisphere.

    Parameters
    ----------
    geometries : dict of (n_vertices, 3) float32. Coordinates in mm (x right, y anterior, z superior), by name: any of
        `GEOMETRIES`, at least one of them not flat. `flat` lies in the plane z = 0; vertices cut away from it lie where
        their nearest neighbour does.
    faces : (n_faces, 3) int32. Triangles of every geometry but `flat`, corners counter-clockwise seen from outside.
    flat_faces : (n_flat_faces, 3) int32. Triangles of `flat`, whose cuts left some out; (0, 3) without a flat geometry.
    curvature, sulc : (n_vertices,) float32
        Mean curvature in 1/mm and sulcal depth (both positive in sulci); zeros where unknown.
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
            raise refusal("geometries", allowed=f"{n_vertices} vertices of 3 numbers", got=shapes)
        if not set(self.geometries) - {"flat"} or set(self.geometries) - set(GEOMETRIES):
            allowed = f"some of {', '.join(GEOMETRIES)}, not flat alone"
            raise refusal("geometries", allowed=allowed, got=sorted(self.geometries))
        _check_faces("faces", self.faces, n_vertices=n_vertices, least=1)
        _check_faces("flat_faces", self.flat_faces, n_vertices=n_vertices, least=int("flat" in self.geometries))

    @property
    def n_vertices(self) -> int:
        """Number of vertices, the same in every geometry."""
        return len(self.curvature)

    def faces_of(self, geometry: str) -> npt.NDArray[np.int32]:
        """The triangles to draw a geometry with."""
        return self.flat_faces if geometry == "flat" else self.faces


@dataclass(frozen=True, eq=False)
class CorticalSurface:
    """Both hemispheres of one brain or template; they need not have as many vertices.

    Parameters
    ----------
    name : Its id: "fsaverage5", or the name it was imported under.
    source : The files it was read from, or whom to cite.
    notes : What its files lack, one sentence each.
    to_scanner : (4, 4) float64. From coordinates of `pial` and `white` to scanner RAS in mm, the space volumes lie in.
    """

    name: str
    left: HemisphereSurface
    right: HemisphereSurface
    source: str = ""
    notes: tuple[str, ...] = ()
    to_scanner: npt.NDArray[np.float64] = field(default_factory=lambda: np.eye(4))

    def side(self, index: int | Hemisphere) -> HemisphereSurface:
        """The hemisphere by 0 (left) or 1 (right), or by name."""
        number = index.index if isinstance(index, Hemisphere) else index
        if number not in (0, 1):
            raise refusal("side", allowed="0 (left) or 1 (right)", got=index)
        return (self.left, self.right)[number]

    @property
    def n_vertices(self) -> tuple[int, int]:
        """Number of vertices of the left and the right hemisphere."""
        return self.left.n_vertices, self.right.n_vertices

    @cached_property
    def geometries(self) -> tuple[str, ...]:
        """The geometries both hemispheres have, in the order of `GEOMETRIES`."""
        return tuple(name for name in GEOMETRIES if name in self.left.geometries and name in self.right.geometries)

    def reason_without(self, geometry: str) -> str:
        """Why a geometry cannot be shown, one sentence; "" if it can."""
        if geometry in self.geometries:
            return ""
        lacking = [name for name in SIDE_NAMES if geometry not in self.side(SIDE_NAMES.index(name)).geometries]
        where = "" if len(lacking) == 2 else f" of the {lacking[0]} hemisphere"
        ending = "NAME.flat.patch.3d" if geometry == "flat" else geometry
        files = f"lh.{ending} and rh.{ending}"
        return f"{self.name} has no {geometry} geometry{where}. Import it again with {files}."


def _check_faces(name: str, faces: npt.NDArray[np.int32], *, n_vertices: int, least: int) -> None:
    is_table = faces.ndim == 2 and faces.shape[1] == 3 and len(faces) >= least
    if not is_table or faces.min(initial=0) < 0 or faces.max(initial=0) >= n_vertices:
        raise refusal(name, allowed=f"triangles of vertices 0 to {n_vertices - 1}", got=faces.shape)
