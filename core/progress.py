"""Estimates how long running work still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

ShouldStop = Callable[[], bool]
"""Asked by long work whether to stop; true means at once."""


def never_stop() -> bool:
    """The default `should_stop`: run to the end."""
    return False


class Stopwatch:
    """Time since the start, and the time left at the mean pace so far.

    Parameters
    ----------
    n_steps : int
        Steps of equal cost in the whole work.
    clock : callable
        Seconds from any origin; replaced in tests.
    """

    def __init__(self, n_steps: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._n_steps = n_steps
        self._clock = clock
        self._start = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def seconds_left(self, step: int) -> float | None:
        """Seconds the remaining steps take at the mean pace of the first `step`; None before the first."""
        if step < 1:
            return None
        return self.seconds / step * max(self._n_steps - step, 0)
