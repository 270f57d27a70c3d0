"""Makes frozen records out of plain values, each by its field's annotation (cattrs), and words what does not fit.

Stricter than cattrs by itself: no text is read as a number, no number as a text, no text as a list of letters.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from core.checks import shorten, show_name, suggest
from core.errors import ProbeError
from core.types import MAY_BE_NAN

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

PLAIN: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    Path: "a path",
}
"""What a refusal calls the plain types."""

MOST_NAMED = 12


class Misfit(Exception):
    """A value that does not fit its field: "must be {allowed}, got {got}"."""

    def __init__(self, allowed: str, got: object, meant: str = "") -> None:
        super().__init__(f"must be {allowed}, got {shorten(got)}{meant}")


def build(values: object, record: type[T], *, part: str = "") -> T:
    """The record that plain values describe.

    Raises ValueError with one sentence that names the first key that does not fit, its value and what is allowed.
    """
    try:
        return _converter().structure(values, record)
    except (BaseValidationError, Misfit, RecursionError) as error:
        raise ValueError(_describe(*_find_first(error, part))) from error


def _find_first(error: BaseException, path: str) -> tuple[str, BaseException]:
    """The innermost problem that came first, unknown keys before all others, and the path of its key."""
    while isinstance(error, BaseValidationError):
        extra = [one for one in error.exceptions if isinstance(one, ForbiddenExtraKeysError)]
        error = (extra or error.exceptions)[0]
        for note in getattr(error, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                path = _join(path, note.name)
            elif isinstance(note, IterableValidationNote):
                path = _join(path, note.index)
    return path, error


def _join(path: str, key: str | int) -> str:
    return f"{path}[{key}]" if isinstance(key, int) else f"{path}.{show_name(key)}".lstrip(".")


def _guess(value: Any, known: Sequence[str]) -> str:
    meant = suggest(value, known) if isinstance(value, str) else ""
    return f" (d{meant[1:]})" if meant else ""


def _describe(path: str, error: BaseException) -> str:
    if isinstance(error, ForbiddenExtraKeysError):
        key, known = min(error.extra_fields, key=str), [one.name for one in dataclasses.fields(error.cl)]
        more = f" (and {len(known) - MOST_NAMED} more)" if len(known) > MOST_NAMED else ""
        allowed = f"one of {', '.join(known[:MOST_NAMED])}{more}"
        return f"has an unknown key `{_join(path, key)}`{_guess(key, known)}; allowed is {allowed}"
    if isinstance(error, KeyError) and any(isinstance(one, AttributeValidationNote) for one in error.__notes__):
        return f"lacks `{path}`"
    if isinstance(error, Misfit):
        return f"is wrong: `{path}` {error}" if path else f"is wrong: it {error}"
    if isinstance(error, ProbeError):  # a record that checks itself has worded its own sentence
        return f"is wrong{f' in `{path}`' if path else ''}: {str(error).rstrip('.')}"
    return f"is wrong{f' in `{path}`' if path else ''}: {error}"


@cache
def _converter() -> Converter:
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)

    def add(fits: Callable[[Any], bool], hook: Hook) -> None:
        converter.register_structure_hook_func(lambda kind: kind is not Any and fits(kind), hook)

    def take_tuple(value: Any, kind: Any) -> Any:
        return _take_tuple(converter, value, kind)

    for plain in PLAIN:
        converter.register_structure_hook(plain, _take_plain)
    converter.register_structure_hook(Enum, _take_plain)
    add(lambda kind: get_origin(kind) is Literal, lambda value, kind: _choose(value, get_args(kind)))
    add(
        lambda kind: get_origin(kind) is np.ndarray,
        lambda value, _: value if isinstance(value, np.ndarray) else _refuse("an array", value),
    )
    add(lambda kind: get_origin(kind) in (tuple, list, Sequence) or hasattr(kind, "_fields"), take_tuple)
    add(lambda kind: get_origin(kind) in (dict, Mapping), lambda value, kind: _take_table(converter, value, kind))
    add(lambda kind: get_origin(kind) in (Union, types.UnionType), lambda v, kind: _take_union(converter, v, kind))
    converter.register_structure_hook_factory(dataclasses.is_dataclass, lambda kind: _hook_record(converter, kind))
    return converter


def _hook_record(converter: Converter, kind: type[Any]) -> Hook:
    hints = get_type_hints(kind, include_extras=True)
    loose = {name for name, hint in hints.items() if MAY_BE_NAN in getattr(hint, "__metadata__", ())}
    older: dict[str, Any] = dict(getattr(kind, "IN_OLD_FILES", {}))  # keys added later, with what their lack means
    numbers = {name: override(struct_hook=_take_number) for name in loose}
    make: Hook = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **numbers)  # type: ignore[arg-type]

    def take(value: Any, _: Any) -> Any:
        if isinstance(value, kind):
            return value
        return make({**older, **value}, kind) if isinstance(value, Mapping) else _refuse("a table", value)

    return take


def _take_plain(value: Any, kind: Any) -> Any:
    if issubclass(kind, Enum):  # first, as most of ours are texts too
        return _take_enum(value, kind)
    if kind is float:
        return value if _is_number(value) and abs(value) < math.inf else _refuse(PLAIN[float], value)
    if kind is Path:
        return Path(value) if isinstance(value, Path) or _is_text(value) else _refuse(PLAIN[Path], value)
    fits = _is_text(value) if kind is str else type(value) is kind
    return value if fits else _refuse(PLAIN[kind], value)


def _is_text(value: Any) -> bool:
    """Whether a value is a text that every file and file name can hold: no NUL, no half of a surrogate pair."""
    try:
        return isinstance(value, str) and b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _is_number(value: Any) -> bool:
    """Whether it is a number that a float holds: a whole number of hundreds of digits is none."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    except OverflowError:
        return False


