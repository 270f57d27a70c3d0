"""Measured trials as they stand in the laboratory's files, of any kind. Never matches them with a set's predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal

STIMULUS_ENDINGS = (".png",)
"""Endings taken off an id; others may be part of it ("...-l2-0.5")."""

NO_STIMULUS = {"", "n/a", "na", "nan", "none", "null"}
SIMULATED = "simulated"
"""A column of this name marks a table of simulated responses, and so does this word in its lines."""
TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".json")
ARRAY_ENDINGS = (".npy", ".npz", ".h5", ".hdf5")
VOLUME_ENDINGS = (".nii", ".nii.gz")
ENDINGS = (*TABLE_ENDINGS, *ARRAY_ENDINGS, *VOLUME_ENDINGS)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are to be read where they do not say so themselves.

    Parameters
    ----------
    id_column, session_column : str
        Of tables; "" finds them by name.
    ids : tuple of Path
        Of arrays and volumes: files with the stimulus of each trial, one a line, or tables (BIDS events). As many as
        measured files, or the runs of a single one in their order.
    key : str
        Of npz and HDF5 files with several arrays: which holds the responses.
    columns : tuple of str
        Of arrays: names of the columns; ("voxels",) says that they are the subject's voxels in order.
    rois : tuple of (str, Path)
        Of volumes: masks whose mean is taken, by name.
    mask : Path, optional
        Of volumes: its voxels become columns, numbered in the order of the file (C order).
    """

    id_column: str = ""
    session_column: str = ""
    ids: tuple[Path, ...] = ()
    key: str = ""
    columns: tuple[str, ...] = ()
    rois: tuple[tuple[str, Path], ...] = ()
    mask: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Every trial with a stimulus.

    Parameters
    ----------
    ids : tuple of str, n_trials long
        The stimulus of each trial.
    sessions : tuple of str, n_trials long
        What was measured together; "" where nothing tells.
    columns : tuple of str, n_columns long
        What was measured: voxels, ROIs, a reaction time.
    values : (n_trials, n_columns) float64
        NaN where nothing was measured.
    n_skipped : int
        Trials without a stimulus: blanks, fixation, catch trials.
    notes : tuple of str
        What was decided while reading, a sentence each.
    is_simulated : bool
        Whether the file says that its responses are simulated.
    texts : mapping of str to str
        Columns left out because they hold text, and the first such text.
    """

    ids: tuple[str, ...]
    sessions: tuple[str, ...]
    columns: tuple[str, ...]
    values: npt.NDArray[np.float64]
    n_skipped: int = 0
    notes: tuple[str, ...] = field(default=())
    is_simulated: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)


def read_trials(
    paths: Sequence[Path], options: ReadOptions, *, known: frozenset[str], n_voxels: int | None = None
) -> Trials:
    """The trials of all files, one below the other.

    Parameters
    ----------
    paths : sequence of Path
        Tables (csv, tsv, json), arrays (npy, npz, h5) or volumes (NIfTI).
    options : ReadOptions
    known : frozenset of str
        The set's ids: they tell which column of a table names the stimulus.
    n_voxels : int, optional
        Voxels of the set's subject, if it is known here: an array of as many columns holds them in order.

    Raises
    ------
    BadInputError
        If a file is missing, damaged, of another kind or has other columns than the first; nothing was computed.
    """
    if not paths:
        raise refusal("measured", allowed="at least one file", got=[])
    shared = _share_ids(paths, options)
    parts = [_read_one(path, one, known=known, n_voxels=n_voxels) for path, one in zip(paths, shared, strict=True)]
    first = parts[0]
    for path, part in zip(paths, parts, strict=True):
        if part.columns != first.columns:
            advice = "Files of one measurement are read one below the other; give the others a comparison of their own."
            got = f"{', '.join(part.columns[:8])} in {path.name}"
            allowed = f"of the same columns as {paths[0].name} ({', '.join(first.columns[:8])})"
            raise refusal("measured", allowed=allowed, got=got, advice=advice)
    sessions = [
        name or (path.name if len(paths) > 1 else "")
        for path, part in zip(paths, parts, strict=True)
        for name in part.sessions
    ]
    return Trials(
        ids=tuple(one for part in parts for one in part.ids),
        sessions=tuple(sessions),
        columns=first.columns,
        values=np.concatenate([part.values for part in parts]),
        n_skipped=sum(part.n_skipped for part in parts),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        is_simulated=any(part.is_simulated for part in parts),
        texts={name: text for part in parts for name, text in part.texts.items()},
    )


def takes(path: Path) -> bool:
    """Whether a file may hold measured responses, by its name."""
    return path.name.lower().endswith(ENDINGS)


def name_stimulus(text: str) -> str:
    """The id in a field that may hold a file's path: "stimuli/face_raise.png" is "face_raise"; "" for no stimulus."""
    word = text.strip()
    if word.casefold() in NO_STIMULUS or word.startswith("<"):  # jsPsych's fixation is a piece of HTML
        return ""
    if word.casefold().endswith(STIMULUS_ENDINGS):
        return word.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    return word


def _share_ids(paths: Sequence[Path], options: ReadOptions) -> list[ReadOptions]:
    """The options of each file: all files of ids for a single measured one, else one each."""
    if len(paths) == 1 or not options.ids:
        return [options for _ in paths]
    if len(options.ids) != len(paths):
        got = f"{len(options.ids)} for {len(paths)} measured files"
        raise refusal("ids", allowed="one file for each measured file", got=got)
    return [replace(options, ids=(one,)) for one in options.ids]


def _read_one(path: Path, options: ReadOptions, *, known: frozenset[str], n_voxels: int | None) -> Trials:
    """Read one file by the module of its kind; these are imported late, since they need the types above."""
    from core.experiments.measured.trial_arrays import read_array
    from core.experiments.measured.trial_tables import read_trial_table

    where = path.expanduser()
    if not where.is_file():
        raise refusal("measured", allowed="a file that is there", got=str(path))
    if not takes(where):
        check_choice("measured", where.suffix.lower(), ENDINGS, advice=f"{path.name} is of another format.")
    if where.name.lower().endswith(TABLE_ENDINGS):
        return read_trial_table(where, options, known=known)
    return read_array(where, options, known=known, n_voxels=n_voxels)
