"""How numbers are written for people."""

from __future__ import annotations

import math

import pytest

from core.attacks.config import write_epsilon
from core.types import NormName
from core.words import digits_for, format_number, format_signed


@pytest.mark.parametrize(
    ("value", "text"), [(1.234, "+1.23"), (-1.234, "−1.23"), (-0.001, "0.00"), (0.0, "0.00"), (math.nan, "–")]
)
def test_signed_numbers(value: float, text: str) -> None:
    assert format_signed(value) == text


def test_plain_numbers_have_a_true_minus() -> None:
    assert format_number(-2.5, 1) == "−2.5"
    assert format_number(math.inf) == "–"


@pytest.mark.parametrize(("largest", "digits"), [(0.5, 3), (5.0, 2), (50.0, 1), (5000.0, 0), (0.0, 2), (1e-9, 5)])
def test_about_three_figures(largest: float, digits: int) -> None:
    assert digits_for(largest) == digits


@pytest.mark.parametrize(
    ("epsilon", "norm", "text"),
    [(8 / 255, NormName.LINF, "8/255"), (0.5 / 255, NormName.LINF, "0.5/255"), (3.0, NormName.L2, "3")],
)
def test_budgets(epsilon: float, norm: NormName, text: str) -> None:
    assert write_epsilon(epsilon, norm) == text
