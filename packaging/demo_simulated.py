"""Makes the simulated subject from the teacher's features of the photographs. Never ships the teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from demo_subject_files import write_subject
from simulated_axes import EARLY_STAGES, IMAGE_SPAN, ChannelAxes, TeacherFeatures
from simulated_subject import draw_axes, draw_noise_levels
from simulated_voxels import choose_voxels, load_retinotopy

from core.datasets.photos import find_image
from core.datasets.subject import draw_noise
from core.encoders.responses import estimate_noise_ceiling
from core.surfaces.atlas import load_atlas
from core.surfaces.store import load_fsaverage5
from core.types import VoxelTable

IDENTITY = "simulated"
N_REPEATS = 3
AXES_SEED, LEVELS_SEED, NOISE_SEED = 101, 102, 103

HEADER = {
    "id": IDENTITY,
    "title": "Simulated subject",
    "kind": "simulated",
    "note": "Simulated: no brain was measured. Each voxel is a known axis in the features of a teacher network that is "
    f"never offered here (early areas: receptive fields, images spanning {IMAGE_SPAN:g} degrees; later areas: category "
    "axes), plus Gaussian noise with a level of its own, 3 repeats.",
    "citation": "Made by this program. Receptive fields: Benson et al. 2014, 2018. Teacher: ResNet-50 trained on "
    "ImageNet (He et al. 2016).",
    "licence": "CC0",
    "surface": "fsaverage5",
    "response_unit": "z (simulated)",
}


def build_simulated(features_file: Path, *, subjects: Path) -> VoxelTable:
    """Write the subject's files from the file `demo_teacher.extract` wrote; returns its voxels."""
    stored = np.load(features_file, allow_pickle=False)
    image_ids = [str(identity) for identity in stored["images"]]
    infos = [find_image(identity) for identity in image_ids]
    maps = {stage: stored[f"map_{stage}"].astype(np.float32) for stage in EARLY_STAGES}
    features = TeacherFeatures(maps, stored["pooled"])
    surface, fields = load_fsaverage5(), load_retinotopy()
    voxels = choose_voxels(load_atlas(), fields)
    axes = draw_axes(
        voxels,
        features,
        channels={stage: ChannelAxes(stored[f"mean_{stage}"], stored[f"weights_{stage}"]) for stage in EARLY_STAGES},
        surface=surface,
        fields=fields,
        groups=[info.group for info in infos],
        seed=AXES_SEED,
    )
    signal = axes.signal(features).astype(np.float16)
    noise_sd = draw_noise_levels(voxels, surface, seed=LEVELS_SEED)
    test = np.array([info.split == "test" for info in infos])
    noise = draw_noise(NOISE_SEED, shape=(len(infos), N_REPEATS, voxels.n_voxels)) * noise_sd
    ceiling = estimate_noise_ceiling(signal.astype(np.float32)[:, np.newaxis] + noise, scored=test)
    voxels = replace(voxels, noise_ceiling=ceiling.astype(np.float32))
    responses = {"signal": signal, "noise_sd": noise_sd, "seed": np.int64(NOISE_SEED), "n_repeats": np.int64(N_REPEATS)}
    write_subject(subjects / IDENTITY, HEADER | {"images": image_ids}, voxels=voxels, test=test, responses=responses)
    np.savez_compressed(subjects / IDENTITY / "axes.npz", allow_pickle=False, **axes.to_arrays())
    return voxels
