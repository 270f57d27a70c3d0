"""Reads array files (.npz) and words what is wrong with one. Never unpickles."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import StorageError

Arrays = dict[str, npt.NDArray[Any]]


REINSTALL = "Install the program again."


def load_arrays(path: Path, *, only: Sequence[str] | None = None, advice: str = REINSTALL) -> Arrays:
    """Every array of an .npz file by name, or some; `advice` says what to do about a file that cannot be read.

    Raises StorageError if the file is missing, damaged, or holds Python objects.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in (stored.files if only is None else only)}
    except FileNotFoundError as error:
        raise StorageError(f"{path.name} is missing from {path.parent}. {advice}") from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise StorageError(f"{path} cannot be read ({error}). {advice}") from error
