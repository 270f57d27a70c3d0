"""Keeps the arrays of one finished cell in one file, whole or not at all. Never knows what a cell is."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import StorageError
from core.files import replace_file

Arrays = dict[str, np.ndarray[Any, Any]]


def save_cell(path: Path, arrays: Arrays) -> None:
    """Write named arrays. Raises StorageError if the disk is full or cannot be written."""

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    replace_file(path, write)


def load_cell(path: Path) -> Arrays:
    """The arrays of a finished cell. Raises StorageError if they cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(f"{path} cannot be read ({error}). Delete it and resume.") from error
