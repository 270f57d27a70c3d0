"""Reads the shipped array files (.npz) and words what is wrong with one. Never unpickles."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import StorageError

Arrays = dict[str, npt.NDArray[Any]]


def load_arrays(path: Path) -> Arrays:
    """Every array of an .npz file by name.

    Raises
    ------
    StorageError
        If the file is missing, damaged, or holds Python objects.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise StorageError(f"{path.name} is missing from {path.parent}. Install the program again.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(f"{path} cannot be read ({error}). Install the program again.") from error
