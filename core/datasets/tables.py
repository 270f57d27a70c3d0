"""Reads small tables, CSV or TSV with a header line, as columns of text. Never guesses a missing column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import describe_refusal, suggest
from core.errors import BadInputError

Table = dict[str, list[str]]


def read_table(file: Path, *, needs: Sequence[str] = ()) -> Table:
    """The columns of a table by name.

    Raises
    ------
    BadInputError
        If the file cannot be read, a line has too few fields, or a needed column is missing.
    """
    try:
        with file.expanduser().open(newline="", encoding="utf-8-sig") as opened:
            first = opened.readline()
            opened.seek(0)
            rows = list(csv.reader(opened, delimiter="\t" if "\t" in first else ","))
    except (OSError, UnicodeError, csv.Error) as error:
        raise BadInputError(describe_refusal("table", allowed="a readable CSV or TSV file", got=str(file))) from error
    names = [name.strip() for name in rows[0]] if rows else []
    for missing in [name for name in needs if name not in names]:
        advice = suggest(missing, names) or f"It has {', '.join(names[:8]) or 'nothing'}."
        raise BadInputError(
            describe_refusal("table", allowed=f"one with a column {missing!r}", got=file.name, advice=advice)
        )
    short = [number for number, row in enumerate(rows, start=1) if row and len(row) != len(names)]
    if short:
        got = f"{len(rows[short[0] - 1])} in line {short[0]} of {file.name}"
        raise BadInputError(describe_refusal("table", allowed=f"{len(names)} fields a line", got=got))
    filled = [row for row in rows[1:] if row]
    return {name: [row[column].strip() for row in filled] for column, name in enumerate(names)}


def to_numbers(texts: list[str], name: str) -> npt.NDArray[np.float64]:
    """A column as numbers; an empty field is NaN. Raises BadInputError for any other text."""
    try:
        return np.array([float(text) if text else np.nan for text in texts])
    except ValueError as error:
        raise BadInputError(describe_refusal(name, allowed="numbers", got=str(error).rpartition(":")[2])) from error


def to_integers(texts: list[str], name: str) -> npt.NDArray[np.int64]:
    """A column as whole numbers. Raises BadInputError for any other text."""
    numbers = to_numbers(texts, name)
    if not (np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all()):
        raise BadInputError(describe_refusal(name, allowed="whole numbers", got=next(iter(texts), "")))
    return numbers.astype(np.int64)
