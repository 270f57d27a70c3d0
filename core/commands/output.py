"""What every command shares for its output: answers, tables, one line of progress, Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol, TypeVar, cast

from core.checks import refusal, to_number
from core.headers import plain
from core.progress import Progress
from core.words import format_duration

Record = TypeVar("Record")
Result = TypeVar("Result", covariant=True)
Row = Mapping[str, Any]

LINE = 118
"""Letters of a line of progress, which is overwritten by the next."""
REPORT_PERIOD = 0.2
"""Seconds between two lines of progress on a terminal."""
LONG = {"note", "citation", "source", "layers", "family"}
"""Columns of a listing left to `--json`: they would break the lines of its table."""


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


def describe_progress(record: Progress[Any]) -> str:
    """One line on work under way."""
    words = (record.stage, f"{round(record.done, 1):g}/{record.total}", record.what)
    return f"{' '.join(filter(None, words))}{time_left(record.seconds_left)}"[:LINE]


def follow(
    records: Iterable[Record], word: Callable[[Any], str] = describe_progress, *, always: bool = False
) -> Record:
    """Run work to its end and return its last record.

    Parameters
    ----------
    records : The work, record by record.
    word : One line on a record; it is kept on stderr and overwritten by the next, if stderr is a terminal.
    always : Print the lines below each other where it is none.
    """
    is_terminal, last_shown, last, shown = sys.stderr.isatty(), 0.0, None, ""
    for last in records:
        if is_terminal and time.monotonic() - last_shown > REPORT_PERIOD:
            last_shown = time.monotonic()
            print(f"\r\x1b[2K{word(last)}", end="", file=sys.stderr, flush=True)
        elif always and not is_terminal and word(last) != shown:
            shown = word(last)
            print(shown, file=sys.stderr, flush=True)
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
    work: Callable[[Callable[[], bool]], Iterable[HasResult[Result]]], word: Callable[[Any], str] = describe_progress
) -> Result:
    """Run work that Ctrl-C can stop to its end, with a line of progress; returns its result."""
    with stop_on_interrupt() as should_stop:
        last = follow(work(should_stop), word)
    if last.result is None:
        raise RuntimeError("The work ended without a result.")
    return last.result


def time_left(seconds: float | None) -> str:
    """The end of a line of progress."""
    return "" if seconds is None else f", {format_duration(seconds)} left"


def answer(value: object, text: str | Callable[[], str] = "", *, as_json: bool) -> int:
    """Print the JSON, unknown numbers as null, or the text; without one the value is a table. Returns 0."""
    if as_json:
        print(json.dumps(plain(value)))
    else:
        print(text() if callable(text) else text or format_table(cast(Sequence[Row], value), leave_out=LONG))
    return 0


def format_table(rows: Sequence[Row], *, leave_out: Set[str] = frozenset()) -> str:
    """Aligned columns under their names; "X", "X low" and "X high" are one: "0.41 [0.38, 0.44]"."""
    if not rows:
        return "Nothing to list."
    names = [name for name in rows[0] if name not in leave_out and not name.endswith((" low", " high"))]
    lines = [names, *([_format_field(row, name) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _format_field(row: Row, name: str) -> str:
    value, low, high = (format_cell(row.get(f"{name}{end}")) for end in ("", " low", " high"))
    return f"{value} [{low}, {high}]" if f"{name} low" in row else value


def format_cell(value: object) -> str:
    """One value as a table shows it, numbers to three digits."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None or value != value:  # not known
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)


def read_numbers(name: str, words: Sequence[str], *, allowed: str) -> tuple[float, ...]:
    """Numbers as they were typed. Raises BadInputError for other words."""
    try:
        return tuple(map(to_number, words))
    except ValueError as error:
        raise refusal(name, allowed=allowed, got=",".join(words)) from error


def split(text: str) -> tuple[str, ...]:
    """The words of a comma-separated list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
