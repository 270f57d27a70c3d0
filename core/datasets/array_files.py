"""Opens a table of numbers of several formats by its rows: npy, npz, HDF5, zarr, MATLAB, CSV. Never unpickles.

npy is memory-mapped, HDF5 (MATLAB's too, whose axes run backwards) and zarr are read in parts; npz, older MATLAB files
and CSV are read whole, for small sets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
from core.device import iter_chunks
from core.errors import BadInputError, StorageError
from core.types import BoolArray, ByteArray, IntArray
from core.unpickle import read_object_array

AGAIN = "Save it again as plain numbers."
NAME_TITLES = "image image_id image_name stim_file stimulus stimulus_id picture file filename name id"
"""Titles, in lower case, of a first column that names the pictures of the rows, also by numbers."""
TABLES = (".csv", ".tsv")
VALUES_AT_ONCE = 16_000_000
"""Numbers read at once: 64 MB."""

IMAGE_AXES = {"(n, height, width, 3)": 3, "(n, 3, height, width)": 1, "(height, width, 3, n)": 2}
"""How images may lie in an array, and the axis of their colours."""
PACKED: dict[str, list[float]] = {"scale_factor": [1.0], "add_offset": [0.0], "_FillValue": [], "missing_value": []}
"""Attributes of netCDF that change what values mean, and what each says where it changes nothing."""
MATLAB_MARK = "MATLAB_class"
"""The attribute of arrays whose axes MATLAB turned round in an HDF5 file."""

Opened = tuple[tuple[int, ...], Any, Callable[[Any], Any], bool, tuple[str, ...]]
"""Shape and dtype in the file, what gives the part of an index, whether its axes run backwards there, and names of its
rows."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFile:
    """An array on disk, read in parts along its first axis.

    Parameters
    ----------
    shape : As whoever saved it had it; a volume of trials (x, y, z, n) may be taken as (n, x y z), see
        `with_trials_first`.
    key : Its name in a file of several.
    get : The part of an index into the file's own array.
    is_backwards : Whether the file's axes are those of `shape` in opposite order.
    is_volume : Whether rows are taken from the last axis, and the others are one.
    names : What the file calls its rows; empty where it does not.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    key: str
    get: Callable[[Any], Any]
    is_backwards: bool = False
    is_volume: bool = False
    names: tuple[str, ...] = ()

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """The rows from start to stop, float32. Raises StorageError if the file cannot be read (any more)."""
        values = self.take(slice(start, stop), last=self.is_volume)
        values = values.reshape(-1, values.shape[-1]).T if self.is_volume else values
        with np.errstate(over="ignore"):  # infinite, and left out as such
            return np.ascontiguousarray(values).astype(np.float32)

    def take(self, part: slice | int, *, last: bool = False) -> npt.NDArray[Any]:
        """A part along the first or the last axis, as the file holds it. Raises as `read`."""
        with reading(self.path, "array file", error=StorageError, advice="Nothing of it was kept; copy it again."):
            values = np.asarray(self.get((..., part) if last is not self.is_backwards else part))
        return values.T if self.is_backwards else values

    def transposed(self) -> ArrayFile:
        """The same with its axes in opposite order. Raises BadInputError for a table, whose lines have names."""
        if self.path.suffix.lower() in TABLES:
            raise refusal("transposed", allowed="false for a table", got=True, advice="Save the table itself turned.")
        return replace(self, shape=self.shape[::-1], is_backwards=not self.is_backwards)

    def with_trials_first(self) -> ArrayFile:
        """A volume of trials (x, y, z, n), as GLMsingle saves betas, as rows (n, x y z) in C order."""
        return replace(self, shape=(self.shape[-1], math.prod(self.shape[:-1])), is_volume=True)


def open_array(path: Path, *, key: str = "") -> ArrayFile:
    """The array of a file; `key` names it in npz, HDF5, zarr and MATLAB files with several.

    Raises BadInputError if the file is missing, of another format, damaged, holds objects, or no numbers.
    """
    if not path.exists():
        raise refusal("responses", allowed="a file that is there", got=str(path))
    check_choice("responses", path.suffix.lower(), _OPENERS, advice=f"{path.name} is of another format.")
    with reading(path, "array file", advice=AGAIN):
        names, open_one = _OPENERS[path.suffix.lower()](path)
        if names == []:
            why = "holds objects besides numbers, or nothing: structures, cells and sparse matrices are not read"
            raise BadInputError(f"{path.name} {why}. {AGAIN}")
        if names and (key or len(names) != 1):
            advice = "" if key else f"{path.name} holds several arrays; name one of them."
            check_choice("key", key.strip("/"), names, advice=advice)
        key = key.strip("/") if key or not names else names[0]
        shape, dtype, get, is_backwards, rows = open_one(key)
        check_growth(path, math.prod(shape) * np.dtype(dtype).itemsize)
    if np.dtype(dtype).kind not in "fiub":
        raise refusal("responses", allowed="an array of numbers", got=f"{path.name} ({dtype})")
    sides = tuple(int(side) for side in (shape[::-1] if is_backwards else shape))
    return ArrayFile(path, sides, np.dtype(dtype), key, get, is_backwards, names=rows)


@dataclass(frozen=True, slots=True, eq=False)
class ImageFile:
    """The images of an array file: how many, and how their axes lie, such as "(n, height, width, 3)"."""

    array: ArrayFile
    axes: str

    @property
    def n_images(self) -> int:
        """Number of images."""
        return self.array.shape[self.axes.startswith("(height") * 3]

    def read(self, row: int) -> ByteArray:
        """One image (height, width, 3). Raises StorageError if it cannot be read."""
        levels = self.array.take(row, last=self.axes.startswith("(height"))
        return np.ascontiguousarray(np.moveaxis(levels, 0, 2) if self.axes.startswith("(n, 3") else levels)


def open_images(path: Path, *, key: str = "") -> ImageFile:
    """The images of an HDF5 file. Raises BadInputError as `open_array`, and if they are no 8-bit RGB images."""
    array = open_array(path, key=key)
    if path.suffix.lower() not in (".h5", ".hdf5", ".mat") or array.dtype != np.uint8:
        allowed, got = "8-bit levels (uint8) in an HDF5 file", f"{array.dtype} in {path.name}"
        raise refusal("images", allowed=allowed, got=got, advice="Save them so, or as a folder of pictures.")
    shape = array.shape if len(array.shape) == 4 else (0, 0, 0, 0)
    for axes, colours in IMAGE_AXES.items():
        if shape[colours] == 3:
            return ImageFile(array, axes)
    raise refusal("images", allowed="(n, height, width, 3)", got=array.shape)


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


def gather_rows(arrays: Sequence[ArrayFile], rows: IntArray, *, kept: BoolArray) -> Iterator[npt.NDArray[np.float32]]:
    """Chosen rows, ascending, of arrays side by side, the kept columns only, in blocks."""
    first, n_columns = int(rows.min()), sum(array.shape[1] for array in arrays)

    def read(start: int, stop: int) -> npt.NDArray[np.float32]:
        inside = rows[(rows >= first + start) & (rows < first + stop)] - first - start
        return read_rows(arrays, first + start, first + stop, kept=kept)[inside]

    chunk = max(1, VALUES_AT_ONCE // max(n_columns, 1))
    return iter_chunks(read, int(rows.max()) + 1 - first, chunk=chunk, what="trial")


def _hold(array: npt.NDArray[Any], names: tuple[str, ...] = ()) -> Opened:
    """An array that is in memory already; fields of numbers become columns."""
    if array.dtype.names:
        array = structured_to_unstructured(array)
    return array.shape, array.dtype, array.__getitem__, False, names


def _open_npy(path: Path) -> tuple[list[str] | None, Callable[[str], Opened]]:
    def load() -> Any:
        return np.load(path, mmap_mode="r", allow_pickle=False)

    with path.open("rb") as file:
        if np.lib.format.read_magic(file) and b"'|O'" in file.readline():
            held = {str(key): value for key, value in read_dictionary(path).items() if isinstance(value, np.ndarray)}
            if not held:
                raise ValueError("it holds Python objects")
            return list(held), lambda key: _hold(held[key])  # as GLMsingle saves its results
    array = load()
    # Opened again for every part: pages of a map that is kept would add up to the whole file.
    opened = _hold(array) if array.dtype.names else (array.shape, array.dtype, lambda part: load()[part], False, ())
    return None, lambda _key: opened


def read_dictionary(path: Path) -> dict[Any, Any]:
    """A dictionary that numpy saved, without running what it holds. Raises BadInputError if it is none."""
    content: Any = read_object_array(path)
    content = content.item() if isinstance(content, np.ndarray) and content.shape == () else content
    if not isinstance(content, dict):
        raise refusal(path.name, allowed="a dictionary", got=type(content).__name__)
    return content


def _open_npz(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    return list_arrays(path), lambda key: _hold(load_arrays(path, only=[key], error=BadInputError, advice=AGAIN)[key])


def _open_hdf5(path: Path) -> tuple[list[str], Callable[[str], Opened]]:
    import h5py

    def open_one(key: str) -> Opened:
        def get(part: Any) -> Any:
            with h5py.File(path, "r") as again:
                return again[key][part]

        with h5py.File(path, "r") as file:
            _refuse_packed(path, file[key].attrs)
            refuse_reordered(path, file[key])
            return file[key].shape, file[key].dtype, get, MATLAB_MARK in file[key].attrs, ()

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


def _open_zarr(path: Path) -> tuple[list[str] | None, Callable[[str], Opened]]:
    import zarr

    opened: Any = zarr.open(path, mode="r")
    is_group = isinstance(opened, zarr.Group)
    names = [name for name, item in opened.members(None) if isinstance(item, zarr.Array)] if is_group else None

    def open_one(key: str) -> Opened:
        array = opened[key] if is_group else opened
        _refuse_packed(path, array.attrs)
        return array.shape, array.dtype, array.__getitem__, False, ()

    return names, open_one


def _refuse_packed(path: Path, attributes: Mapping[str, Any]) -> None:
    """Raise BadInputError for an array whose values mean other numbers, by the conventions of netCDF."""
    held = {name: np.asarray(attributes[name]) for name in PACKED if name in attributes}
    said = [
        name for name, value in held.items() if value.dtype.kind in "iuf" and not np.isin(value, PACKED[name]).all()
    ]
    said = [name for name in said if not np.isnan(held[name]).all()]
    if said:
        allowed = "plain numbers, with NaN for what is missing"
        raise refusal(path.name, allowed=allowed, got=f"values to be unpacked by {' and '.join(said)}", advice=AGAIN)


def refuse_reordered(path: Path, block: Any) -> None:
    """Raise BadInputError for a block of a pandas table whose rows or columns are numbered in another order."""
    name = block.name.rpartition("/")[2]
    for labels in ("axis1", name.replace("_values", "_items")) if re.fullmatch(r"block\d+_values", name) else ():
        if labels in block.parent and are_mixed(list(map(str, block.parent[labels][()].tolist()))):
            what = "rows" if labels == "axis1" else "columns"
            advice = "Save it again after sort_index() of pandas, or after reset_index(drop=True) if it is meant so."
            raise refusal(path.name, allowed=f"{what} in the order of their numbers", got="another", advice=advice)


def are_mixed(texts: Sequence[str]) -> bool:
    """Whether these are consecutive numbers in another order."""
    numbers = [int(text) for text in texts if text.isdecimal()]
    return numbers != sorted(numbers) and set(numbers) == set(range(min(numbers), min(numbers) + len(texts)))


def _open_csv(path: Path) -> tuple[list[str] | None, Callable[[str], Opened]]:
    rows = iter_rows(path)
    first = next(rows, [])
    names: list[str] = []
    numbers = []
    for row in rows:
        names.append(row[0])
        numbers.append(to_numbers(row[1:], "responses", advice="Only the first column may hold names."))
    is_titled = bool(first) and first[0].casefold() in NAME_TITLES.split()
    has_names = len(first) > 1 and (
        not _are_numbers(names) or (is_titled and not _counts(to_numbers(names, "responses")))
    )
    titles = [title for title in first[has_names:] if title]
    is_counted = any(titles == [str(place + first) for place in range(len(titles))] for first in (0, 1))
    is_header = is_titled or is_counted or not _are_numbers(first[has_names:])
    if not is_header:
        names.insert(0, first[0])
        numbers.insert(0, to_numbers(first[1:], "responses"))
    table = np.array(numbers).reshape(len(numbers), max(len(first) - 1, 0))
    if not has_names:
        table = np.column_stack([to_numbers(names, "responses"), table])
    is_unnamed = is_header and first[:1] in ([""], ["Unnamed: 0"])  # as pandas and R number their rows
    has_index = not has_names and (is_unnamed or (len(first) > 1 and _counts(table[:, 0])))
    return None, lambda _key: _hold(table[:, int(has_index) :], tuple(names) if has_names else ())


def _are_numbers(texts: list[str]) -> bool:
    try:
        return to_numbers(texts, "responses") is not None
    except BadInputError:
        return False


def _counts(column: npt.NDArray[np.float64]) -> bool:
    """Whether a column numbers the rows, from 0 or 1."""
    return len(column) > 2 and column[0] in (0, 1) and bool((np.diff(column) == 1).all())


_OPENERS: dict[str, Callable[[Path], tuple[list[str] | None, Callable[[str], Opened]]]] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
    ".zarr": _open_zarr,
    ".mat": _open_matlab,
    ".csv": _open_csv,
    ".tsv": _open_csv,
}
"""By the ending of a file: the names of its arrays, None for a file that is one, and what opens one of them."""