def _take_number(value: Any, _: Any) -> Any:
    return value if _is_number(value) or value != value else _refuse("a number or NaN", value)


def _take_enum(value: Any, kind: type[Enum]) -> Any:
    return value if isinstance(value, kind) else kind(_choose(value, [one.value for one in kind]))


def _choose(value: Any, known: Sequence[Any]) -> Any:
    names = [str(one) for one in known]
    return value if value in known else _refuse(f"one of {', '.join(names)}", value, meant=_guess(value, names))


def _take_tuple(converter: Converter, value: Any, kind: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _refuse("a list", value)
    named = hasattr(kind, "_fields")
    parts = tuple(get_type_hints(kind).values()) if named else get_args(kind)
    endless = not named and (len(parts) == 1 or parts[-1] is Ellipsis)
    kinds = parts[:1] * len(value) if endless else parts
    if len(kinds) != len(value):
        return _refuse(f"a list of {len(kinds)}", value)
    places = enumerate(zip(value, kinds, strict=True))
    if endless and parts[0] is str and all(map(_is_text, value)):  # by far the longest lists
        made = list(value)
    else:
        made = [_take_item(converter, item, one, place, kind) for place, (item, one) in places]
    return kind(*made) if named else (made if get_origin(kind) is list else tuple(made))


def _take_table(converter: Converter, value: Any, kind: Any) -> Any:
    if not isinstance(value, Mapping):
        return _refuse("a table", value)
    of_keys, of_values = get_args(kind) or (Any, Any)
    taken = {_take_item(converter, key, of_keys, key, kind): item for key, item in value.items()}
    return {key: _take_item(converter, item, of_values, key, kind) for key, item in taken.items()}


def _take_item(converter: Converter, item: Any, item_kind: Any, place: int | str, kind: Any) -> Any:
    try:
        return converter.structure(item, item_kind)
    except (BaseValidationError, Misfit) as error:
        error.add_note(IterableValidationNote("", place, item_kind))
        raise IterableValidationError("", [error], kind) from error


def _take_union(converter: Converter, value: Any, kind: Any) -> Any:
    arms = [one for one in get_args(kind) if one is not type(None)]
    if value is None and len(arms) < len(get_args(kind)):
        return None
    if len(arms) == 1:
        return converter.structure(value, arms[0])
    for arm in arms:
        try:
            return converter.structure(value, arm)
        except (BaseValidationError, Misfit):
            continue
    return _refuse(" or ".join(PLAIN.get(arm, str(arm)) for arm in arms), value)


def _refuse(allowed: str, got: object, meant: str = "") -> NoReturn:
    raise Misfit(allowed, got, meant)
