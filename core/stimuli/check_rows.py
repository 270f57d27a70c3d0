"""Checks that what a manifest's JSON holds is of the kinds its columns have. Never opens a file, never computes.

A manifest carries its own hash, so this finds no slip of a hand: it finds files that another program wrote.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any


def check_kinds(values: Mapping[str, Any], record: type[Any]) -> None:
    """Raise TypeError, naming the column, unless every value is of its field's annotation in a dataclass."""
    for one in fields(record):
        check = KINDS.get(str(one.type))
        if check is not None and one.name in values and not check(values[one.name]):
            raise TypeError(f"{one.name!r} is {str(values[one.name])[:40]!r}")


def check_sizes(values: Mapping[str, Any]) -> None:
    """Raise TypeError unless every side of a row is at least one pixel."""
    for name in ("width_px", "height_px", "picture_px", "resolution"):
        if values[name] < 1:
            raise TypeError(f"{name!r} is {values[name]!r}")


def check_header(header: Mapping[str, Any]) -> None:
    """The same of what packages and comparisons use of the rest. Raises TypeError, naming the part."""
    for name in ("set", "files"):
        if not isinstance(header.get(name, {}), dict):
            raise TypeError(f"{name!r} is {str(header[name])[:40]!r}")
    if not isinstance(header.get("set", {}).get("layout", {}), dict):
        raise TypeError("'layout' is no table")
    for name in ("subject_kinds", "recipes", "stimuli"):
        if not isinstance(header.get(name, []), list):
            raise TypeError(f"{name!r} is {str(header[name])[:40]!r}")


def lies_inside(name: str) -> bool:
    """Whether a file name of a manifest stays below the set's folder, on every system."""
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < math.inf


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": _is_whole,
    "float": _is_number,
    "float | None": lambda value: value is None or _is_number(value),
    "tuple[int, ...]": _list_of(_is_whole),
    "tuple[float, ...]": _list_of(_is_number),
    "tuple[str, ...]": _list_of(_is_text),
}
"""Annotation of a column: whether a value of JSON is of that kind."""
