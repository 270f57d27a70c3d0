"""From the coordinates of a surface file to the space volumes lie in.

FreeSurfer's surfaces are in tkRAS: the origin is the middle of the volume they were made from, the axes are those of
its slices. Scanner RAS = vox2ras · vox2ras-tkr⁻¹ · tkRAS; for the usual conformed volume that is a shift by c_ras.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from core.checks import refusal

NO_TRANSFORM: npt.NDArray[np.float64] = np.eye(4)
NO_TRANSFORM.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class VolumeGeometry:
    """The volume a surface was made from: its size in voxels, voxel size in mm, axes and centre in scanner RAS."""

    FIELDS: ClassVar[tuple[str, ...]] = ("volume", "voxelsize", "xras", "yras", "zras", "cras")

    volume: npt.NDArray[np.float64]
    voxelsize: npt.NDArray[np.float64]
    xras: npt.NDArray[np.float64]
    yras: npt.NDArray[np.float64]
    zras: npt.NDArray[np.float64]
    cras: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in self.FIELDS}
        if any(shape != (3,) for shape in shapes.values()) or not (self.voxelsize > 0).all():
            raise refusal("volume geometry", allowed="six triples of numbers", got=shapes)

    def vox2ras(self) -> npt.NDArray[np.float64]:
        """From voxel indices to scanner RAS, (4, 4)."""
        axes = np.stack([self.xras, self.yras, self.zras], axis=1) * self.voxelsize
        return _centred(axes, self.volume / 2, centre=self.cras)

    def vox2ras_tkr(self) -> npt.NDArray[np.float64]:
        """From voxel indices to tkRAS, (4, 4)."""
        across, down, through = self.voxelsize
        axes = np.array([[-across, 0, 0], [0, 0, through], [0, -down, 0]])
        return _centred(axes, self.volume / 2, centre=np.zeros(3))


def surface_to_scanner(geometry: VolumeGeometry) -> npt.NDArray[np.float64]:
    """From tkRAS to scanner RAS, (4, 4)."""
    return np.asarray(geometry.vox2ras() @ np.linalg.inv(geometry.vox2ras_tkr()))


def _centred(
    axes: npt.NDArray[np.float64], middle: npt.NDArray[np.float64], *, centre: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The affine with these axes that takes `middle` to `centre`."""
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = centre - axes @ middle
    return affine
