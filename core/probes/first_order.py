"""The shift that the gradient predicts, and how far the attack's own shift agrees with it. Never attacks."""

from __future__ import annotations

import numpy as np

from core.types import FloatArray


def predict_first_order(epsilon: FloatArray, dual_size: float, *, sign: int) -> FloatArray:
    """sign * epsilon * ||gradient||_dual: the largest first-order shift in a ball, without pixel bounds.

    Parameters
    ----------
    epsilon : (n_rungs,)
        Budgets in [0, 1] pixel units.
    dual_size : float
        ||gradient||_2 for L2 balls, ||gradient||_1 for Linf balls, in response units a pixel unit.
    sign : int
        +1 to raise, -1 to lower.
    """
    return np.asarray(sign * dual_size * np.asarray(epsilon, dtype=np.float64))


def measure_linearity(shift: FloatArray, first_order: FloatArray) -> FloatArray:
    """shift / first_order, both (n_rungs,): 1 for a linear encoder within the bounds, NaN where none is predicted."""
    linearity = np.full(np.shape(shift), np.nan)
    np.divide(shift, first_order, out=linearity, where=np.asarray(first_order) != 0)
    return linearity
