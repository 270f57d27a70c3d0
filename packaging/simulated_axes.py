"""What each simulated voxel truly responds to, as an axis in the teacher's features.

An early voxel sums maps of the main channel axes of one stage under its receptive field g:
    s_v = (sum_k u_vk sum_p g_v(p) map_k(p) - offset_v) / scale_v
A late voxel weighs the late stages, averaged over places:
    s_v = (a_v . (pooled - mean) - offset_v) / scale_v,   a_v = basis a'_v
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.containers import Arrays, load_arrays
from core.types import FloatArray

Array = npt.NDArray[np.float32]

EARLY_STAGES = ("layer1", "layer2", "layer3")
LATE_STAGES = ("layer3", "layer4")
LATE = len(EARLY_STAGES)
"""`TrueAxes.stage` of a late voxel."""

N_CHANNEL_AXES = 12
IMAGE_SPAN = 12.0
"""Degrees of visual angle a side of the image spans for the simulated subject."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelAxes:
    """Main axes of the channels of one stage: mean (n_channels,), weights (n_channels, n_axes)."""

    mean: Array
    weights: Array

    def project(self, features: Array) -> Array:
        """Features (n, n_channels, h, w) as maps (n, n_axes, h, w)."""
        centred = features - self.mean[:, np.newaxis, np.newaxis]
        return np.asarray(np.einsum("nchw,ck->nkhw", centred, self.weights, optimize=True), dtype=np.float32)


def solve_channel_axes(places: Array, n_axes: int = N_CHANNEL_AXES) -> ChannelAxes:
    """Principal axes of channel vectors (n_places, n_channels), half whitened: axis k has the variance sqrt(lambda_k).

    Whitening fully would give the last axis, mostly noise, the weight of the first; not at all, the first would be all.
    """
    mean = places.mean(axis=0, dtype=np.float64)
    centred = places - mean.astype(np.float32)
    values, vectors = np.linalg.eigh(np.asarray(centred.T @ centred, dtype=np.float64) / len(places))
    main = vectors[:, ::-1][:, :n_axes] / values[::-1][:n_axes] ** 0.25
    signs = np.sign(main[np.abs(main).argmax(axis=0), np.arange(n_axes)])
    return ChannelAxes(mean.astype(np.float32), (main * signs).astype(np.float32))


def receptive_field(centre: tuple[float, float], sigma: float, *, side: int, span: float = IMAGE_SPAN) -> Array:
    """A Gaussian receptive field on a grid over the image, (side, side) float32, row 0 at the top; it sums to 1.

    Parameters
    ----------
    centre : pair of float
        Right and up of the image's centre, in degrees.
    sigma : float
        SD in degrees.
    side : int
        Cells along a side of the grid.
    span : float
        Degrees the image spans.
    """
    cells = ((np.arange(side) + 0.5) / side - 0.5) * span
    across = np.exp(-0.5 * ((cells - centre[0]) / sigma) ** 2)
    upward = np.exp(-0.5 * ((-cells - centre[1]) / sigma) ** 2)
    field = np.outer(upward, across)
    return np.asarray(field / field.sum(), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TeacherFeatures:
    """What the axes need of the teacher's features for some images.

    maps: by early stage, (n_images, n_axes, h, w) along its channel axes; pooled: (n_images, n_features), the late
    stages averaged over places, side by side.
    """

    maps: dict[str, Array]
    pooled: Array


@dataclass(frozen=True, slots=True, eq=False)
class TrueAxes:
    """The axes of all voxels of a simulated subject.

    Parameters
    ----------
    stage : (n_voxels,) int8
        Index into `EARLY_STAGES`, or `LATE`.
    centre : (n_voxels, 2), sigma : (n_voxels,) float32
        Receptive field in degrees, right and up; unused for late voxels.
    mixture : (n_voxels, n_axes) float32
        Weights u of the channel axes; 0 for late voxels.
    channels : dict of ChannelAxes
        By early stage.
    pooled_mean : (n_features,), basis : (n_features, n_components), late : (n_voxels, n_components) float32
        Late axes a' in a basis of the pooled features; 0 for early voxels.
    offset, scale : (n_voxels,) float32
        Mean and SD over the subject's images, so that the signal has SD 1.
    """

    stage: npt.NDArray[np.int8]
    centre: Array
    sigma: Array
    mixture: Array
    channels: dict[str, ChannelAxes]
    pooled_mean: Array
    basis: Array
    late: Array
    offset: Array
    scale: Array

    def signal(self, features: TeacherFeatures) -> Array:
        """The noiseless signals, (n_images, n_voxels)."""
        return (self.raw_signal(features) - self.offset) / self.scale

    def raw_signal(self, features: TeacherFeatures) -> Array:
        """The signals before offset and scale, (n_images, n_voxels)."""
        signals = np.empty((len(features.pooled), len(self.stage)), dtype=np.float32)
        for index, stage in enumerate(EARLY_STAGES):
            voxels = np.flatnonzero(self.stage == index)
            signals[:, voxels] = self._under_fields(voxels, features.maps[stage])
        late = self.stage == LATE
        signals[:, late] = (features.pooled - self.pooled_mean) @ self.basis @ self.late[late].T
        return signals

    def _under_fields(self, voxels: npt.NDArray[np.int64], maps: Array) -> Array:
        side = maps.shape[-1]
        fields = [
            receptive_field((float(x), float(y)), float(sigma), side=side).ravel()
            for (x, y), sigma in zip(self.centre[voxels], self.sigma[voxels], strict=True)
        ]
        if not fields:
            return np.empty((len(maps), 0), dtype=np.float32)
        pooled = maps.reshape(*maps.shape[:2], -1) @ np.stack(fields, axis=1)
        return np.asarray(np.einsum("nkv,vk->nv", pooled, self.mixture[voxels]), dtype=np.float32)

    def to_arrays(self) -> Arrays:
        """Every field as named arrays, for a file."""
        plain = ("stage", "centre", "sigma", "mixture", "pooled_mean", "basis", "late", "offset", "scale")
        arrays: Arrays = {name: getattr(self, name) for name in plain}
        for stage, axes in self.channels.items():
            arrays |= {f"channel_mean_{stage}": axes.mean, f"channel_weights_{stage}": axes.weights}
        return arrays


def load_true_axes(file: Path) -> TrueAxes:
    """The axes stored beside a simulated subject (`axes.npz`). Raises StorageError if it is missing or damaged."""
    arrays = load_arrays(file)
    channels = {
        stage: ChannelAxes(arrays.pop(f"channel_mean_{stage}"), arrays.pop(f"channel_weights_{stage}"))
        for stage in EARLY_STAGES
    }
    return TrueAxes(channels=channels, **arrays)


def standardise(raw: FloatArray) -> tuple[Array, Array]:
    """(offset, scale) that give raw signals (n_images, n_voxels) mean 0 and SD 1; scale 1 if one never varies."""
    scale = raw.std(axis=0, dtype=np.float64)
    return raw.mean(axis=0, dtype=np.float64).astype(np.float32), np.where(scale > 0, scale, 1.0).astype(np.float32)
