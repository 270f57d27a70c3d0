"""Reads volumes and overlays (NIfTI, MGH) in parts, of any byte order. Never loads what it was not asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.mgh import open_mgh
from core.errors import StorageError
from core.types import IntArray

TRIALS_AT_ONCE = 50
ENDINGS = (".nii", ".nii.gz", ".mgh", ".mgz", ".img", ".hdr")


def open_brain(path: Path) -> Any:
    """An image (of nibabel, or `MghFile`) whose data stay on disk; a compressed one is read through once, in order.

    Raises
    ------
    BadInputError
        If it is missing, or its header is no valid one.
    """
    import nibabel

    if not path.is_file():
        raise refusal("file", allowed="a volume or overlay that is there", got=str(path))
    if path.suffix in (".mgh", ".mgz"):
        return open_mgh(path)
    unreadable = (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError)
    handle = {"keep_file_open": True} if path.name.endswith((".nii", ".nii.gz")) else {}
    try:
        return nibabel.load(path, **handle)
    except (OSError, EOFError, ValueError, *unreadable) as error:
        advice = f"Its header cannot be read ({error}). Copy the file again."
        raise refusal("file", allowed="a NIfTI or MGH file", got=path.name, advice=advice) from error


def grid_of(path: Path) -> tuple[tuple[int, ...], npt.NDArray[np.float64]]:
    """The spatial shape and the affine (4, 4) of a volume."""
    image = open_brain(path)
    return tuple(int(side) for side in image.shape[:3]), np.asarray(image.affine, dtype=np.float64)


def count_trials(path: Path) -> int:
    """How many maps a file holds: its fourth dimension."""
    shape = open_brain(path).shape
    return int(shape[3]) if len(shape) > 3 else 1


def read_map(path: Path, *, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """One map as (n,) numbers in C order. Raises BadInputError if it lies on another grid."""
    image = open_brain(path)
    if tuple(image.shape[:3]) != shape or int(np.prod(image.shape)) != int(np.prod(shape)):
        advice = "It belongs to another space; use the file of the same space and subject."
        raise refusal(path.name, allowed=f"a map of shape {shape}", got=tuple(image.shape), advice=advice)
    with _reading(path):
        return np.asarray(image.dataobj, dtype=np.float64).ravel()


def read_labels(path: Path, *, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Whole-number labels (n,) in C order. Raises BadInputError for another grid or for fractions."""
    values = read_map(path, shape=shape)
    values = np.where(np.isfinite(values), values, 0.0)
    if (values != np.rint(values)).any():
        raise refusal(path.name, allowed="a map of whole numbers", got=float(values[values != np.rint(values)][0]))
    return values.astype(np.int64)


def iter_trials(path: Path, flat: IntArray, *, scale: float = 1.0) -> Iterator[npt.NDArray[np.float32]]:
    """Chosen voxels (by C-order index) of every map of a file, in blocks (n, n_voxels) float32, each times `scale`."""
    image = open_brain(path)
    n_trials = int(image.shape[3]) if len(image.shape) > 3 else 1
    for start in range(0, n_trials, TRIALS_AT_ONCE):
        stop = min(start + TRIALS_AT_ONCE, n_trials)
        with _reading(path):
            block = np.asarray(image.dataobj[..., start:stop] if len(image.shape) > 3 else image.dataobj[...])
        yield block.reshape(-1, stop - start)[flat].T.astype(np.float32) * np.float32(scale)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Word damaged data as a StorageError."""
    try:
        yield
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise StorageError(f"{path} is damaged or cut short ({error}). Copy the file again.") from error
