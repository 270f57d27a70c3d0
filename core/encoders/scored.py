"""What a fit is given and what its readouts give back, as frozen records of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.encoders.card import FloatMatrix
from core.encoders.reduce import Reducer
from core.encoders.regions import Grid
from core.encoders.tasks import Task
from core.types import BoolArray, FloatArray, VoxelTable


@dataclass(frozen=True, slots=True, eq=False)
class ScoredImages:
    """What an encoder is fitted to and scored on.

    Parameters
    ----------
    features : (n_images, n_inputs) float32
        Pooled, maybe projected, features of `network_sha256`.
    responses : (n_images, n_voxels)
        Mean over repeats, in `response_unit`; read a batch of voxels at a time, so a memory map is welcome.
    images : tuple of str, n_images long
        What identifies images (the hash of the pixels): copies of one image stay in one fold.
    test : (n_images,) bool
        The held-out images.
    noise_ceiling : (n_voxels,)
        Of the scored responses.
    voxels : VoxelTable, optional
        Needed for regions and ROI intervals.
    categories : tuple of str
        Of each image, or empty.
    grid : (channels, rows, columns), optional
        Of the pooled feature map; needed for regions.
    """

    features: FloatMatrix
    responses: FloatArray
    images: tuple[str, ...]
    test: BoolArray
    noise_ceiling: FloatArray
    response_unit: str
    network_sha256: str
    voxels: VoxelTable | None = None
    categories: tuple[str, ...] = ()
    grid: Grid | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SecondSet:
    """Other images with responses of the same voxels or ROIs, to be predicted by the encoder as it is.

    features (n_images, n_inputs), responses (n_images, n_voxels of `voxels`), images: what identifies them.
    """

    name: str
    features: FloatMatrix
    responses: FloatArray
    images: tuple[str, ...]
    voxels: VoxelTable


@dataclass(slots=True, eq=False)
class TaskResult:
    """A task's numbers.

    Parameters
    ----------
    predicted : (n_predict, n_voxels) float32
    alpha, cv_r, intercept, reference_sd : (n_voxels,)
    reducers, weights : list
        Of each group of voxels its reducer and weights (rank, n_group).
    """

    task: Task
    predicted: FloatArray
    alpha: FloatArray
    cv_r: FloatArray
    intercept: FloatArray
    reference_sd: FloatArray
    reducers: list[Reducer] = field(default_factory=list)
    weights: list[FloatArray] = field(default_factory=list)
