"""Opens a table of numbers of several formats by its rows: npy, npz, HDF5, zarr, CSV. Never unpickles.

npy is memory-mapped and HDF5 and zarr are read in parts; npz and CSV are read whole, for small sets.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal
from core.errors import BadInputError, StorageError

ENDINGS = (".npy", ".npz", ".h5", ".hdf5", ".zarr", ".csv", ".tsv")
BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """An array on disk: its shape, and `read(start, stop)` of rows as float32."""

    path: Path
    shape: tuple[int, ...]
    read: Callable[[int, int], npt.NDArray[np.float32]]


def open_array(path: Path, *, key: str = "") -> ArrayFile:
    """The array of a file; `key` names it in npz, HDF5 and zarr files with several.

    Raises
    ------
    BadInputError
        If the file is missing, of another format, damaged, holds objects, or no numbers.
    """
    if not path.exists():
        raise refusal("responses", allowed="a file that is there", got=str(path))
    check_choice("responses", path.suffix.lower(), ENDINGS, advice=f"{path.name} is of another format.")
    try:
        opened = _OPENERS[path.suffix.lower()](path, key)
    except BROKEN as error:
        if isinstance(error, BadInputError):
            raise
        advice = f"It cannot be read ({error}). Save it again as plain numbers."
        raise refusal("responses", allowed="an array file", got=path.name, advice=advice) from error
    return opened


def _wrap(path: Path, shape: tuple[int, ...], dtype: Any, get: Callable[[int, int], Any]) -> ArrayFile:
    if np.dtype(dtype).kind not in "fiub":
        raise refusal("responses", allowed="an array of numbers", got=f"{path.name} ({dtype})")

    def read(start: int, stop: int) -> npt.NDArray[np.float32]:
        try:
            return np.ascontiguousarray(get(start, stop)).astype(np.float32)
        except BROKEN as error:
            raise StorageError(f"{path} cannot be read ({error}). Nothing was imported; copy it again.") from error

    return ArrayFile(path, tuple(int(side) for side in shape), read)


def _open_npy(path: Path, _key: str) -> ArrayFile:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    shape, dtype = array.shape, array.dtype

    def get(start: int, stop: int) -> Any:
        # Opened again: pages of a map that is kept would add up to the whole file.
        return np.load(path, mmap_mode="r", allow_pickle=False)[start:stop]

    return _wrap(path, shape, dtype, get)


def _open_npz(path: Path, key: str) -> ArrayFile:
    with np.load(path, allow_pickle=False) as stored:
        array = stored[_pick(key, stored.files, path)]
    return _wrap(path, array.shape, array.dtype, lambda start, stop: array[start:stop])


def _open_hdf5(path: Path, key: str) -> ArrayFile:
    import h5py

    with h5py.File(path, "r") as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = _pick(key.strip("/"), names, path)
        shape, dtype = file[name].shape, file[name].dtype

    def get(start: int, stop: int) -> Any:
        with h5py.File(path, "r") as again:
            return again[name][start:stop]

    return _wrap(path, shape, dtype, get)


def _open_zarr(path: Path, key: str) -> ArrayFile:
    import zarr

    opened: Any = zarr.open(path, mode="r")
    if hasattr(opened, "array_keys"):
        opened = opened[_pick(key, list(opened.array_keys()), path)]
    return _wrap(path, opened.shape, opened.dtype, lambda start, stop: opened[start:stop])


def _open_csv(path: Path, _key: str) -> ArrayFile:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline().strip().split(delimiter)
    header = not all(_is_number(text) for text in first)
    array = np.loadtxt(path, delimiter=delimiter, skiprows=int(header), ndmin=2, encoding="utf-8-sig")
    return _wrap(path, array.shape, array.dtype, lambda start, stop: array[start:stop])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pick(key: str, names: list[str], path: Path) -> str:
    if key or len(names) != 1:
        advice = "" if key else f"{path.name} holds several arrays; name one of them."
        check_choice("key", key, names, advice=advice)
        return key
    return names[0]


_OPENERS: dict[str, Callable[[Path, str], ArrayFile]] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
    ".zarr": _open_zarr,
    ".csv": _open_csv,
    ".tsv": _open_csv,
}
