"""Words every refusal of a bad value, so that all of them read alike."""

from __future__ import annotations

import difflib
import math
import reprlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

from core.errors import BadInputError

LIKELY_GREY_LEVELS = 1.0
"""An epsilon above this was most likely meant in grey levels of 255."""

LONGEST_SHOWN = 60
LONGEST_VALUE = 400
"""A value of more letters, one out of a damaged file, is cut; paths and lists of names are not."""
MOST_LISTED = 12
Number = TypeVar("Number", int, float)


def refusal(name: str, *, allowed: str, got: object, advice: str = "") -> BadInputError:
    """The exception to raise for a bad value: "`name` must be {allowed}, got {value!r}. {advice}".

    In the window it reads "Name must be {allowed}, not {value}. {advice}".
    """
    shown = repr(got) if len(repr(got)) <= LONGEST_VALUE else shorten(got)
    advice = f" {advice}" if advice else ""
    words = name.replace("_", " ") if name.isidentifier() else name
    error = BadInputError(f"`{name}` must be {allowed}, got {shown}.{advice}")
    return error.spoken(f"{words[:1].upper()}{words[1:]} must be {allowed}, not {shown}.{advice}")


def check_rules(*rules: tuple[object, str, str, object, str]) -> None:
    """Raise BadInputError for the first rule that is broken: (broken, name, what is allowed, value, advice)."""
    for broken, name, allowed, got, advice in rules:
        if broken:
            raise refusal(name, allowed=allowed, got=got, advice=advice)


def shorten(value: object) -> str:
    """A value as refusals show it, at most a line long however large it is."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = LONGEST_SHOWN
    text = short.repr(value)
    return text if len(text) <= 2 * LONGEST_SHOWN else f"{text[: 2 * LONGEST_SHOWN]}…"


def show_name(name: str) -> str:
    """A name as refusals list it: as it is, unless it is endless or not to be printed, as out of a damaged file."""
    return name if name.isprintable() and len(name) <= LONGEST_SHOWN else shorten(name)


def check_positive(name: str, value: float, *, advice: str = "") -> float:
    """Return `value` if it is finite and above zero, else raise BadInputError."""
    if not _is_finite(value) or value <= 0:
        raise refusal(name, allowed="a finite number above 0", got=value, advice=advice)
    return float(value)


def check_count(name: str, value: int, *, least: int = 1, largest: int | None = None, advice: str = "") -> int:
    """Return `value` if it is a whole number of at least `least` and at most `largest`, else raise BadInputError."""
    too_large = largest is not None and isinstance(value, int) and value > largest
    if isinstance(value, bool) or not isinstance(value, int) or value < least or too_large:
        allowed = f"a whole number of at least {least}" + ("" if largest is None else f" and at most {largest:,}")
        raise refusal(name, allowed=allowed, got=value, advice=advice)
    return value


def check_epsilon(name: str, value: float, *, largest: float, unit: str = "pixel units of [0, 1]") -> float:
    """Return `value` if it is a budget in [0, largest], else raise BadInputError, guessing at grey levels.

    Examples
    --------
    >>> check_epsilon("epsilon", 0.03, largest=1.0)
    0.03
    >>> check_epsilon("epsilon", 8, largest=1.0)
    Traceback (most recent call last):
        ...
    core.errors.BadInputError: `epsilon` must be in [0, 1] (pixel units of [0, 1]), got 8. Did you mean 8/255?
    """
    if _is_finite(value) and 0 <= value <= largest:
        return float(value)
    meant_levels = _is_number(value) and LIKELY_GREY_LEVELS < value <= 255 and largest <= LIKELY_GREY_LEVELS
    advice = f"Did you mean {value:g}/255?" if meant_levels else ""
    raise refusal(name, allowed=f"in [0, {largest:g}] ({unit})", got=value, advice=advice)


def check_fraction(name: str, value: float, *, largest: float = 1.0, advice: str = "") -> float:
    """Return `value` if it is a finite number in [0, largest], else raise BadInputError."""
    if not _is_finite(value) or not 0 <= value <= largest:
        raise refusal(name, allowed=f"in [0, {largest:g}]", got=value, advice=advice)
    return float(value)


def check_choice(name: str, value: str, choices: Iterable[str], *, advice: str = "") -> str:
    """Return `value` if it is one of `choices`, else raise BadInputError with the nearest names."""
    known = list(choices)
    if value in known:
        return value
    helped = advice or suggest(value, known)
    raise refusal(name, allowed=_list_names(known), got=value, advice=helped)


def suggest(value: str, known: Sequence[str]) -> str:
    """Return "Did you mean X?" for the nearest known name, or an empty text."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(str(value).casefold(), folded, n=1, cutoff=0.5)
    return f"Did you mean {str(folded[near[0]])!r}?" if near else ""


def to_number(text: str, kind: type[Number] = float) -> Number:  # type: ignore[assignment]
    """The number that a text writes. Raises ValueError, also for the "1_0" that Python takes for 10."""
    if "_" in text:
        raise ValueError(text)
    return kind(text)


def _list_names(names: Sequence[str]) -> str:
    more = f" (and {len(names) - MOST_LISTED} more)" if len(names) > MOST_LISTED else ""
    return f"one of {', '.join(map(show_name, names[:MOST_LISTED]))}{more}"


def _is_finite(value: object) -> bool:
    try:
        return _is_number(value) and math.isfinite(value)  # type: ignore[arg-type]
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
