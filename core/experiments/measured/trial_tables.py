"""Reads trials from tables: wide or long CSV and TSV, BIDS events, PsychoPy's and jsPsych's data.

wide: one line a trial (or a stimulus), a column that names the stimulus, a column for each voxel, ROI or measure
long: one line a value, with columns for the stimulus, for what was measured (roi, voxel) and for the response
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.checks import refusal, shorten, show_name, suggest
from core.containers import reading
from core.datasets.tables import Table, read_table, read_text, to_numbers
from core.errors import BadInputError
from core.experiments.measured.trial import SIMULATED, ReadOptions, Trials, name_stimulus
from core.types import FloatArray

ID_NAMES = ("stimulus", "stimulus_id", "id", "stim_id", "stim_file", "stimulus_file", "image", "image_file", "file")
SESSION_NAMES = ("participant", "participant_id", "subject", "session", "ses")
LONG_NAMES = ("roi", "voxel", "target", "column")
LONG_VALUES = ("response", "beta", "value", "z")
TYPE_NAMES = ("trial_type", "trial_kind")
NO_TRIAL = {"catch", "blank", "fixation", "null", "rest"}
"""Values of a trial type that are not compared."""

BOOKKEEPING = {
    *("onset", "duration", "trial", "trial_index", "trial_number", "run", "repeat", "repetition", "index", "order"),
    *("time_elapsed", "time", "sample", "block", "pair_id", "role", "age", "date", "framerate"),
    *("is_catch", "width_ratio", "height_ratio", "real_onset", "real_duration", "left_page", "unnamed: 0"),
    *("level_wanted", "level_reached"),
}
"""Columns that count, time or describe a trial, in lower case; none of them is a response."""


def read_trial_table(path: Path, options: ReadOptions, *, known: frozenset[str]) -> Trials:
    """The trials of a table. Raises BadInputError if no column names stimuli or none holds numbers."""
    table = _read(path)
    id_column = find_id_column(table, options.id_column, known=known, file=path.name)
    ids = [name_stimulus(text) for text in table[id_column]]
    sessions = _name_sessions(table, options.session_column, file=path.name)
    kept = [number for number, one in enumerate(ids) if one and not _is_no_trial(table, number)]
    skipped = len(ids) - len(kept)
    if not kept:
        advice = f"Its column {id_column!r} names no stimulus."
        raise refusal("measured", allowed="a table with trials", got=path.name, advice=advice)
    chosen = {name: [column[number] for number in kept] for name, column in table.items()}
    pair = _find_long(chosen)
    used_ids, used_sessions = [ids[number] for number in kept], [sessions[number] for number in kept]
    if pair is not None:
        return _widen(chosen, pair, ids=used_ids, sessions=used_sessions, skipped=skipped, file=path.name)
    taken = {id_column, SIMULATED, *_session_columns(table, options.session_column, file=path.name)}
    columns, texts = _choose_values(chosen, taken=taken, file=path.name)
    return Trials(
        tuple(used_ids),
        tuple(used_sessions),
        tuple(columns),
        np.stack(list(columns.values()), axis=1),
        skipped,
        (f"Columns of text were left out: {', '.join([*texts][:6])}{' ...' * (len(texts) > 6)}.",) if texts else (),
        is_simulated=SIMULATED in table,
        texts=texts,
    )


def find_id_column(table: Table, requested: str, *, known: frozenset[str], file: str) -> str:
    """The column that names the stimulus: the requested one, else that of most known ids, else one of a usual name."""
    if requested:
        return _check_column("id_column", requested, table, file=file)
    hits = {name: sum(name_stimulus(text) in known for text in column) for name, column in table.items()}
    best = max(hits, key=lambda name: hits[name], default="")
    if best and hits[best]:
        return best
    named = [name for usual in ID_NAMES for name in table if name.casefold() == usual]
    if named:
        return named[0]
    held = ", ".join(map(show_name, list(table)[:10])) or "no columns"
    advice = f"It has {held}; name the column of the stimulus (--id-column)."
    if len(table) == 1 and ";" in next(iter(table)):
        advice = "Its fields are separated by semicolons; save it with commas or tabs, and points in numbers."
    allowed = f"a table with a column {ID_NAMES[0]!r}, of ids or file names of the set"
    raise refusal("measured", allowed=allowed, got=file, advice=advice)


def _check_column(option: str, requested: str, table: Table, *, file: str) -> str:
    if requested not in table:
        advice = suggest(requested, list(table)) or f"It has {', '.join(map(show_name, list(table)[:10]))}."
        raise refusal(option, allowed=f"a column of {file}", got=requested, advice=advice)
    return requested


def read_ids(path: Path, *, known: frozenset[str]) -> tuple[list[str], list[str]]:
    """The stimulus and the session of each trial of a betas file: lines of ids, or a table with events in their order.

    A trial without a stimulus to compare (blank, catch) has an empty id.
    """
    if path.suffix.lower() == ".txt":
        lines = read_text(path, "text file of ids").splitlines()
        ids = [name_stimulus(line) for line in lines if line.strip()]
        return ids, [""] * len(ids)
    table = _read(path)
    column = find_id_column(table, "", known=known, file=path.name)
    sessions = _name_sessions(table, "", file=path.name)
    texts = table[column]
    return ["" if _is_no_trial(table, number) else name_stimulus(text) for number, text in enumerate(texts)], sessions


def _read(path: Path) -> Table:
    """A table by its columns; the mark of `protect_cell` before a name is no part of it."""
    table = _read_json(path) if path.suffix.lower() == ".json" else read_table(path)
    return {name.removeprefix("'"): column for name, column in table.items()}


def _read_json(path: Path) -> Table:
    """The data of jsPsych: a list of trials, each an object of its own keys."""
    with reading(path, "JSON file"):
        rows = json.loads(read_text(path, "JSON file"))
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise refusal("measured", allowed="a JSON list of trials, as jsPsych saves it", got=path.name)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: ["" if row.get(name) is None else str(row[name]) for row in rows] for name in names}


def _is_no_trial(table: Table, number: int) -> bool:
    kinds = [table[name][number] for name in table if name.casefold() in TYPE_NAMES]
    return any(kind.casefold() in NO_TRIAL for kind in kinds)


def _session_columns(table: Table, requested: str, *, file: str) -> list[str]:
    if requested:
        return [_check_column("session_column", requested, table, file=file)]
    return [name for name in table if name.casefold() in SESSION_NAMES]


def _name_sessions(table: Table, requested: str, *, file: str) -> list[str]:
    columns = _session_columns(table, requested, file=file)
    n_lines = len(next(iter(table.values()), []))
    return [" ".join(table[name][number] for name in columns) for number in range(n_lines)]


def _find_long(table: Table) -> tuple[str, str] | None:
    """The columns (what, value) of a long table; None for a wide one."""
    names = {name.casefold(): name for name in table}
    what = next((names[name] for name in LONG_NAMES if name in names), None)
    value = next((names[name] for name in LONG_VALUES if name in names), None)
    if what is None or value is None or _parse(table[value]) is None:
        return None
    return what, value


def _widen(
    table: Table, pair: tuple[str, str], *, ids: Sequence[str], sessions: Sequence[str], skipped: int, file: str
) -> Trials:
    """A long table as trials: the n-th value of a stimulus in a session is its n-th repeat there."""
    import pandas as pd  # kept from the window's start

    what, value = pair
    numbers = _parse(table[value])
    if numbers is None:
        raise refusal(value, allowed="a column of numbers", got=file)
    named = [text.removeprefix("'") for text in table[what]]  # as `protect_cell` writes it
    cells = pd.DataFrame({"id": ids, "session": sessions, "what": named, "value": numbers})
    cells["repeat"] = cells.groupby(["id", "session", "what"]).cumcount()
    keys = ["id", "session", "repeat"]
    wide = cells.pivot(index=keys, columns="what", values="value")[list(dict.fromkeys(named))]
    wide = wide.reindex(pd.MultiIndex.from_frame(cells[keys].drop_duplicates()))
    note = f"{file} is a long table: {what!r} says what was measured, {value!r} is the response."
    return Trials(
        tuple(wide.index.get_level_values("id")),
        tuple(wide.index.get_level_values("session")),
        tuple(wide.columns),
        wide.to_numpy(dtype=np.float64),
        skipped,
        (note,),
        is_simulated=SIMULATED in table,
    )


def _choose_values(table: Table, *, taken: set[str], file: str) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Every column of numbers that may be a response, and the first text of those that hold text."""
    columns: dict[str, FloatArray] = {}
    texts: dict[str, str] = {}
    for name, column in table.items():
        if name in taken or name.casefold() in TYPE_NAMES or not name:
            continue
        numbers = _parse(column)
        if numbers is None:
            texts[name] = next(text for text in column if _parse([text]) is None)
        elif np.isfinite(numbers).any():
            columns[name] = numbers
    responses = {name: numbers for name, numbers in columns.items() if name.casefold() not in BOOKKEEPING}
    if not responses:
        shown = ", ".join(f"{show_name(name)} ({shorten(text)})" for name, text in list(texts.items())[:8])
        advice = f"Its other columns are {shown or 'empty'}. Add a column for each voxel or ROI, with decimal points."
        raise refusal("measured", allowed="a table with a column of numbers", got=file, advice=advice)
    return responses, texts


def _parse(texts: Sequence[str]) -> FloatArray | None:
    """A column as numbers, NaN where nothing stands; None if it holds other text."""
    try:
        numbers = to_numbers([text.strip() for text in texts], "column")
    except BadInputError:
        return None
    return np.where(np.isfinite(numbers), numbers, np.nan)
