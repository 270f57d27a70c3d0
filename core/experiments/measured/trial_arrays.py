"""Reads trials from betas: arrays (npy, npz, HDF5) and NIfTI volumes with masks. Never unpickles or resamples them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.checks import refusal
from core.containers import list_arrays, load_arrays, reading
from core.datasets.array_files import open_array
from core.errors import BadInputError
from core.experiments.measured.trial import VOLUME_ENDINGS, ReadOptions, Trials, name_stimulus
from core.experiments.measured.trial_tables import read_ids
from core.surfaces.volumes import Grid, count_trials, grid_of, iter_trials, order_voxels, read_map, shared_grid
from core.types import FloatArray, IntArray

IDS_KEY, COLUMNS_KEY = "ids", "columns"
"""Arrays of text an npz file may hold beside the responses."""
AGAIN = "Save it again as plain arrays."
Named = list[tuple[str, str]]
"""Stimulus and session of each trial; "" for a trial without a stimulus."""


def read_array(path: Path, options: ReadOptions, *, known: frozenset[str], n_voxels: int | None) -> Trials:
    """The trials of an array (n_trials, n_columns), or of a 4-D volume with masks.

    Raises BadInputError if the stimuli of the trials are not given, or their number is another.
    """
    stored = _read_texts(path)
    runs = options.ids
    named = _find_ids(path, options, stored, known=known)
    if path.name.lower().endswith(VOLUME_ENDINGS):
        shown = _align(named, count_trials(path), path.name)
        columns, values, notes = _read_volume(path, options, n_voxels=n_voxels)
    else:
        values, shown, notes = _read_rows(path, options, stored, named=named)
        given = options.columns or tuple(stored.get(COLUMNS_KEY, ()))
        columns = _name_columns(given, values.shape[1], n_voxels=n_voxels, file=path.name)
    kept = [number for number, (one, _) in enumerate(shown) if one]
    return Trials(
        tuple(shown[number][0] for number in kept),
        tuple(shown[number][1] for number in kept),
        columns,
        values[kept],
        len(named) - len(kept),
        (f"Ids are in the order of {', '.join(file.name for file in runs)}.", *notes) if len(runs) > 1 else notes,
    )


def _align(named: Named, n_rows: int, file: str) -> Named:
    """The trials that have rows: all events, or those with a stimulus; single-trial analyses leave the others out."""
    with_stimulus = [one for one in named if one[0]]
    for shown in (with_stimulus, named):
        if len(shown) == n_rows:
            return shown
    advice = "Blanks and catch trials must all have rows, or none of them."
    allowed = f"{len(with_stimulus)} rows, one for each id"
    allowed += f", or {len(named)} with blanks and catch trials" if len(named) > len(with_stimulus) else ""
    raise refusal("measured", allowed=allowed, got=f"{n_rows} in {file}", advice=advice)


def _read_texts(path: Path) -> dict[str, list[str]]:
    if path.suffix.lower() != ".npz":
        return {}
    names = [name for name in (IDS_KEY, COLUMNS_KEY) if name in _names_in(path)]
    texts = load_arrays(path, only=names, error=BadInputError, advice=AGAIN)
    return {name: [str(one) for one in np.ravel(values)] for name, values in texts.items()}


def _names_in(path: Path) -> list[str]:
    with reading(path, ".npz file", advice=AGAIN):
        return list_arrays(path)


def _find_ids(path: Path, options: ReadOptions, stored: dict[str, list[str]], *, known: frozenset[str]) -> Named:
    """(stimulus, session) of each trial; of several files of ids, each is a session."""
    if options.ids:
        parts = [(file, *read_ids(file.expanduser(), known=known)) for file in options.ids]
        several = len(parts) > 1
        return [
            (one, session or (file.name if several else ""))
            for file, ids, sessions in parts
            for one, session in zip(ids, sessions, strict=True)
        ]
    if IDS_KEY in stored:
        return [(name_stimulus(text), "") for text in stored[IDS_KEY]]
    beside = path.with_name(path.name.split(".")[0] + "_ids.txt")
    if beside.is_file():
        return list(zip(*read_ids(beside, known=known), strict=True))
    advice = "Give a file with one id a line, or the events table: --ids, or “Ids of the trials” in the window."
    raise refusal("ids", allowed="betas with the stimulus of each trial", got=path.name, advice=advice)


def _read_rows(
    path: Path, options: ReadOptions, stored: dict[str, list[str]], *, named: Named
) -> tuple[FloatArray, Named, tuple[str, ...]]:
    """The array with a row a trial, the trials of its rows, and what was done to it."""
    others = [name for name in _names_in(path) if name not in (IDS_KEY, COLUMNS_KEY)] if stored else []
    opened = open_array(path, key=options.key or (others[0] if len(others) == 1 else ""))
    if len(opened.shape) not in (1, 2):
        raise refusal("measured", allowed="an array (trials, columns)", got=opened.shape)
    values = np.asarray(opened.read(0, opened.shape[0]), dtype=np.float64)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    counts = {len(named), sum(bool(one) for one, _ in named)}
    if len(values) not in counts and values.shape[1] in counts:
        turned = f"{path.name} holds a trial a column, not a row: it was turned."
        return values.T, _align(named, values.shape[1], path.name), (turned,)
    return values, _align(named, len(values), path.name), ()


def _name_columns(columns: tuple[str, ...], n_columns: int, *, n_voxels: int | None, file: str) -> tuple[str, ...]:
    """Names of the columns: as given, the subject's voxels where as many are there, else "column 0", "column 1" ..."""
    if columns == ("voxels",) or (not columns and n_columns == n_voxels and n_columns > 1):
        return tuple(f"voxel {number}" for number in range(n_columns))
    if columns and len(columns) != n_columns:
        got = f"{len(columns)} for the {n_columns} columns of {file}"
        raise refusal("columns", allowed="one name for each column", got=got)
    return columns or tuple(f"column {number}" for number in range(n_columns))


