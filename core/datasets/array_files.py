"""Opens a table of numbers of several formats by its rows: npy, npz, HDF5, zarr, MATLAB, CSV. Never unpickles.

npy is memory-mapped, HDF5 (MATLAB's too, whose axes run backwards) and zarr are read in parts; npz, older MATLAB files
and CSV are read whole, for small sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.recfunctions import structured_to_unstructured

from core.checks import check_choice, refusal
from core.containers import check_growth, list_arrays, load_arrays, reading
from core.datasets.matlab import read_matlab
from core.datasets.recording import RecordedSession
from core.datasets.tables import iter_rows, to_numbers
from core.errors import BadInputError, StorageError
from core.types import BoolArray, IntArray

AGAIN = "Save it again as plain numbers."
VALUES_AT_ONCE = 16_000_000
"""Numbers read at once: 64 MB."""

Opened = tuple[tuple[int, ...], Any, Callable[[int, int], Any]]
"""Shape, dtype and what gives the rows from one to another."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """An array on disk: shape and dtype, its `key` in a file of several, and `read(start, stop)` of float32 rows."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    key: str
    read: Callable[[int, int], npt.NDArray[np.float32]]


def open_array(path: Path, *, key: str = "") -> ArrayFile:
    """The array of a file; `key` names it in npz, HDF5, zarr and MATLAB files with several.

    Raises BadInputError if the file is missing, of another format, damaged, holds objects, or no numbers.
    """
    if not path.exists():
        raise refusal("responses", allowed="a file that is there", got=str(path))
    check_choice("responses", path.suffix.lower(), _OPENERS, advice=f"{path.name} is of another format.")
    with reading(path, "array file", advice=AGAIN):
        names, open_one = _OPENERS[path.suffix.lower()](path)
        if names and (key or len(names) != 1):
            advice = "" if key else f"{path.name} holds several arrays; name one of them."
            check_choice("key", key.strip("/"), names, advice=advice)
        key = key.strip("/") if key or not names else names[0]
        shape, dtype, get = open_one(key)
        check_growth(path, math.prod(shape) * np.dtype(dtype).itemsize)
    if np.dtype(dtype).kind not in "fiub":
        raise refusal("responses", allowed="an array of numbers", got=f"{path.name} ({dtype})")

    def read(start: int, stop: int) -> npt.NDArray[np.float32]:
        with reading(path, "array file", error=StorageError, advice="Nothing was imported; copy it again."):
            return np.ascontiguousarray(get(start, stop)).astype(np.float32)

    return ArrayFile(path, tuple(int(side) for side in shape), np.dtype(dtype), key, read)


def cut_rows(
    arrays: Sequence[ArrayFile], images: IntArray, *, kept: BoolArray, what: str = "images"
) -> tuple[RecordedSession, ...]:
    """Parts that fit in memory of arrays (n_rows, n_columns) side by side; `kept` chooses among all columns."""
    n_rows, n_columns = len(images), sum(array.shape[1] for array in arrays)
    step = max(1, VALUES_AT_ONCE // max(n_columns, 1))
    return tuple(
        RecordedSession(
            f"{what} {start + 1:,} to {min(start + step, n_rows):,}",
            images[start : start + step],
            partial(read_rows, arrays, start, min(start + step, n_rows), kept=kept),
        )
        for start in range(0, n_rows, step)
    )


def read_rows(arrays: Sequence[ArrayFile], start: int, stop: int, *, kept: BoolArray) -> npt.NDArray[np.float32]:
    """Rows start to stop of arrays side by side, the kept columns only."""
    values = np.concatenate([array.read(start, stop) for array in arrays], axis=1)
    return values if kept.all() else values[:, kept]


def gather_rows(arrays: Sequence[ArrayFile], rows: IntArray, *, kept: BoolArray) -> npt.NDArray[np.float32]:
    """Chosen rows of arrays side by side, the kept columns only."""
    first = int(rows.min())
    return read_rows(arrays, first, int(rows.max()) + 1, kept=kept)[rows - first]


def _hold(array: npt.NDArray[Any]) -> Opened:
    """An array that is in memory already; fields of numbers become columns."""
    if array.dtype.names:
        array = structured_to_unstructured(array)
    return array.shape, array.dtype, lambda start, stop: array[start:stop]


def _open_npy(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    def load() -> Any:
        return np.load(path, mmap_mode="r", allow_pickle=False)

    array = load()
    # Opened again for every part: pages of a map that is kept would add up to the whole file.
    opened = _hold(array) if array.dtype.names else (array.shape, array.dtype, lambda start, stop: load()[start:stop])
    return [], lambda _key: opened


def _open_npz(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    return list_arrays(path), lambda key: _hold(load_arrays(path, only=[key], error=BadInputError, advice=AGAIN)[key])


def _open_hdf5(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    import h5py

    def open_one(key: str) -> Opened:
        def get(start: int, stop: int) -> Any:
            with h5py.File(path, "r") as again:
                return again[key][..., start:stop].T if turned else again[key][start:stop]

        with h5py.File(path, "r") as file:
            shape, turned = file[key].shape, "MATLAB_class" in file[key].attrs
            return shape[::-1] if turned else shape, file[key].dtype, get

    names: list[str] = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names, open_one


def _open_matlab(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    import h5py

    if h5py.is_hdf5(path):
        return _open_hdf5(path)
    held = read_matlab(path)
    return list(held), lambda key: _hold(held[key])


def _open_zarr(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    import zarr

    opened: Any = zarr.open(path, mode="r")
    is_group = isinstance(opened, zarr.Group)
    names = [name for name, item in opened.members(None) if isinstance(item, zarr.Array)] if is_group else []

    def open_one(key: str) -> Opened:
        array = opened[key] if is_group else opened
        return array.shape, array.dtype, lambda start, stop: array[start:stop]

    return names, open_one


def _open_csv(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    rows = iter_rows(path)
    first = next(rows, [])
    names = [name for name in first if name]
    try:
        numbers = [to_numbers(first, "responses")] if names != [str(place) for place in range(len(names))] else []
    except BadInputError:
        numbers = []
    has_index = not numbers and first[:1] in ([""], ["Unnamed: 0"])  # as pandas and R number their rows
    table = np.array([*chain(numbers, (to_numbers(row, "responses") for row in rows))])
    return [], lambda _key: _hold(table[:, int(has_index) :])


_OPENERS: dict[str, Callable[[Path], tuple[list[str], Callable[[str], Opened]]]] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
    ".zarr": _open_zarr,
    ".mat": _open_matlab,
    ".csv": _open_csv,
    ".tsv": _open_csv,
}
"""By the ending of a file: the names of its arrays, none for a file that is one, and what opens one of them."""
