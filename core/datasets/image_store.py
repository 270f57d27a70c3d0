"""The way to the images a subject saw, wherever they lie: catalogue, folder of files, HDF5 array. Never copies them.

Each image is read when it is asked for, so a set of 73,000 costs nothing to open. An image of an imported subject is
named "SUBJECT:IMAGE" wherever images of several origins meet (the gallery, `--image`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.checks import refusal, suggest
from core.containers import reading
from core.datasets.photos import NETWORK_SIZE, load_stimulus
from core.datasets.subject import ImageSource, Subject, is_shipped, list_subjects, load_subject
from core.errors import StorageError
from core.images.read import read_image
from core.images.stimulus import Stimulus, make_stimulus
from core.images.transform import crop_resize
from core.types import ByteArray

SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class ImageStore:
    """The images of one subject.

    Parameters
    ----------
    subject : str
        Whose.
    source : ImageSource, optional
        Where they lie; None for the shipped catalogue.
    rows : dict
        The row of each image by its id.
    """

    subject: str
    source: ImageSource | None
    rows: dict[str, int]

    def load(self, image_id: str, size: int) -> Stimulus:
        """The image as a stimulus of size x size pixels.

        Raises BadInputError if the subject never saw it, or it is no usable image; StorageError if the folder or file
        with the images has gone.
        """
        if image_id not in self.rows:
            allowed, advice = f"an image of subject {self.subject!r}", suggest(image_id, list(self.rows))
            raise refusal("image", allowed=allowed, got=image_id, advice=advice)
        if self.source is None:
            return load_stimulus(image_id, size)
        return _load(self.source, self.source.members[self.rows[image_id]], identity=image_id, size=size)


def open_image_store(subject: Subject) -> ImageStore:
    """The images of a subject; nothing is read yet."""
    rows = {identity: row for row, identity in enumerate(subject.image_ids)}
    return ImageStore(subject=subject.id, source=subject.images, rows=rows)


def find_stimulus(key: str | Path, size: int = NETWORK_SIZE) -> Stimulus:
    """A stimulus by the id of a shipped image, by "SUBJECT:IMAGE" of an imported subject, or by a file's path.

    Raises BadInputError if it is none of these, and StorageError if the images of the subject have gone.
    """
    name, _, image = str(key).partition(SEPARATOR)
    if image and not is_shipped(name) and name in {info.id for info in list_subjects()}:
        return open_image_store(load_subject(name)).load(image, size)
    return load_stimulus(key, size)


def _load(source: ImageSource, member: str, *, identity: str, size: int) -> Stimulus:
    if not source.path.exists():
        raise StorageError(
            f"The images are no longer at {source.path}. Bring the folder back, or say where they are: "
            "`main.py subjects relink ID PATH`."
        )
    if source.kind == "files":
        stimulus = read_image(source.path / member, size=size)
        return replace(stimulus, id=identity)
    levels = read_row(source.path, source.key, int(member))
    resized = np.array(crop_resize(Image.fromarray(levels), size), dtype=np.uint8)
    return make_stimulus(identity, resized, source=f"{source.path}: {source.key}[{member}]")


def read_row(path: Path, key: str, row: int) -> ByteArray:
    """One image (height, width, 3) uint8 of an HDF5 array (n, height, width, 3).

    Raises StorageError if the file cannot be read or holds no such image.
    """
    import h5py

    what = f"file with image {row}"
    with reading(path, what, error=StorageError, advice="Copy it again."), h5py.File(path, "r") as file:
        levels: Any = file[key][row]
    if levels.ndim != 3 or levels.shape[2] != 3 or levels.dtype != np.uint8:
        raise StorageError(f"{path} holds no 8-bit RGB images in {key!r}: {levels.dtype} {levels.shape}.")
    return np.ascontiguousarray(levels)
