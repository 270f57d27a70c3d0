"""A named table, the unit of what an analysis writes: made row by row, written as CSV and Parquet."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.files import replace_file
from core.statistics import Interval
from core.words import protect_cell

if TYPE_CHECKING:
    import pandas as pd

Value = str | float | int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A named table; the unit stands in each column's name. `frame` holds the values as they are (dtype object)."""

    name: str
    title: str
    frame: pd.DataFrame

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.frame.columns)

    @property
    def rows(self) -> tuple[tuple[Value, ...], ...]:
        """The values, row by row."""
        return tuple(self.frame.itertuples(index=False, name=None))


def make_table(name: str, title: str, rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Table:
    """A table of rows that name their columns; `columns` where there may be no row.

    An interval takes three columns: its value, "NAME low" and "NAME high".

    Examples
    --------
    >>> table = make_table("scores", "Held-out scores", [{"ROI": "V1", "r": 0.5}, {"ROI": "FFA", "r": 0.4}])
    >>> table.columns, table.rows
    (('ROI', 'r'), (('V1', 0.5), ('FFA', 0.4)))
    """
    import pandas as pd  # kept from the window's start

    return Table(name, title, pd.DataFrame(list(map(_lay_out, rows)), columns=columns, dtype=object))


def _lay_out(row: Mapping[str, Any]) -> dict[str, Value]:
    """The cells of a row as plain texts and numbers, by column."""
    cells: dict[str, Value] = {}
    for name, value in row.items():
        if isinstance(value, Interval):
            cells |= {name: value.value, f"{name} low": value.low, f"{name} high": value.high}
        elif isinstance(value, str):
            cells[name] = str(value)
        else:
            cells[name] = value.item() if isinstance(value, np.generic) else value
    return cells


def write_tables(tables: Sequence[Table], folder: Path) -> tuple[Path, ...]:
    """Write each table as CSV, and as Parquet where pyarrow is installed; returns the files.

    Other files of the folder stay. Raises StorageError if it cannot be written.
    """
    written = []
    for table in tables:
        written.append(folder / f"{table.name}.csv")
        replace_file(written[-1], partial(write_csv, table.frame))
        if importlib.util.find_spec("pyarrow") is not None:
            written.append(folder / f"{table.name}.parquet")
            replace_file(written[-1], partial(_write_parquet, table.frame))
    return tuple(written)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV (RFC 4180); unknown numbers as "nan"."""
    names, *rows = ([protect_cell(cell) for cell in row] for row in (tuple(frame), *frame.itertuples(index=False)))
    safe = type(frame)(rows, columns=names, dtype=object)
    safe.to_csv(path, index=False, na_rep="nan", lineterminator="\r\n", encoding="utf-8")


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    columns = {name: frame[name].tolist() for name in frame}  # pandas' own writer turns NaN into null
    parquet.write_table(arrow.table(columns), path)
