"""Sets where the images of an imported subject lie. Never copies, renames or reads one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.checks import refusal
from core.datasets.subject import load_subject, read_subject_header, user_subjects_folder
from core.datasets.subject_files import write_header


def relink_images(identity: str, path: Path) -> Path:
    """Point a subject at the folder or HDF5 file its images have moved to; returns it.

    Raises
    ------
    BadInputError
        If the subject ships with the program, or an image is not there.
    StorageError
        If the subject cannot be read or written.
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
    header = replace(read_subject_header(folder), image_source=replace(source, path=place))
    write_header(folder, header)
    return place
