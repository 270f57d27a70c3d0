"""Time left, with a clock that is set by hand."""

from __future__ import annotations

import pytest

from core.progress import Stopwatch


def test_time_left_follows_the_mean_pace() -> None:
    now = 100.0
    watch = Stopwatch(10, clock=lambda: now)
    assert watch.seconds_left(0) is None
    now = 106.0
    assert watch.seconds == pytest.approx(6)
    assert watch.seconds_left(3) == pytest.approx(14)
    assert watch.seconds_left(10) == 0
    assert watch.seconds_left(12) == 0
