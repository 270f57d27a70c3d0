"""Draws the simulated subject: what each voxel truly responds to and how noisy it is.

Early areas have receptive fields over early stages of the teacher; category areas weigh its late stages along the axis
of what they prefer, plus a mixture of main components. Axes change smoothly over the cortex. Noise is Gaussian
with a level of its own for each voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from simulated_axes import (
    EARLY_STAGES,
    LATE,
    N_CHANNEL_AXES,
    Array,
    ChannelAxes,
    TeacherFeatures,
    TrueAxes,
    standardise,
)
from simulated_preferences import PREFERENCES, Components, solve_components, solve_preference
from simulated_voxels import STAGE_OF_ROI, Retinotopy, effective_sigma

from core.surfaces.mesh import CorticalSurface
from core.types import VoxelTable

SMOOTHNESS = 8.0
"""SD of the smoothing kernel in mm, on the sphere of radius 100 mm."""

MIXTURE_SHARE = {"OFA": 0.9, "EBA": 0.8, "OPA": 0.9, "RSC": 0.8}
USUAL_MIXTURE_SHARE = 0.6
"""SD of the mixture of components in a category voxel, where the preferred axis has SD 1; more in posterior areas."""

N_MIXED = 16
"""Main components that are mixed."""

LEAST_NCSNR, MOST_NCSNR = 0.3, 1.5
"""Range of signal SD over noise SD of a single trial, spread evenly on a log axis."""
NOISE_JITTER = 0.5


def draw_axes(
    voxels: VoxelTable,
    features: TeacherFeatures,
    *,
    channels: dict[str, ChannelAxes],
    surface: CorticalSurface,
    fields: Retinotopy,
    groups: Sequence[str],
    seed: int,
) -> TrueAxes:
    """Draw what every voxel responds to and standardise its signal over the images.

    Parameters
    ----------
    voxels : VoxelTable
    features : TeacherFeatures
        Of the subject's images.
    channels : dict of ChannelAxes
        The channel axes its maps were made with, by early stage.
    surface, fields : CorticalSurface, Retinotopy
        Where vertices lie and where their receptive fields are.
    groups : sequence of str, n_images long
        What each image shows.
    seed : int
        Of the drawn mixtures.
    """
    draw = np.random.default_rng(seed)
    components = solve_components(features.pooled)
    stage = np.array([EARLY_STAGES.index(STAGE_OF_ROI[roi]) if roi in STAGE_OF_ROI else LATE for roi in voxels.roi])
    mixture = smooth_fields(voxels, surface, n_fields=N_CHANNEL_AXES, draw=draw) * (stage != LATE)[:, np.newaxis]
    centre, sigma = _look_up(voxels, fields)
    axes = TrueAxes(
        stage=stage.astype(np.int8),
        centre=centre,
        sigma=sigma,
        mixture=mixture.astype(np.float32),
        channels=channels,
        pooled_mean=components.mean,
        basis=components.basis,
        late=_draw_late(voxels, components, surface=surface, groups=groups, draw=draw),
        offset=np.zeros(voxels.n_voxels, dtype=np.float32),
        scale=np.ones(voxels.n_voxels, dtype=np.float32),
    )
    offset, scale = standardise(axes.raw_signal(features))
    return replace(axes, offset=offset, scale=scale)


def draw_noise_levels(voxels: VoxelTable, surface: CorticalSurface, *, seed: int) -> Array:
    """SD of each voxel's noise in a single trial, (n_voxels,), in SDs of its signal; smooth with some jitter."""
    draw = np.random.default_rng(seed)
    level = smooth_fields(voxels, surface, n_fields=1, draw=draw)[:, 0]
    level += NOISE_JITTER * draw.standard_normal(voxels.n_voxels)
    part = (rankdata(level) - 1) / max(1, voxels.n_voxels - 1)
    ncsnr = LEAST_NCSNR * (MOST_NCSNR / LEAST_NCSNR) ** part
    return (1.0 / ncsnr).astype(np.float32)


def _look_up(voxels: VoxelTable, fields: Retinotopy) -> tuple[Array, Array]:
    places = list(zip(voxels.hemisphere.tolist(), voxels.vertex.tolist(), strict=True))
    centre = np.array([fields.centre(side, vertex) for side, vertex in places], dtype=np.float32)
    sigma = [effective_sigma(fields, side, vertices=np.array([vertex]))[0] for side, vertex in places]
    return centre, np.array(sigma, dtype=np.float32)


def _draw_late(
    voxels: VoxelTable,
    components: Components,
    *,
    surface: CorticalSurface,
    groups: Sequence[str],
    draw: np.random.Generator,
) -> Array:
    """Axes of category voxels in components of unit variance, (n_voxels, n_components); 0 for early voxels."""
    late = np.zeros((voxels.n_voxels, components.n_components))
    mixed = smooth_fields(voxels, surface, n_fields=N_MIXED, draw=draw)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    for roi, preference in PREFERENCES.items():
        members = voxels.voxels_in(roi)
        late[members] = solve_preference(components.scores, groups, preference)
        late[members, :N_MIXED] += MIXTURE_SHARE.get(roi, USUAL_MIXTURE_SHARE) * mixed[members]
    return late.astype(np.float32)


def smooth_fields(
    voxels: VoxelTable, surface: CorticalSurface, *, n_fields: int, draw: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Random fields over the voxels, (n_voxels, n_fields): normal with variance 1, smooth within each hemisphere."""
    values = np.empty((voxels.n_voxels, n_fields))
    for side in (0, 1):
        here = np.flatnonzero(voxels.hemisphere == side)
        points = surface.side(side).geometries["sphere"][voxels.vertex[here]].astype(np.float64)
        squared = ((points[:, np.newaxis] - points) ** 2).sum(axis=2)
        kernel = np.exp(-squared / (2 * SMOOTHNESS**2))
        kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
        values[here] = kernel @ draw.standard_normal((len(here), n_fields))
    return values
