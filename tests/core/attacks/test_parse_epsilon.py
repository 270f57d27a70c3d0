"""Budgets are read as people write them, and a slip is answered with the likely meaning."""

from __future__ import annotations

import pytest

from core.attacks.config import format_epsilon, parse_epsilon
from core.errors import BadInputError
from core.types import NormName


@pytest.mark.parametrize(
    ("text", "norm", "value"),
    [
        ("8/255", NormName.LINF, 8 / 255),
        (" 8 / 255 ", NormName.LINF, 8 / 255),
        ("0.03", NormName.LINF, 0.03),
        ("1", NormName.LINF, 1.0),
        ("3", NormName.L2, 3.0),
        ("0", NormName.L2, 0.0),
        ("1e-1", NormName.L2, 0.1),
    ],
)
def test_a_budget_is_read_as_written(text: str, norm: NormName, value: float) -> None:
    assert parse_epsilon(text, norm) == pytest.approx(value, abs=1e-15)


def test_eight_under_linf_is_asked_whether_grey_levels_were_meant() -> None:
    with pytest.raises(BadInputError) as caught:
        parse_epsilon("8", NormName.LINF)
    assert str(caught.value) == ("`epsilon` must be in [0, 1] (pixel units of [0, 1]), got 8.0. Did you mean 8/255?")


@pytest.mark.parametrize(
    "text", ["nan", "-1", "-8/255", "inf", "8/0", "", "eight", "8/", "8//255", "0,5", "1_0", "8/25_5"]
)
@pytest.mark.parametrize("norm", list(NormName))
def test_what_is_no_budget_is_refused(text: str, norm: NormName) -> None:
    with pytest.raises(BadInputError, match="`epsilon` must be"):
        parse_epsilon(text, norm)


@pytest.mark.parametrize("levels", range(1, 256))
def test_writing_and_reading_a_grey_level_budget_returns_it(levels: int) -> None:
    assert parse_epsilon(format_epsilon(levels / 255, NormName.LINF), NormName.LINF) == levels / 255
