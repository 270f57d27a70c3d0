"""Reads one number a voxel from a file the user wrote: weights or wanted responses. Never unpickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.checks import refusal
from core.containers import reading
from core.errors import BadInputError
from core.types import FloatArray


def read_numbers(name: str, path: Path) -> FloatArray:
    """The numbers of a .npy file or of a text file, float32. Raises BadInputError about `name` for any other."""
    try:
        with reading(path, "such file", advice="Check the path."):
            loaded = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, delimiter=None)
            return np.asarray(loaded, dtype=np.float32)
    except BadInputError as error:
        allowed = "a .npy file or a text file with one number a line"
        raise refusal(name, allowed=allowed, got=str(path), advice=str(error)) from error
