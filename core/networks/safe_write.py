"""Writes a file whole or not at all: under a temporary name, then renamed. Never leaves half a file under its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.errors import StorageError


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then give it that name.

    Raises StorageError, and leaves the old file as it was, if the folder cannot be written or the disk is full.
    """
    partial = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(partial)
        partial.replace(path)
    # torch reports a full disk as a RuntimeError of its zip writer.
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error}. Free some space or choose another folder.") from error
