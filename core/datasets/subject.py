"""The subjects that ship with the program: voxels, the images they saw, responses. Never fits or predicts anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import check_choice
from core.datasets.noise import draw_noise
from core.errors import StorageError
from core.paths import demo_folder
from core.surfaces.arrays import Arrays, load_arrays
from core.types import VoxelTable


@dataclass(frozen=True, slots=True)
class SubjectInfo:
    """What a list of subjects shows; `kind` is "simulated" or "measured"."""

    id: str
    title: str
    kind: str
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One subject.

    Parameters
    ----------
    id, title : str
        Its catalogue id, and how it is named wherever it is shown.
    kind : str
        "simulated" or "measured".
    note : str
        What a reader must know about the data, in one or two sentences.
    citation, licence : str
        Whom to cite and under which terms the data are shared.
    surface : str
        The surface `voxels` lie on: "fsaverage5".
    response_unit : str
        Unit of the responses.
    voxels : VoxelTable
    image_ids : tuple of str, n_images long
        The image of each row of the responses.
    test : (n_images,) bool
        Held out: never used to fit.
    """

    id: str
    title: str
    kind: str
    note: str
    citation: str
    licence: str
    surface: str
    response_unit: str
    voxels: VoxelTable
    image_ids: tuple[str, ...]
    test: npt.NDArray[np.bool_]

    @property
    def info(self) -> SubjectInfo:
        """The short form for lists."""
        return SubjectInfo(self.id, self.title, self.kind, self.note)


def list_subjects() -> tuple[SubjectInfo, ...]:
    """Every shipped subject, the simulated one first. Raises StorageError if one is damaged."""
    headers = [_header(file.parent) for file in sorted(_subjects_folder().glob("*/subject.json"))]
    infos = [SubjectInfo(row["id"], row["title"], row["kind"], row["note"]) for row in headers]
    return tuple(sorted(infos, key=lambda info: (info.kind != "simulated", info.id)))


@lru_cache(maxsize=4)
def load_subject(identity: str) -> Subject:
    """The subject of that id, without its responses.

    Raises
    ------
    BadInputError
        If there is no such subject; the nearest id is named.
    StorageError
        If its files are missing or damaged.
    """
    folder = _find(identity)
    header, arrays = _header(folder), load_arrays(folder / "voxels.npz")
    try:
        return _build(header, arrays)
    except (KeyError, IndexError, TypeError) as error:
        raise StorageError(f"{folder} is damaged: {error} is missing. Install the program again.") from error


def load_responses(identity: str) -> npt.NDArray[np.float32]:
    """The responses of a subject, (n_images, n_repeats, n_voxels) in its unit; NaN for a repeat that was not run.

    Of a simulated subject the noiseless signal is stored, and the noise is drawn again from the stored seed.

    Raises
    ------
    BadInputError
        If there is no such subject.
    StorageError
        If its files are missing or damaged.
    """
    folder = _find(identity)
    arrays = load_arrays(folder / "responses.npz")
    if "responses" in arrays:
        return arrays["responses"].astype(np.float32)
    try:
        signal = arrays["signal"].astype(np.float32)[:, np.newaxis]
        noise = draw_noise(int(arrays["seed"]), shape=(signal.shape[0], int(arrays["n_repeats"]), signal.shape[2]))
        return signal + noise * arrays["noise_sd"]
    except KeyError as error:
        raise StorageError(f"{folder} is damaged: {error} is missing. Install the program again.") from error


def _subjects_folder() -> Path:
    return demo_folder() / "subjects"


def _find(identity: str) -> Path:
    known = {file.parent.name: file.parent for file in sorted(_subjects_folder().glob("*/subject.json"))}
    check_choice("subject", identity, known)
    return known[identity]


def _header(folder: Path) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads((folder / "subject.json").read_text(encoding="utf-8"))
        return header
    except (OSError, ValueError) as error:
        raise StorageError(f"{folder / 'subject.json'} cannot be read ({error}). Install the program again.") from error


def _build(header: dict[str, Any], arrays: Arrays) -> Subject:
    names = header["rois"]
    voxels = VoxelTable(
        hemisphere=arrays["hemisphere"].astype(np.int8),
        vertex=arrays["vertex"].astype(np.int32),
        roi=tuple(names[label - 1] if label else "" for label in arrays["roi"].tolist()),
        noise_ceiling=arrays["noise_ceiling"].astype(np.float32),
        paint=arrays["paint"].astype(np.int32),
    )
    texts = {name: header[name] for name in ("id", "title", "kind", "note", "citation", "licence", "surface")}
    return Subject(
        **texts,
        response_unit=header["response_unit"],
        voxels=voxels,
        image_ids=tuple(header["images"]),
        test=arrays["test"].astype(bool),
    )
