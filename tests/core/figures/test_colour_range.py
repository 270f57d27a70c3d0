"""Colours of a chosen range, against MNE's rule written out by hand; what lies beyond it is counted."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core.errors import BadInputError
from core.figures.colour_key import ColourKey
from core.surfaces.colormap import ColourRange, find_colormap, read_range

VALUES = np.array([-9.0, -4.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 9.0, np.nan])


def by_hand(size: float, fmin: float, fmid: float, fmax: float) -> float:
    """MNE: fmin, fmid and fmax get the beginning, the middle and the end of the colours."""
    if size <= fmid:
        return max(0.0, 0.5 * (size - fmin) / (fmid - fmin))
    return min(1.0, 0.5 + 0.5 * (size - fmid) / (fmax - fmid))


def make_key(name: str, chosen: ColourRange | None, limit: float = 4.0) -> ColourKey:
    threshold = 0.0 if chosen is None else chosen.fmin
    return ColourKey(find_colormap(name), "Shift", "SD", limit, threshold=threshold, chosen=chosen)


def test_a_diverging_map_has_the_range_on_both_sides() -> None:
    key = make_key("polar", ColourRange(1.0, 2.0, 4.0))
    wanted = [(1 + np.sign(one) * by_hand(abs(one), 1, 2, 4)) / 2 for one in VALUES[:-1]]
    np.testing.assert_allclose(key.position(VALUES)[:-1], wanted, atol=1e-12)
    np.testing.assert_array_equal(key.is_shown(VALUES), np.nan_to_num(np.abs(VALUES)) >= 1)
    assert key.count_clipped(VALUES) == (1, 1)


def test_a_sequential_map_begins_at_fmin() -> None:
    key = make_key("viridis", ColourRange(0.5, 3.0, 4.0))
    np.testing.assert_allclose(key.position(VALUES)[:-1], [by_hand(one, 0.5, 3, 4) for one in VALUES[:-1]], atol=1e-12)
    assert key.count_clipped(VALUES) == (0, 1), "what is transparent is not clipped"
    assert make_key("viridis", None).count_clipped(VALUES) == (6, 1)


def test_the_bar_shows_the_colour_of_every_value() -> None:
    key = make_key("polar", ColourRange(1.0, 2.0, 4.0))
    values = np.linspace(-4, 4, 256)
    np.testing.assert_array_equal(key.bar(), key.colormap.look_up(key.position(values)))
    np.testing.assert_array_equal(make_key("polar", None).bar(), find_colormap("polar").table)


def test_locking_a_range_changes_no_colour() -> None:
    free, kept = (make_key("polar", one) for one in (None, ColourRange(0.0, 2.0, 4.0)))
    np.testing.assert_allclose(free.position(VALUES[1:-2]), kept.position(VALUES[1:-2]), atol=1e-12)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("0", "2", "1"), r"three rising numbers, the first at least 0, not \(0.0, 2.0, 1.0\)"),
        (("-1", "2", "3"), "at least 0"),
        (("0", "0", "3"), "rising"),
        (("0", "1", "inf"), "rising"),
        (("0", "nan", "3"), "rising"),
        (("0", "one", "3"), "Fmid must be a number such as 1.5, not 'one'"),
        (("", "1", "3"), "Fmin must be a number"),
    ],
)
def test_what_is_no_range_is_refused(texts: tuple[str, str, str], told: str) -> None:
    with pytest.raises(BadInputError) as refused:
        read_range(dict(zip(("fmin", "fmid", "fmax"), texts, strict=True)))
    assert re.search(told, refused.value.plain)


def test_a_decimal_comma_is_read() -> None:
    assert read_range({"fmin": "0", "fmid": "0,5", "fmax": "1.5"}) == ColourRange(0.0, 0.5, 1.5)
