"""Refers to files by place and hash, and finds them again when they were moved. Never takes another file for one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from core.errors import BadInputError, StorageError
from core.session.record import FileReference

MOST_SEARCHED = 20_000
"""Files examined in one folder; their sizes are compared first, so this takes a second at most."""


def hash_bytes_of(path: Path) -> str:
    """SHA-256 of a file. Raises StorageError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read ({error.strerror}). Bring it back or choose another file."
        ) from error


def refer_to(path: Path) -> FileReference:
    """A reference to a file that is there. Raises StorageError if it cannot be read."""
    place = path.expanduser().absolute()
    return FileReference(place, hash_bytes_of(place), place.stat().st_size)


def is_there(reference: FileReference, path: Path) -> bool:
    """Whether `path` holds the very bytes referred to."""
    try:
        # A pipe or a device has no end to hash up to.
        sized = path.is_file() and reference.n_bytes in (0, path.stat().st_size)
        return sized and hash_bytes_of(path) == reference.sha256
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
    found = hash_bytes_of(path)
    if found != reference.sha256:
        raise BadInputError(
            f"{path.name} is another file than the session's {reference.path.name}: its SHA-256 begins with "
            f"{found[:12]}, not {reference.sha256[:12]}. Choose the very same file, or open the session without it."
        )
    return path


def _candidates(reference: FileReference, folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield folder / reference.path.name
        if reference.n_bytes:
            yield from _of_same_size(folder, reference.n_bytes)


def _of_same_size(folder: Path, n_bytes: int) -> Iterator[Path]:
    for number, path in enumerate(folder.rglob("*")):
        if number >= MOST_SEARCHED:
            return
        try:
            if path.is_file() and path.stat().st_size == n_bytes:
                yield path
        except OSError:
            continue


@lru_cache(maxsize=64)
def refer_as_opened(path: Path, _content: str = "") -> FileReference:
    """The file as it was when it was opened; its hash is taken once for each content. Never raises."""
    try:
        return refer_to(path)
    except StorageError:
        return FileReference(path, "", 0)
