"""Texts that are the same everywhere: counts, numbers, durations, a few of many names, cells of tables."""

from __future__ import annotations

import codecs
import io
import math
import re
import sys
from collections.abc import Mapping, Sequence

MINUS, MISSING = "\N{MINUS SIGN}", "\N{EN DASH}"
PLAIN = {"−": "-", "×": "x", "·": "-", "→": "->", "…": "...", "²": "^2"}
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
NUMBER = re.compile(r"(\d+)")
HARMLESS = re.compile(r"[-+\d.eE ]*|\(\w*\)")
"""Numbers, and a word in brackets."""
OPENERS = tuple("=+-@[(＝＋－＠")
"""What starts a formula of a spreadsheet, or a list that PsychoPy evaluates as Python."""


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun, "1 voxel", "3 voxels", "2 stimuli"; `many` where an s does not make the plural.

    Examples
    --------
    >>> count(1, "voxel"), count(3, "voxel"), count(2, "stimulus", "stimuli")
    ('1 voxel', '3 voxels', '2 stimuli')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def format_number(value: float, digits: int = 2) -> str:
    """A number with fixed decimals and a true minus sign; no sign before zeros, an en dash where it is not finite."""
    return f"{value:z.{digits}f}".replace("-", MINUS) if math.isfinite(value) else MISSING


def format_signed(value: float, digits: int = 2) -> str:
    """The same with its sign always written; what rounds to zero is written as plain zero."""
    if not math.isfinite(value):
        return MISSING
    text = f"{value:+.{digits}f}"
    return (text[1:] if float(text) == 0 else text).replace("-", MINUS)


def digits_for(largest: float) -> int:
    """Decimals that give about three figures to numbers up to `largest`."""
    if not math.isfinite(largest) or largest <= 0:
        return 2
    return min(5, max(0, 2 - math.floor(math.log10(largest))))


def name_with_unit(name: str, unit: str) -> str:
    """A quantity with its unit, if it has one: "shift (SD)"; a unit with a bracket of its own gets no second one."""
    if not unit:
        return name
    return f"{name}, {unit}" if "(" in unit else f"{name} ({unit})"


def natural_order(name: str) -> tuple[list[str | int], str]:
    """The key that sorts names as people count: 2 before 10.

    Examples
    --------
    >>> sorted(["run-10", "run-2", "Run-1"], key=natural_order)
    ['Run-1', 'run-2', 'run-10']
    """
    return [int(part) if part.isdecimal() else part.casefold() for part in NUMBER.split(name)], name


def format_duration(seconds: float) -> str:
    """Write a duration as people say it.

    Examples
    --------
    >>> format_duration(40), format_duration(720), format_duration(12600)
    ('40 s', '12 min', '3.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def write_duration(seconds: float) -> str:
    """A duration that is known, to the second: "6 min 32 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def protect_cell(value: object) -> object:
    """A cell of a table of which no reader makes anything but a text: a mark of quotation goes before a dangerous one.

    Examples
    --------
    >>> [protect_cell(value) for value in ("=cmd|' /C calc'!A0", "[1, 2]", "-0.5 1", "(all)", 3)]
    ["'=cmd|' /C calc'!A0", "'[1, 2]", '-0.5 1', '(all)', 3]
    """
    if not isinstance(value, str) or HARMLESS.fullmatch(value):
        return value
    text = CONTROLS.sub(" ", value)
    return f"'{text}" if text.lstrip().startswith(OPENERS) else text


def name_differences(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What differs between two records of circumstances: "torch 2.9.0 instead of 2.8.0"."""
    names = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    return tuple(f"{name} {now.get(name, 'none')} instead of {then.get(name, 'none')}" for name in names)


def name_some(names: Sequence[str], most: int = 3, noun: str = "") -> str:
    """The first of many names: "a, b, c and 4 more files" with the noun "file"."""
    left = len(names) - most
    more = f" and {left} more {noun + 's' if noun else ''}".rstrip() if left > 0 else ""
    return ", ".join(names[:most]) + more


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
