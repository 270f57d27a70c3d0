"""Reads trials from betas: arrays (npy, npz, HDF5) and NIfTI volumes with masks. Never unpickles, never resamples."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import describe_refusal
from core.datasets.array_files import open_array
from core.datasets.brain_files import count_trials, grid_of, iter_trials, read_map
from core.errors import BadInputError
from core.experiments.trial_tables import read_ids
from core.experiments.trials import VOLUME_ENDINGS, ReadOptions, Trials, name_stimulus

IDS_KEY, COLUMNS_KEY = "ids", "columns"
"""Arrays of text an npz file may hold beside the responses."""

VOXELS = "voxels"
"""A name for all columns: the subject's voxels in order."""

Floats = npt.NDArray[np.float64]


def read_array(path: Path, options: ReadOptions, *, known: frozenset[str], n_voxels: int | None) -> Trials:
    """The trials of an array (n_trials, n_columns), or of a 4-D volume with masks.

    Raises
    ------
    BadInputError
        If the stimuli of the trials are not given, or their number is another.
    """
    stored = _read_texts(path)
    ids, sessions = _find_ids(path, options, stored, known=known)
    if path.name.lower().endswith(VOLUME_ENDINGS):
        columns, values = _read_volume(path, options, n_trials=len(ids))
        return Trials(tuple(ids), tuple(sessions), columns, values)
    values, notes = _read_rows(path, options, stored, n_trials=len(ids))
    columns = options.columns or tuple(stored.get(COLUMNS_KEY, ()))
    named = _name_columns(columns, values.shape[1], n_voxels=n_voxels, file=path.name)
    kept = [number for number, one in enumerate(ids) if one]
    return Trials(
        tuple(ids[number] for number in kept),
        tuple(sessions[number] for number in kept),
        named,
        values[kept],
        len(ids) - len(kept),
        notes,
    )


def _read_texts(path: Path) -> dict[str, list[str]]:
    """The arrays of text in an npz file."""
    if path.suffix.lower() != ".npz":
        return {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [name for name in (IDS_KEY, COLUMNS_KEY) if name in stored.files]
            return {name: [str(one) for one in np.ravel(stored[name])] for name in names}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        advice = f"It cannot be read ({error}). Save it again as plain arrays."
        raise BadInputError(
            describe_refusal("measured", allowed="an npz file", got=path.name, advice=advice)
        ) from error


def _find_ids(
    path: Path, options: ReadOptions, stored: dict[str, list[str]], *, known: frozenset[str]
) -> tuple[list[str], list[str]]:
    if options.ids is not None:
        return read_ids(options.ids.expanduser(), known=known)
    if IDS_KEY in stored:
        ids = [name_stimulus(text) for text in stored[IDS_KEY]]
        return ids, [""] * len(ids)
    beside = path.with_name(path.name.split(".")[0] + "_ids.txt")
    if beside.is_file():
        return read_ids(beside, known=known)
    advice = f"Give a file with one id a line, or the events table, with --ids; or lay {beside.name} beside it."
    allowed = "betas with the stimulus of each trial"
    raise BadInputError(describe_refusal("ids", allowed=allowed, got=path.name, advice=advice))


def _read_rows(
    path: Path, options: ReadOptions, stored: dict[str, list[str]], *, n_trials: int
) -> tuple[Floats, tuple[str, ...]]:
    key = options.key or (_only_numbers(path) if stored else "")
    opened = open_array(path, key=key)
    shape = opened.shape
    values = np.asarray(opened.read(0, shape[0]) if shape else np.zeros(0), dtype=np.float64)
    if len(shape) == 1:
        values = values[:, np.newaxis]
    if values.ndim == 2 and len(values) == n_trials:
        return values, ()
    if values.ndim == 2 and values.shape[1] == n_trials:
        return values.T, (f"{path.name} holds a trial a column, not a row: it was turned.",)
    advice = "Trials without a stimulus (blanks, fixation) must be in neither or in both."
    allowed = f"an array with {n_trials} rows, one for each id"
    raise BadInputError(describe_refusal("measured", allowed=allowed, got=shape, advice=advice))


def _only_numbers(path: Path) -> str:
    """The name of the one array of an npz file that is no list of texts; "" where there are several."""
    with np.load(path, allow_pickle=False) as stored:
        names = [name for name in stored.files if name not in (IDS_KEY, COLUMNS_KEY)]
    return names[0] if len(names) == 1 else ""


def _name_columns(columns: tuple[str, ...], n_columns: int, *, n_voxels: int | None, file: str) -> tuple[str, ...]:
    """Names of the columns: as given, the subject's voxels where as many are there, else "column 0", "column 1" ..."""
    if columns == (VOXELS,) or (not columns and n_columns == n_voxels and n_columns > 1):
        return tuple(f"voxel {number}" for number in range(n_columns))
    if columns and len(columns) != n_columns:
        got = f"{len(columns)} for the {n_columns} columns of {file}"
        raise BadInputError(describe_refusal("columns", allowed="one name for each column", got=got))
    return columns or tuple(f"column {number}" for number in range(n_columns))


def _read_volume(path: Path, options: ReadOptions, *, n_trials: int) -> tuple[tuple[str, ...], Floats]:
    if not options.rois and options.mask is None:
        advice = "Give ROI masks (--roi FFA=ffa.nii.gz), or one mask whose voxels are the subject's (--mask)."
        raise BadInputError(describe_refusal("measured", allowed="volumes with a mask", got=path.name, advice=advice))
    shape, _ = grid_of(path)
    if count_trials(path) != n_trials:
        allowed = f"{n_trials} volumes, one for each id"
        raise BadInputError(describe_refusal("measured", allowed=allowed, got=count_trials(path)))
    masks = {name: np.flatnonzero(np.nan_to_num(read_map(file, shape=shape)) > 0) for name, file in options.rois}
    whole = np.zeros(0, dtype=np.int64)
    if options.mask is not None:
        whole = np.flatnonzero(np.nan_to_num(read_map(options.mask, shape=shape)) > 0)
    for name, inside in masks.items():
        if not inside.size:
            raise BadInputError(describe_refusal("roi", allowed="a mask with voxels above 0", got=name))
    flat = np.unique(np.concatenate([*masks.values(), whole]))
    values = np.concatenate(list(iter_trials(path, flat))).astype(np.float64)
    columns = [values[:, np.searchsorted(flat, inside)].mean(axis=1) for inside in masks.values()]
    columns += [values[:, place] for place in np.searchsorted(flat, whole)]
    names = (*masks, *(f"voxel {number}" for number in range(len(whole))))
    return names, np.stack(columns, axis=1)
