"""The way to the images a subject saw, wherever they lie: catalogue, folder of files, HDF5 array. Never copies them.

Each image is read when it is asked for, so a set of 73,000 costs nothing to open. An image of an imported subject is
named "SUBJECT:IMAGE" wherever images of several origins meet (the gallery, `--image`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from core.checks import refusal, suggest
from core.datasets.array_files import ImageFile, open_images
from core.datasets.image_files import find_ids, list_pictures
from core.datasets.photos import NETWORK_SIZE, load_stimulus
from core.datasets.subject import ImageSource, Subject, is_shipped, list_subjects, load_subject
from core.errors import BadInputError, StorageError
from core.images.read import check_image, read_image
from core.images.stimulus import Stimulus, check_scale, make_stimulus
from core.images.transform import crop_resize
from core.words import natural_order

CHECKED_AT_ONCE = 200
SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class ImageStore:
    """The images of one subject.

    Parameters
    ----------
    subject : Whose.
    source : Where they lie; None for the shipped catalogue.
    rows : The row of each image by its id.
    """

    subject: str
    source: ImageSource | None
    rows: dict[str, int]

    def load(self, image_id: str, size: int) -> Stimulus:
        """The image as a stimulus of size x size pixels; its id may be spelled as a picture's name, see `find_ids`.

        Raises BadInputError if the subject never saw it, or it is no usable image; StorageError if the folder or file
        with the images has gone.
        """
        if image_id not in self.rows:
            known = list(self.rows)
            places = find_ids([image_id], known)[0]
            if len(places) != 1:
                allowed, advice = f"an image of subject {self.subject!r}", suggest(image_id, known)
                raise refusal("image", allowed=allowed, got=image_id, advice=advice)
            image_id = known[places[0]]
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
    levels = _open_images(source.path, source.key, source.path.stat().st_mtime_ns).read(int(member))
    check_scale(f"{source.path.name}: {source.key}[{member}]", levels)
    resized = np.array(crop_resize(Image.fromarray(levels), size), dtype=np.uint8)
    return make_stimulus(identity, resized, source=f"{source.path}: {source.key}[{member}]")


def check_pictures(source: ImageSource) -> Iterator[int]:
    """Read the first image, open every other file without unpacking it, and yield now and then how many are well.

    Raises BadInputError for the first that is no usable image.
    """
    if source.path.exists():
        _load(source, source.members[0], identity="", size=NETWORK_SIZE)
    members = source.members if source.kind == "files" else ()
    for number, member in enumerate(members, start=1):
        check_image(source.path / member)
        if not number % CHECKED_AT_ONCE:
            yield number


def gather_pictures(paths: Sequence[Path], *, should_stop: Callable[[], bool]) -> tuple[list[str], list[str]]:
    """Pictures among files and everywhere below folders, as people count, and the names of what is none."""
    well: list[str] = []
    others: list[str] = []
    for path in sorted(paths, key=lambda one: natural_order(str(one))):
        try:
            below = [path / name for name in list_pictures(path)] if path.is_dir() else [path]
        except BadInputError:
            below = [path]
        for one in below:
            if should_stop():
                return well, others
            try:
                check_image(one)
            except BadInputError:
                others.append(one.name)
            else:
                well.append(str(one))
    return well, others


@lru_cache(maxsize=4)
def _open_images(path: Path, key: str, _written: int) -> ImageFile:
    """Known by the time the file was written. Raises StorageError if it cannot be read or holds no such images."""
    try:
        return open_images(path, key=key)
    except BadInputError as error:
        raise StorageError(f"The images of {path} cannot be read. {error} Copy the file again.") from error
