"""Numbers as the interface writes them: true minus signs, few figures, units. Never rounds what is computed with."""

from __future__ import annotations

import math

from core.attacks.config import GREY_LEVELS as GREY_LEVELS
from core.attacks.config import NORM_SIGNS as NORM_SIGNS
from core.attacks.config import write_epsilon as write_epsilon

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"


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