def _read_volume(
    path: Path, options: ReadOptions, *, n_voxels: int | None
) -> tuple[tuple[str, ...], FloatArray, tuple[str, ...]]:
    """Columns, values and notes; voxels without any value, as outside of what was scanned, are no part of an ROI."""
    import pandas as pd  # kept from the window's start

    if not options.rois and options.mask is None:
        advice = "Give ROI masks (--roi FFA=ffa.nii.gz), or one mask whose voxels are the subject's (--mask)."
        raise refusal("measured", allowed="volumes with a mask", got=path.name, advice=advice)
    grid = shared_grid(options.mask or path, path, resample=options.resample)
    masks = {name: np.flatnonzero(np.nan_to_num(read_map(file, grid)) > 0) for name, file in options.rois}
    nothing: tuple[IntArray, IntArray] = (np.zeros(0, dtype=np.int64),) * 2
    whole, numbers = nothing if options.mask is None else _number_voxels(options.mask, grid, n_voxels)
    for name, inside in masks.items():
        if not inside.size:
            raise refusal("roi", allowed="a mask with voxels above 0", got=name)
    flat = np.unique(np.concatenate([*masks.values(), whole]))
    values = np.concatenate(list(iter_trials(path, grid, flat))).astype(np.float64)
    absent = np.asarray(np.isnan(values).all(axis=0))
    columns, notes = [], []
    for name, inside in masks.items():
        within = np.searchsorted(flat, inside)
        n_absent = int(absent[within].sum())
        if 0 < n_absent < len(within):
            notes.append(f"{n_absent:,} of {len(within):,} voxels of {name} have no value in any trial: left out.")
            within = within[~absent[within]]
        columns.append(values[:, within].mean(axis=1))
    voxels = pd.DataFrame(values[:, np.searchsorted(flat, whole)].T).groupby(numbers).mean().to_numpy()
    names = (*masks, *(f"voxel {number}" for number in range(len(voxels))))
    return names, np.stack([*columns, *voxels], axis=1), (*notes, *(grid.resampled or ()))


def _number_voxels(mask: Path, grid: Grid, n_voxels: int | None) -> tuple[IntArray, IntArray]:
    """The voxels of the betas inside a mask, in the order of its own file, and the number of the voxel each is part of.

    A subject whose mask was resampled onto the betas has one of its own for each. Raises BadInputError if voxels of the
    mask hold none of the betas', or are others than the subject's: their numbers would shift.
    """
    numbers = np.nan_to_num(read_map(mask, grid, numbered=True)).astype(np.int64)
    inside = order_voxels(numbers)
    n_mask, n_found = int((read_map(mask, grid_of(mask)) > 0).sum()), len(np.unique(numbers[inside]))
    if n_found < n_mask:
        allowed = f"a mask each of whose {n_mask:,} voxels holds the centre of a voxel of the betas"
        raise refusal("mask", allowed=allowed, got=f"{n_found:,} that do", advice="Give ROI masks, or a coarser mask.")
    if n_voxels in (None, n_mask):
        return inside, numbers[inside]
    if n_voxels != len(inside):
        advice = "Give the mask of exactly the voxels that were imported, without those left out then, or ROI masks."
        raise refusal("mask", allowed=f"one of the subject's {n_voxels:,} voxels", got=f"{n_mask:,}", advice=advice)
    return inside, np.arange(n_voxels)
