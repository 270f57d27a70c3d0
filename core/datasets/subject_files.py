"""Writes the files of an imported subject, and removes one. Never touches a shipped subject."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Literal

import numpy as np

from core.checks import check_choice, refusal
from core.datasets.import_options import ImportOptions
from core.datasets.recording import Recording
from core.datasets.subject import HEADER_NAME, VOXELS_NAME, SubjectHeader, is_shipped, user_subjects_folder
from core.errors import StorageError
from core.headers import unstructure, write_json
from core.types import BoolArray, IntArray, VoxelTable


def write_subject(
    folder: Path, recording: Recording, options: ImportOptions, *, table: VoxelTable, held: BoolArray
) -> None:
    """Write header and voxels beside the responses that are already in `folder`."""
    write_files(folder, _header(recording, options, table), table, held=held, n_trials=recording.n_trials)


def write_files(folder: Path, header: SubjectHeader, table: VoxelTable, *, held: BoolArray, n_trials: IntArray) -> None:
    """Write a header and the voxels it names the ROIs of; `held` and `n_trials` are (n_images,)."""
    label = {name: number for number, name in enumerate(header.rois, start=1)} | {"": 0}
    np.savez(
        folder / VOXELS_NAME,
        hemisphere=table.hemisphere,
        vertex=table.vertex,
        roi=np.array([label[name] for name in table.roi], dtype=np.int16),
        noise_ceiling=table.noise_ceiling,
        paint=table.paint,
        test=held,
        n_trials=n_trials.astype(np.int32),
    )
    write_header(folder, header)


def write_header(folder: Path, header: SubjectHeader) -> None:
    """Write or replace a subject's header alone. Raises StorageError."""
    stated = {name: value for name, value in unstructure(header).items() if value is not None}
    write_json(folder / HEADER_NAME, stated, indent=0)


def remove_subject(identity: str) -> Path:
    """Delete an imported subject; its images, which lie elsewhere, and its encoders stay.

    Raises
    ------
    BadInputError
        If it ships with the program or is not there.
    StorageError
        If the folder cannot be deleted.
    """
    if is_shipped(identity):
        advice = f"{identity} ships with the program and stays."
        raise refusal("subject", allowed="an imported one", got=identity, advice=advice)
    root = user_subjects_folder()
    # Also one that is damaged and hence on no list.
    known = [entry.name for entry in sorted(root.iterdir()) if entry.is_dir()] if root.is_dir() else []
    check_choice("subject", identity, known, advice="" if known else "No subject was imported yet.")
    folder = root / identity
    leaving = root / f".{identity}.{uuid.uuid4().hex[:8]}.part"
    try:
        folder.rename(leaving)  # first out of sight: a half-deleted folder is never found
        shutil.rmtree(leaving)
    except OSError as error:
        raise StorageError(f"{folder} cannot be removed ({error.strerror or error}). Remove it by hand.") from error
    return folder


def _header(recording: Recording, options: ImportOptions, table: VoxelTable) -> SubjectHeader:
    origin: Literal["simulated", "measured"] = "simulated" if recording.is_simulated else "measured"
    title = options.title or recording.title
    return SubjectHeader(
        id=options.subject,
        title=title if origin in title else f"{title} ({origin})",
        kind=origin,
        note=" ".join([recording.note, *recording.remarks]).strip(),
        citation=recording.citation,
        licence=recording.licence,
        surface=recording.surface,
        response_unit=recording.response_unit,
        rois=table.roi_names,
        images=recording.image_ids,
        categories=recording.categories,
        image_source=recording.images,
        imported={"kind": recording.kind, "source": str(recording.source), "person": recording.participant},
    )
