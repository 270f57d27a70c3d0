"""Writes the files of one shipped subject: a JSON header beside plain arrays. Never decides what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.types import VoxelTable


def write_subject(
    folder: Path, header: dict[str, Any], *, voxels: VoxelTable, test: npt.NDArray[np.bool_], responses: dict[str, Any]
) -> None:
    """Write subject.json, voxels.npz and responses.npz into a folder named after the subject's id."""
    folder.mkdir(parents=True, exist_ok=True)
    names = voxels.roi_names
    labels = np.array([names.index(roi) + 1 if roi else 0 for roi in voxels.roi], dtype=np.int16)
    text = json.dumps(header | {"rois": names}, indent=1, ensure_ascii=False)
    (folder / "subject.json").write_text(text + "\n", encoding="utf-8")
    np.savez_compressed(
        folder / "voxels.npz",
        allow_pickle=False,
        hemisphere=voxels.hemisphere,
        vertex=voxels.vertex,
        roi=labels,
        noise_ceiling=voxels.noise_ceiling,
        paint=voxels.paint,
        test=test,
    )
    np.savez_compressed(folder / "responses.npz", allow_pickle=False, **responses)
