"""An answer's table as people read it: names with units, an interval in one cell, numbers that can be sorted.

The files keep their columns and every digit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from app.widgets.plain_table import Cell
from core.attacks.config import write_epsilon
from core.reports.table import Table
from core.types import NormName
from core.words import digits_for, format_number

ENDS = (" low", " high")
WORDS = {"n_": "", "l2": "L2", "linf": "Linf", "epsilon": "ε", "roi": "ROI", "r2": "r²"}
"""Parts of names of columns, and what people call them."""
SYMBOLS = ("p", "r²", "T", "ε")
P_DIGITS, LEAST_P = 3, 0.001
NOT_REACHED, NOTE = "not reached", "note"


class Column(NamedTuple):
    """A column: its name in the table, its title, its cells from top to bottom."""

    name: str
    title: str
    cells: list[Cell]


def lay_out_columns(table: Table) -> list[Column]:
    """The columns to show, notes last; the ends of an interval stand in the column of its value."""
    columns = {name: list(table.frame[name]) for name in table.columns}
    norms = [NormName(one) for one in columns.get("norm", [])]
    ends = {name: [columns.get(name + end) for end in ENDS] for name in columns}
    inside = {name + end for name, both in ends.items() if None not in both for end in ENDS}
    found = []
    for name, values in columns.items():
        if name in inside:
            continue
        if any(isinstance(one, str) for one in values):
            found.append(Column(name, name_column(name), [_word(name, str(one)) for one in values]))
            continue
        intervals = list(zip(*ends[name], strict=True)) if None not in ends[name] else [()] * len(values)
        budgets = norms if name.startswith("epsilon") else [NormName.LINF] * len(values) * name.startswith("linf")
        cells = _write_numbers(name, values, intervals, budgets)
        found.append(Column(name, name_column(name), cells))
    return sorted(found, key=lambda one: one.name == NOTE)


def name_column(name: str) -> str:
    """A column's name with its unit, for people.

    Examples
    --------
    >>> name_column("n_targets"), name_column("linf epsilon at 1 SD"), name_column("r2 / noise ceiling")
    ('Targets', 'Linf ε at 1 SD', 'r² / noise ceiling')
    """
    for part, word in WORDS.items():
        name = name.replace(part, word)
    return name if name.split()[0] in SYMBOLS else name[0].upper() + name[1:]


def _word(name: str, value: str) -> str:
    return value.upper() if name == "attack" else value.capitalize() if name == "norm" else value


def _write_numbers(name: str, values: list[Any], intervals: list[Any], budgets: list[NormName]) -> list[Cell]:
    """All with the same decimals, about three figures of the largest."""
    every = [abs(one) for row in zip(values, *zip(*intervals, strict=True), strict=True) for one in row]
    largest = max((one for one in every if math.isfinite(one)), default=0.0)
    whole = all(isinstance(one, int) for one in values)
    digits = 0 if whole else P_DIGITS if name.startswith("p ") else digits_for(largest)

    def write(row: int, value: float) -> str:
        if math.isinf(value):
            return NOT_REACHED
        if budgets and math.isfinite(value):
            return write_epsilon(value, budgets[row])
        if name.startswith("p ") and value < LEAST_P:
            return f"< {LEAST_P}"
        return format_number(value, digits)

    cells: list[Cell] = []
    for row, (value, both) in enumerate(zip(values, intervals, strict=True)):
        known = both and all(map(math.isfinite, both))
        beside = f" [{', '.join(write(row, one) for one in both)}]" if known else ""
        cells.append((write(row, value) + beside, float(value)))
    return cells
