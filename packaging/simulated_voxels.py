"""Where the voxels of the simulated subject lie, and their receptive fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from simulated_axes import IMAGE_SPAN

from core.containers import load_arrays
from core.paths import resources_folder
from core.surfaces.atlas import ATLAS_FILE, Atlas
from core.types import VoxelTable

STAGE_OF_ROI = {"V1": "layer1", "V2": "layer2", "V3": "layer2", "hV4": "layer3", "VO": "layer3", "LO": "layer3"}
"""The stage of the teacher each area with receptive fields reads; category areas read the late stages."""

LEAST_INSIDE = 0.5
"""A vertex gets a voxel if at least this part of its receptive field lies inside the image."""

VERTEX_SCATTER = 0.5
"""Degrees added in quadrature to each receptive field: a vertex of fsaverage5 stands for 3-4 mm of cortex."""


@dataclass(frozen=True, slots=True, eq=False)
class Retinotopy:
    """The receptive field of each vertex, after the template of Benson et al. (2014, 2018).

    Parameters
    ----------
    angle : pair of (n_vertices,) float32
        Polar angle in degrees from the upper vertical meridian, 0 to 180, in the field opposite to the hemisphere.
    eccentricity, sigma : pair of (n_vertices,) float32
        Distance from the fixation point, and SD of the receptive field, in degrees of visual angle.
    """

    angle: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    eccentricity: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    sigma: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]

    def centre(self, side: int, vertex: int) -> tuple[float, float]:
        """Receptive field centre (right, up) in degrees from the fixation point; the left hemisphere sees the right."""
        angle = np.deg2rad(float(self.angle[side][vertex]))
        eccentricity = float(self.eccentricity[side][vertex])
        outward = eccentricity * np.sin(angle)
        return (outward if side == 0 else -outward), eccentricity * np.cos(angle)


def load_retinotopy() -> Retinotopy:
    """The shipped receptive fields of fsaverage5. Raises StorageError if their file is missing or damaged."""
    arrays = load_arrays(resources_folder() / "surfaces" / ATLAS_FILE)
    pairs = {name: (arrays[f"{name}_left"], arrays[f"{name}_right"]) for name in ("angle", "eccentricity", "sigma")}
    return Retinotopy(**pairs)


def choose_voxels(atlas: Atlas, fields: Retinotopy) -> VoxelTable:
    """One voxel at every vertex of every ROI, but of early areas only where the receptive field is in the image.

    Ordered by ROI as in the atlas, then left before right, then by vertex. The noise ceiling is still 0.
    """
    rows: list[tuple[int, int, str]] = []
    for roi in atlas.names:
        for side in (0, 1):
            vertices = atlas.vertices_in(side, roi)
            if roi in STAGE_OF_ROI:
                vertices = vertices[part_inside(fields, side, vertices=vertices) >= LEAST_INSIDE]
            rows += [(side, int(vertex), roi) for vertex in vertices]
    sides, places, rois = zip(*rows, strict=True)
    voxels = np.arange(len(rows))
    return VoxelTable(
        hemisphere=np.array(sides, dtype=np.int8),
        vertex=np.array(places, dtype=np.int32),
        roi=tuple(rois),
        noise_ceiling=np.zeros(len(rows), dtype=np.float32),
        paint=np.stack([sides, places, voxels], axis=1).astype(np.int32),
    )


def part_inside(fields: Retinotopy, side: int, *, vertices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The part of each vertex's receptive field that lies inside the image, (n_vertices,) in [0, 1]."""
    centres = np.array([fields.centre(side, int(vertex)) for vertex in vertices]).reshape(-1, 2)
    sigma = effective_sigma(fields, side, vertices=vertices)[:, np.newaxis]
    below, above = (-IMAGE_SPAN / 2 - centres) / sigma, (IMAGE_SPAN / 2 - centres) / sigma
    return np.asarray((ndtr(above) - ndtr(below)).prod(axis=1))


def effective_sigma(fields: Retinotopy, side: int, *, vertices: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """SD of the receptive field of a voxel at each vertex, in degrees."""
    return np.asarray(np.hypot(fields.sigma[side][vertices].astype(np.float64), VERTEX_SCATTER))
