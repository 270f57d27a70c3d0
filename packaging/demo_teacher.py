"""Runs the teacher over the photographs and keeps what the simulated subject needs. Never ships the teacher.

Of the early stages it keeps maps of the main channel axes at every place; of the late ones the average over places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from simulated_axes import EARLY_STAGES, LATE_STAGES, ChannelAxes, solve_channel_axes

from core.datasets.photos import load_stimulus

BATCH = 16
PILOT_IMAGES = 160
PILOT_SEED = 5
Arrays = dict[str, npt.NDArray[np.float32]]


def extract(teacher: torch.nn.Module, image_ids: Sequence[str], *, out: Path) -> None:
    """Write the channel axes, the maps (n_images, n_axes, h, w) and the averages (n_images, n_features) as one .npz."""
    pilot = np.random.default_rng(PILOT_SEED).choice(len(image_ids), min(PILOT_IMAGES, len(image_ids)), replace=False)
    axes = find_axes(teacher, [image_ids[index] for index in sorted(pilot)])
    maps: dict[str, list[npt.NDArray[np.float32]]] = {stage: [] for stage in EARLY_STAGES}
    pooled: list[npt.NDArray[np.float32]] = []
    for features in iter_features(teacher, image_ids):
        for stage in EARLY_STAGES:
            maps[stage].append(axes[stage].project(features[stage]).astype(np.float16))
        pooled.append(pool_late(features))
        print(f"{sum(map(len, pooled))} of {len(image_ids)} images", flush=True)
    arrays = {f"map_{stage}": np.concatenate(maps[stage]) for stage in EARLY_STAGES}
    for stage in EARLY_STAGES:
        arrays |= {f"mean_{stage}": axes[stage].mean, f"weights_{stage}": axes[stage].weights}
    np.savez(out, allow_pickle=False, pooled=np.concatenate(pooled), images=np.array(image_ids), **arrays)


def find_axes(teacher: torch.nn.Module, image_ids: Sequence[str]) -> dict[str, ChannelAxes]:
    """The main channel axes of each early stage over all places of some images."""
    places: dict[str, list[npt.NDArray[np.float32]]] = {stage: [] for stage in EARLY_STAGES}
    for features in iter_features(teacher, image_ids):
        for stage in EARLY_STAGES:
            thinned = features[stage][:, :, ::2, ::2]
            places[stage].append(thinned.transpose(0, 2, 3, 1).reshape(-1, thinned.shape[1]))
    return {stage: solve_channel_axes(np.concatenate(places[stage])) for stage in EARLY_STAGES}


def pool_late(features: Arrays) -> npt.NDArray[np.float32]:
    """The late stages averaged over places, side by side: (n, n_features)."""
    return np.concatenate([features[stage].mean(axis=(2, 3)) for stage in LATE_STAGES], axis=1)


def iter_features(teacher: torch.nn.Module, image_ids: Sequence[str]) -> Iterator[Arrays]:
    """The features of each stage, batch after batch."""
    for start in range(0, len(image_ids), BATCH):
        pixels = np.stack([load_stimulus(identity).pixels for identity in image_ids[start : start + BATCH]])
        with torch.inference_mode():
            features = teacher(torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last))
        yield {stage: values.numpy() for stage, values in features.items()}
