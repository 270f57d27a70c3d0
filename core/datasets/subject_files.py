"""Writes the files of a subject, says where its images have moved to, removes it. Never touches a shipped one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from core.checks import check_choice, refusal
from core.datasets.import_options import ID_PATTERN, ImportOptions
from core.datasets.recording import Recording
from core.datasets.subject import (
    HEADER_NAME,
    VOXELS_NAME,
    SubjectHeader,
    is_shipped,
    list_subjects,
    load_subject,
    read_subject_header,
    user_subjects_folder,
)
from core.errors import StorageError
from core.files import name_partial, new_folder
from core.headers import unstructure, write_json
from core.types import BoolArray, IntArray, VoxelTable


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


def save_bare_subject(header: SubjectHeader, voxels: VoxelTable) -> Path:
    """Write a subject that has voxels and no recordings, what an imported encoder predicts; returns its folder.

    It can be chosen, targeted and probed, and not fitted to. Raises as `check_new`, and StorageError if it cannot be
    written; nothing half-written stays.
    """
    check_new(header.id)
    check_choice("kind", header.kind, ("measured", "simulated"))
    none = np.zeros(0, dtype=np.int64)
    with new_folder(user_subjects_folder() / header.id) as folder:
        write_files(folder, header, voxels, held=none.astype(bool), n_trials=none)
    return user_subjects_folder() / header.id


def check_new(identity: str) -> None:
    """Raise BadInputError if an id is none a folder could have, or a subject of that id is there already."""
    if not ID_PATTERN.fullmatch(identity):
        raise refusal("new_subject", allowed="1 to 64 letters, digits, _ or -", got=identity)
    if identity in {info.id for info in list_subjects()}:
        advice = "Choose another id, or use that subject."
        raise refusal("new_subject", allowed="an id not in use", got=identity, advice=advice)


def relink_images(identity: str, path: Path) -> Path:
    """Point a subject at the folder or HDF5 file its images have moved to; returns it. Reads and copies none.

    Raises BadInputError if the subject ships with the program, or an image is not there; StorageError if the subject
    cannot be read or written.
    """
    source, place = load_subject(identity).images, path.expanduser().absolute()
    if source is None:
        advice = f"{identity} ships with the program, as its images do."
        raise refusal("subject", allowed="an imported one", got=identity, advice=advice)
    missing = [name for name in source.members if not (place / name).is_file()] if source.kind == "files" else []
    if missing or not place.exists() or (source.kind == "hdf5" and place.is_dir()):
        got = f"{place}, without {missing[0]} and {len(missing) - 1} more" if missing else str(place)
        raise refusal("images", allowed=f"where all images of {identity} are", got=got)
    folder = user_subjects_folder() / identity
    write_header(folder, replace(read_subject_header(folder), image_source=replace(source, path=place)))
    return place


def remove_subject(identity: str) -> Path:
    """Delete an imported subject; its images, which lie elsewhere, and its encoders stay.

    Raises BadInputError if it ships with the program or is not there, and StorageError if the folder cannot be deleted.
    """
    if is_shipped(identity):
        advice = f"{identity} ships with the program and stays."
        raise refusal("subject", allowed="an imported one", got=identity, advice=advice)
    root = user_subjects_folder()
    # Also one that is damaged and hence on no list.
    known = [entry.name for entry in sorted(root.iterdir()) if entry.is_dir()] if root.is_dir() else []
    check_choice("subject", identity, known, advice="" if known else "No subject was imported yet.")
    folder = root / identity
    leaving = name_partial(folder)
    try:
        folder.rename(leaving)  # first out of sight: a half-deleted folder is never found
        shutil.rmtree(leaving)
    except OSError as error:
        raise StorageError(f"{folder} cannot be removed ({error.strerror or error}). Remove it by hand.") from error
    return folder


def make_header(recording: Recording, options: ImportOptions, table: VoxelTable) -> SubjectHeader:
    """The header of an imported recording; `table` holds its kept voxels."""
    origin: Literal["simulated", "measured"] = "simulated" if recording.is_simulated else "measured"
    title = options.title or recording.title
    same = ("citation", "licence", "surface", "response_unit", "categories")
    return SubjectHeader(
        **{name: getattr(recording, name) for name in same},
        id=options.subject,
        title=title if origin in title else f"{title} ({origin})",
        kind=origin,
        note=" ".join([recording.note, *recording.remarks]).strip(),
        rois=table.roi_names,
        images=recording.image_ids,
        image_source=recording.images,
        imported={"kind": recording.kind, "source": str(recording.source), "person": recording.participant},
    )
