"""Reads small tables, CSV or TSV with a header line, as columns of text. Never guesses a missing column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import refusal, suggest

Table = dict[str, list[str]]


def read_table(file: Path, *, needs: Sequence[str] = (), only: Callable[[str], bool] = lambda _name: True) -> Table:
    """The columns of a table by name, or those `only` selects: a wide table costs no more than what is kept of it.

    Raises
    ------
    BadInputError
        If the file cannot be read, a line has too few fields, or a needed column is missing.
    """
    try:
        with file.expanduser().open(newline="", encoding="utf-8-sig") as opened:
            first = opened.readline()
            opened.seek(0)
            rows = csv.reader(opened, delimiter="\t" if "\t" in first else ",")
            names = [name.strip() for name in next(rows, [])]
            _check_columns(names, needs, file)
            _check_once(names, file)
            kept = {name: column for column, name in enumerate(names) if name in needs or only(name)}
            return _read_columns(rows, kept, n_fields=len(names), file=file)
    except (OSError, UnicodeError, csv.Error) as error:
        raise refusal("table", allowed="a readable CSV or TSV file", got=str(file)) from error


def _check_columns(names: list[str], needs: Sequence[str], file: Path) -> None:
    for missing in [name for name in needs if name not in names]:
        advice = suggest(missing, names) or f"It has {', '.join(names[:8]) or 'nothing'}."
        raise refusal("table", allowed=f"one with a column {missing!r}", got=file.name, advice=advice)


def _check_once(names: Sequence[str], file: Path) -> None:
    twice = next((name for place, name in enumerate(names) if name and name in names[:place]), None)
    if twice is not None:
        advice = f"{file.name} has two columns of that name: rename or remove one."
        raise refusal("table", allowed="one of different columns", got=twice, advice=advice)


def _read_columns(rows: Iterator[list[str]], kept: dict[str, int], *, n_fields: int, file: Path) -> Table:
    table: Table = {name: [] for name in kept}
    for number, row in enumerate(rows, start=2):
        if row and len(row) != n_fields:
            got = f"{len(row)} in line {number} of {file.name}"
            by_semicolons = n_fields == 1 and ";" in next(iter(kept), "")
            advice = "Save it with commas or tabs instead of semicolons, and decimal points." if by_semicolons else ""
            raise refusal("table", allowed=f"{n_fields} fields a line", got=got, advice=advice)
        if row:
            for name, column in kept.items():
                table[name].append(row[column].strip())
    return table


def to_numbers(texts: list[str], name: str) -> npt.NDArray[np.float64]:
    """A column as numbers; an empty field is NaN. Raises BadInputError for any other text."""
    try:
        return np.array([float(text) if text else np.nan for text in texts])
    except ValueError as error:
        raise refusal(name, allowed="numbers", got=str(error).rpartition(":")[2]) from error


def to_integers(texts: list[str], name: str) -> npt.NDArray[np.int64]:
    """A column as whole numbers. Raises BadInputError for any other text."""
    numbers = to_numbers(texts, name)
    if not (np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all()):
        raise refusal(name, allowed="whole numbers", got=next(iter(texts), ""))
    return numbers.astype(np.int64)
