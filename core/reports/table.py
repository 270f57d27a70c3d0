"""A named table of plain values, the unit of what an analysis writes. Never computes or writes."""

from __future__ import annotations

from dataclasses import dataclass

from core.sweeps.statistics import Interval

Value = str | float | int


@dataclass(frozen=True, slots=True)
class Table:
    """A named table; the unit stands in each column's name."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def spread_columns(name: str) -> tuple[str, str, str]:
    """The columns of a value and its interval."""
    return name, f"{name} low", f"{name} high"


def flatten_interval(interval: Interval) -> tuple[float, float, float]:
    """Its three numbers."""
    return interval.value, interval.low, interval.high
