"""Tells an imported subject where its images lie now. Never copies, renames or reads one."""

from __future__ import annotations

import json
from pathlib import Path

from core.checks import describe_refusal
from core.datasets.subject import HEADER_NAME, load_subject, user_subjects_folder
from core.errors import BadInputError
from core.files import replace_file


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
        raise BadInputError(describe_refusal("subject", allowed="an imported one", got=identity, advice=advice))
    missing = [name for name in source.members if not (place / name).is_file()] if source.kind == "files" else []
    if missing or not place.exists() or (source.kind == "hdf5" and place.is_dir()):
        got = f"{place}, without {missing[0]} and {len(missing) - 1} more" if missing else str(place)
        raise BadInputError(describe_refusal("images", allowed=f"where all images of {identity} are", got=got))
    file = user_subjects_folder() / identity / HEADER_NAME
    header = json.loads(file.read_text(encoding="utf-8"))
    header["image_source"]["path"] = str(place)
    text = json.dumps(header, indent=0, ensure_ascii=False) + "\n"
    replace_file(file, lambda partial: partial.write_text(text, encoding="utf-8"))
    return place
