"""Writes arrays, and keeps them by name in a folder so that they are not computed twice."""

from __future__ import annotations

import logging
import shutil
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
    most_bytes : Where they take more, those that were kept first are dropped; 0 keeps all.
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
        try:
            arrays = load_arrays(self.folder / f"{name}.npz")
        except StorageError:
            return None
        self.n_reused += 1
        return arrays

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep arrays; a full or vanished disk is logged and otherwise ignored."""
        if self.folder is None or not self._writes:
            return
        try:
            save_arrays(self.folder / f"{name}.npz", arrays)
            self._drop_oldest(self.folder)
        except StorageError as problem:
            LOGGER.info("nothing more kept in %s: %s", self.folder, problem)
            self._writes = False

    def clear(self) -> None:
        """Forget all."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _drop_oldest(self, folder: Path) -> None:
        if not self.most_bytes:
            return
        kept = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*.npz"))
        total = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if total <= self.most_bytes:
                return
            with suppress(OSError):
                path.unlink()
            total -= size
