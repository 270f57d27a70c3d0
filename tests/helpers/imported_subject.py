"""Writes a small imported subject by hand, in the layout of `core.datasets.subject`. Never uses the importers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.paths import data_folder


def write_imported(
    identity: str = "mine", *, means: np.ndarray, source: dict[str, Any], images: list[str], n_test: int = 1
) -> Path:
    """A folder under the user's subjects; the last `n_test` images are held out."""
    folder = data_folder() / "subjects" / identity
    folder.mkdir(parents=True)
    n_images, n_voxels = means.shape
    texts = dict.fromkeys(("note", "citation", "licence"), "")
    header = texts | {
        "id": identity,
        "title": f"Subject {identity} (measured)",
        "kind": "measured",
        "surface": "fsaverage5",
        "response_unit": "z",
        "images": images,
        "rois": ["FFA"],
        "categories": ["face"] * n_images,
        "image_source": source,
    }
    (folder / "subject.json").write_text(json.dumps(header), encoding="utf-8")
    vertex = np.arange(n_voxels, dtype=np.int32)
    np.savez(
        folder / "voxels.npz",
        hemisphere=np.zeros(n_voxels, np.int8),
        vertex=vertex,
        roi=np.ones(n_voxels, np.int16),
        noise_ceiling=np.full(n_voxels, 0.5, np.float32),
        paint=np.stack([np.zeros_like(vertex), vertex, vertex], axis=1),
        test=np.arange(n_images) >= n_images - n_test,
        n_trials=np.full(n_images, 3, np.int16),
    )
    np.save(folder / "responses.npy", means.astype(np.float32))
    return folder
