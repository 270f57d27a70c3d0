"""Measured trials as they stand in the laboratory's files, of any kind, joined with the set they were measured with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.checks import check_choice, refusal
from core.datasets.subject import load_subject
from core.datasets.tables import refuse_codes
from core.errors import ProbeError
from core.experiments.measured.measured import MatchOptions, Measured, match_trials
from core.experiments.measured.planned import MeasuredPlan, plan_set
from core.experiments.measured.trial import ENDINGS, TABLE_ENDINGS, ReadOptions, Trials
from core.experiments.measured.trial_arrays import read_array
from core.experiments.measured.trial_tables import read_trial_table
from core.stimuli.manifest import read_manifest
from core.words import natural_order


def open_measured(folder: Path, paths: Sequence[Path], reading: ReadOptions, matching: MatchOptions) -> Measured:
    """The measured responses to a set's stimuli.

    Raises BadInputError if the set was edited, a file cannot be read or does not fit the set, and each with its own
    sentence.
    """
    plan = plan_set(read_manifest(folder))
    return match_trials(plan, read_for(plan, paths, reading), matching)


def read_for(plan: MeasuredPlan, paths: Sequence[Path], reading: ReadOptions) -> Trials:
    """The trials of files measured with a plan's stimuli. Raises as `read_trials`."""
    known = frozenset(stimulus.id for stimulus in plan.stimuli)
    return read_trials(paths, reading, known=known, n_voxels=count_voxels(plan))


def count_voxels(plan: MeasuredPlan) -> int | None:
    """Voxels of the set's subject; None where there are several, or it is not known on this machine."""
    if len(plan.subjects) != 1:
        return None
    try:
        return load_subject(plan.subjects[0]).voxels.n_voxels
    except ProbeError:
        return None


def read_trials(
    paths: Sequence[Path], options: ReadOptions, *, known: frozenset[str], n_voxels: int | None = None
) -> Trials:
    """The trials of all files, one below the other.

    Parameters
    ----------
    paths : Tables (csv, tsv, json), arrays (npy, npz, h5) or volumes (NIfTI).
    known : The set's ids: by them the column that names the stimulus is found.
    n_voxels : Voxels of the set's subject, if it is known here: an array of as many columns holds them in order.

    Raises BadInputError if a file is missing, damaged, of another kind or has other columns than the first, and nothing
    was computed.
    """
    if not paths:
        raise refusal("measured", allowed="at least one file", got=[])
    paths = _order_runs(paths)
    shared = _share_ids(paths, replace(options, ids=_order_runs(options.ids)))
    parts = [_read_one(path, one, known=known, n_voxels=n_voxels) for path, one in zip(paths, shared, strict=True)]
    first = parts[0]
    for path, part in zip(paths, parts, strict=True):
        if part.columns != first.columns:
            advice = "Files of one measurement are read one below the other; give the others a comparison of their own."
            got = f"{', '.join(part.columns[:8])} in {path.name}"
            allowed = f"of the same columns as {paths[0].name} ({', '.join(first.columns[:8])})"
            raise refusal("measured", allowed=allowed, got=got, advice=advice)
        for name, column in zip(part.columns, part.values.T, strict=True):
            refuse_codes(column, name)
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


def _order_runs(files: Sequence[Path]) -> tuple[Path, ...]:
    """Files as they were given; as people count, 2 before 10, where a shell or a dialog sorted the letters."""
    by_letters = [sorted(files), sorted(files, key=lambda file: re.sub(r"[\W_]", "", str(file)).casefold())]
    return tuple(sorted(files, key=lambda file: natural_order(str(file))) if list(files) in by_letters else files)


def _share_ids(paths: Sequence[Path], options: ReadOptions) -> list[ReadOptions]:
    """The options of each file: all files of ids for a single measured one, else one each."""
    if len(paths) == 1 or not options.ids:
        return [options for _ in paths]
    if len(options.ids) != len(paths):
        got = f"{len(options.ids)} for {len(paths)} measured files"
        raise refusal("ids", allowed="one file for each measured file", got=got)
    return [replace(options, ids=(one,)) for one in options.ids]


def _read_one(path: Path, options: ReadOptions, *, known: frozenset[str], n_voxels: int | None) -> Trials:
    where = path.expanduser()
    if not where.is_file():
        raise refusal("measured", allowed="a file that is there", got=str(path))
    if not takes(where):
        check_choice("measured", where.suffix.lower(), ENDINGS, advice=f"{path.name} is of another format.")
    if where.name.lower().endswith(TABLE_ENDINGS):
        return read_trial_table(where, options, known=known)
    return read_array(where, options, known=known, n_voxels=n_voxels)
