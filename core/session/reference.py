"""Refers to files by place and hash, finds them again when they were moved, and says what a session lacks here.

Never takes another file for one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

from core.datasets.photos import ImageInfo, list_images
from core.datasets.subject import SubjectInfo, list_subjects
from core.encoders.config import EncoderConfig
from core.encoders.files import list_encoders
from core.errors import BadInputError, StorageError
from core.files import hash_file
from core.networks.catalog import list_networks
from core.networks.spec import NetworkSpec
from core.session.record import FileReference, SessionRecord

SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class Known:
    """What was on this computer when it was read; no weights and no responses are."""

    subjects: tuple[SubjectInfo, ...]
    networks: tuple[NetworkSpec, ...]
    encoders: tuple[EncoderConfig, ...]
    images: tuple[ImageInfo, ...]

    @classmethod
    def read(cls) -> Self:
        """What is there now."""
        return cls(tuple(list_subjects()), list_networks(), tuple(list_encoders()), list_images())


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing a session needs and that is not here.

    Parameters
    ----------
    what : "subject", "network", "encoder", "image", "probe" or "analysis NAME".
    sentence : What is missing and what to do.
    reference : Of a file: what to look for.
    """

    what: str
    sentence: str
    reference: FileReference | None = None


def find_missing(record: SessionRecord, known: Known, *, folders: Iterable[Path] = ()) -> tuple[Missing, ...]:
    """What of a session is not here; files are searched at their places and in `folders`, by hash."""
    places = tuple(folders)
    found = [*_missing_names(record, known), *_missing_image(record, known)]
    for what, reference in record.references().items():
        if find_file(reference, places) is None:
            sentence = f"The {what} {reference.path.name} is not at {reference.path}, or is another file now."
            found.append(Missing(what, sentence, reference))
    return tuple(found)


def _missing_names(record: SessionRecord, known: Known) -> list[Missing]:
    found, encoder = [], (record.subject, record.network, record.layer)
    if record.subject and record.subject not in {one.id for one in known.subjects}:
        advice = "Import it under that name (Data, Import recordings…)."
        found.append(Missing("subject", f"There is no subject {record.subject!r} here. {advice}"))
    if record.network and record.network not in {one.id for one in known.networks}:
        advice = "Import or download it (Encoders, Networks…)."
        found.append(Missing("network", f"There is no network {record.network!r} here. {advice}"))
    elif record.network and encoder not in {(one.subject, one.network, one.layer) for one in known.encoders}:
        name = f"{record.network} {record.layer} of {record.subject}"
        advice = "Fit or import it (Encoders, Fit encoders…)."
        found.append(Missing("encoder", f"There is no encoder {name} here. {advice}"))
    return found


def _missing_image(record: SessionRecord, known: Known) -> list[Missing]:
    image = record.image
    if image is None or image.file is not None or image.key in {one.id for one in known.images}:
        return []
    subject, _, member = image.key.partition(SEPARATOR)
    if member and subject in {one.id for one in known.subjects}:
        return []
    return [Missing("image", f"There is no image {image.key!r} in the catalogue here. Choose another image.")]


MOST_SEARCHED = 20_000
"""Files examined in one folder; their sizes are compared first, so this takes a second at most."""


def refer_to(path: Path) -> FileReference:
    """A reference to a file that is there. Raises StorageError if it cannot be read."""
    place = path.expanduser().absolute()
    return FileReference(place, hash_file(place), place.stat().st_size)


def is_there(reference: FileReference, path: Path) -> bool:
    """Whether `path` holds the very bytes referred to."""
    try:
        # A pipe or a device has no end to hash up to.
        sized = path.is_file() and reference.n_bytes in (0, path.stat().st_size)
        return sized and hash_file(path) == reference.sha256
    except (OSError, ValueError):  # ValueError: a name no file system takes
        return False


def find_file(reference: FileReference, folders: Iterable[Path] = ()) -> Path | None:
    """The file: at its place, where it lay before, or in one of the folders under whatever name; None if nowhere."""
    places = [reference.path, *([reference.was_at] if reference.was_at is not None else [])]
    for place in (*places, *_candidates(reference, folders)):
        if is_there(reference, place):
            return place
    return None


def check_same(reference: FileReference, path: Path) -> Path:
    """Return `path` if it is the file referred to, else raise BadInputError or StorageError."""
    found = hash_file(path)
    if found != reference.sha256:
        raise BadInputError(
            f"{path.name} is another file than the session's {reference.path.name}: its SHA-256 begins with "
            f"{found[:12]}, not {reference.sha256[:12]}. Choose the very same file, or open the session without it."
        )
    return path


def _candidates(reference: FileReference, folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield folder / reference.path.name
        for path in itertools.islice(folder.rglob("*"), MOST_SEARCHED if reference.n_bytes else 0):
            with suppress(OSError):
                if path.is_file() and path.stat().st_size == reference.n_bytes:
                    yield path


@lru_cache(maxsize=64)
def refer_as_opened(path: Path, _content: str = "") -> FileReference:
    """The file as it was when it was opened; its hash is taken once for each content. Never raises."""
    try:
        return refer_to(path)
    except StorageError:
        return FileReference(path, "", 0)
