"""What every command shares for its output: answers, tables, one line of progress, Ctrl-C."""

from __future__ import annotations

import codecs
import io
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from types import FrameType
from typing import Any, Protocol, TypeVar

from core.words import format_duration

Record = TypeVar("Record")
Result = TypeVar("Result", covariant=True)
Row = Mapping[str, Any]

REPORT_PERIOD = 0.2
"""Seconds between two lines of progress on a terminal."""
LONG = {"note", "citation", "source", "layers", "family"}
"""Columns left to `--json`: they would break the lines of a table."""
PLAIN = {"−": "-", "×": "x", "·": "-", "→": "->", "…": "...", "²": "^2"}


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a `should_stop` that turns true at the first Ctrl-C; the second one interrupts at once, as usual."""
    pressed = threading.Event()

    def press(_number: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    previous = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, previous)


def follow(records: Iterable[Record], word: Callable[[Record], str], *, always: bool = False) -> Record:
    """Run work to its end and return its last record.

    Parameters
    ----------
    records : The work, record by record.
    word : One line on a record; it is kept on stderr and overwritten by the next, if stderr is a terminal.
    always : Print the lines below each other where it is none.
    """
    is_terminal, last_shown, last = sys.stderr.isatty(), 0.0, None
    for last in records:
        if is_terminal and time.monotonic() - last_shown > REPORT_PERIOD:
            last_shown = time.monotonic()
            print(f"\r\x1b[2K{word(last)}", end="", file=sys.stderr, flush=True)
        elif always and not is_terminal:
            print(word(last), file=sys.stderr, flush=True)
    if last is None:
        raise RuntimeError("The work ended without a record.")
    if is_terminal:
        print(f"\r\x1b[2K{word(last)}", file=sys.stderr, flush=True)
    return last


class HasResult(Protocol[Result]):
    """A record of work, the last one of which holds the result."""

    @property
    def result(self) -> Result | None:
        """What came out; None before the end."""


def finish(
    work: Callable[[Callable[[], bool]], Iterable[HasResult[Result]]], word: Callable[[Any], str] | None = None
) -> Result:
    """Run work that Ctrl-C can stop to its end, with a line of progress if `word` makes one; returns its result."""
    with stop_on_interrupt() as should_stop:
        records = work(should_stop)
        last = follow(records, word) if word else list(records)[-1]
    if last.result is None:
        raise RuntimeError("The work ended without a result.")
    return last.result


def time_left(seconds: float | None) -> str:
    """The end of a line of progress."""
    return "" if seconds is None else f", {format_duration(seconds)} left"


def answer(value: object, text: str | Callable[[], str], *, as_json: bool) -> int:
    """Print the JSON or the text; returns 0."""
    print(json.dumps(value) if as_json else text if isinstance(text, str) else text())
    return 0


def format_table(rows: Sequence[Row]) -> str:
    """Aligned columns under their names."""
    if not rows:
        return "Nothing to list."
    names = [name for name in rows[0] if name not in LONG]
    return align([names, *([format_cell(row[name]) for name in names] for row in rows)])


def align(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def format_cell(value: object) -> str:
    """One value as a table shows it."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None:
        return "-"
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def format_answer(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of an analysis: numbers to three digits, each with its interval: "0.41 [0.38, 0.44]"."""
    narrow = [index for index, name in enumerate(columns) if not name.endswith((" low", " high"))]

    def cell(row: Sequence[object], index: int) -> str:
        if index + 2 < len(columns) and columns[index + 1] == f"{columns[index]} low":
            return f"{_short(row[index])} [{_short(row[index + 1])}, {_short(row[index + 2])}]"
        return _short(row[index])

    return align([[columns[index] for index in narrow], *([cell(row, index) for index in narrow] for row in rows)])


def finite(value: float | None) -> float | None:
    """A number for JSON: None where it is missing or not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def split(text: str) -> tuple[str, ...]:
    """The words of a comma-separated list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def use_plain_letters() -> None:
    """Let output of a narrow encoding, as into a file on Windows, show "-" for a minus sign, and "?" for odd bytes."""
    codecs.register_error("plain", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, Real) and not isinstance(value, Integral) else str(value)
