"""Writes arrays, and keeps them by name in a folder so that they are not computed twice."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.containers import Arrays, load_arrays
from core.errors import StorageError
from core.files import new_file

LOGGER = logging.getLogger(__name__)


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays as an .npz, whole or not at all. Raises StorageError if the disk is full or not writable."""
    with new_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


@dataclass(slots=True)
class ArrayCache:
    """Named sets of arrays under a folder, an .npz each; without a folder nothing is kept. Stops no work by failing.

    Parameters
    ----------
    most_bytes : Where they take more, those used longest ago are dropped; 0 keeps all.
    n_reused : Sets found so far.
    """

    folder: Path | None = None
    most_bytes: int = 0
    n_reused: int = 0
    _writes: bool = field(default=True, repr=False)

    def get(self, name: str) -> Arrays | None:
        """The arrays of a name, or None where they are missing or damaged."""
        if self.folder is None:
            return None
        path = self.folder / f"{name}.npz"
        try:
            arrays = load_arrays(path)
        except StorageError:
            return None
        note_use(path)
        self.n_reused += 1
        return arrays

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep arrays; a full or vanished disk is logged and otherwise ignored."""
        if self.folder is None or not self._writes:
            return
        try:
            save_arrays(self.folder / f"{name}.npz", arrays)
            if self.most_bytes:
                drop_unused(self.folder.glob("*.npz"), self.most_bytes)
        except StorageError as problem:
            LOGGER.info("nothing more kept in %s: %s", self.folder, problem)
            self._writes = False

    def clear(self) -> None:
        """Forget all."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def note_use(path: Path) -> None:
    """Let a file count as used now; one that cannot be written keeps its age."""
    with suppress(OSError):
        os.utime(path)


def drop_unused(files: Iterable[Path], most_bytes: int) -> None:
    """Remove those of the files used longest ago, until the others take no more than so many bytes."""
    states = [(path.stat(), path) for path in files if path.is_file()]
    kept = sorted((state.st_mtime, state.st_size, path) for state, path in states)
    total = sum(size for _, size, _ in kept)
    for _, size, path in kept:
        if total <= most_bytes:
            return
        with suppress(OSError):
            path.unlink()
        total -= size
