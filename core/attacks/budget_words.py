"""Budgets as people write them: norm, number, unit; `parse_epsilon` reads them. Convergence in words."""

from __future__ import annotations

import math

from core.attacks.config import format_epsilon
from core.types import NormName

NORM_SIGNS = {NormName.L2: "L\N{SUBSCRIPT TWO}", NormName.LINF: "L\N{INFINITY}"}
NORM_UNITS = {NormName.L2: "[0, 1] pixel units", NormName.LINF: "grey levels of 255"}
GREY_LEVELS = 255


def write_epsilon(epsilon: float, norm: NormName) -> str:
    """A budget as people say it, Linf in parts of 255 even where it is no whole number of them."""
    text = format_epsilon(epsilon, norm)
    return text if norm is NormName.L2 or "/" in text else f"{epsilon * GREY_LEVELS:.3g}/255"


def write_budget(epsilon: float, norm: NormName) -> str:
    """A budget with its norm: "L₂ ε 0.75"."""
    return f"{NORM_SIGNS[norm]} ε {write_epsilon(epsilon, norm)}"


MOST_TO_GAIN = 0.05
"""An attack has converged where more steps would gain at most this share of its shift."""


def write_convergence(to_gain: float) -> str:
    """A convergence figure in words; "" where it is not known (probes of version 0.3).

    Examples
    --------
    >>> write_convergence(0.012), write_convergence(0.21)
    ('converged to 2 %', 'not converged: more steps would gain 21 %')
    """
    if math.isnan(to_gain):
        return ""
    share = math.ceil(100 * to_gain)
    return f"converged to {share} %" if to_gain <= MOST_TO_GAIN else f"not converged: more steps would gain {share} %"
