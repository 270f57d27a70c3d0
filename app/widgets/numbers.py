"""Numbers as the interface writes them: true minus signs, few figures, units. Never rounds what is computed with."""

from __future__ import annotations

import math

from core.attacks.config import format_epsilon
from core.types import NormName

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
NORM_SIGNS = {NormName.L2: "L\N{SUBSCRIPT TWO}", NormName.LINF: "L\N{INFINITY}"}
GREY_LEVELS = 255


def format_number(value: float, digits: int = 2) -> str:
    """A number with fixed decimals and a true minus sign; an en dash where it is not finite."""
    return f"{value:.{digits}f}".replace("-", MINUS) if math.isfinite(value) else MISSING


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


def write_epsilon(epsilon: float, norm: NormName) -> str:
    """A budget as people say it, Linf in parts of 255 even where it is no whole number of them."""
    text = format_epsilon(epsilon, norm)
    return text if norm is NormName.L2 or "/" in text else f"{epsilon * GREY_LEVELS:.3g}/255"
