"""Where running work stands, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.errors import Cancelled

Result = TypeVar("Result")

ShouldStop = Callable[[], bool]
"""Asked by long work whether to stop; true means at once."""


def never_stop() -> bool:
    """The default `should_stop`: run to the end."""
    return False


def check_stop(should_stop: ShouldStop) -> None:
    """Raise Cancelled if work is asked to stop."""
    if should_stop():
        raise Cancelled


@dataclass(frozen=True, eq=False)  # with slots, a generic class cannot be made through its aliases
class Progress(Generic[Result]):
    """A record of running work: `done` of `total` pieces, a part of one included.

    `seconds_left` is None while unknown; `result` is set on the last record only; `stage` names what is done now and
    `what` the piece at hand.
    """

    done: float
    total: int
    seconds_left: float | None = None
    result: Result | None = None
    stage: str = ""
    what: str = ""

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]."""
        return self.done / max(self.total, 1)


def run_to_end(records: Iterable[Progress[Result]]) -> Result:
    """The result of work, ignoring what it says before."""
    result = None
    for record in records:
        result = record.result
    if result is None:
        raise RuntimeError("The work ended without a result.")
    return result


class Stopwatch:
    """Time since the start, and the time left at the mean pace so far.

    Parameters
    ----------
    n_steps : Steps of equal cost in the whole work.
    clock : Seconds from any origin; replaced in tests.
    """

    def __init__(self, n_steps: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._n_steps = n_steps
        self._clock = clock
        self._start = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def seconds_left(self, step: float) -> float | None:
        """Seconds the remaining steps take at the mean pace of the first `step`; None before the first."""
        if step < 1:
            return None
        return self.seconds / step * max(self._n_steps - step, 0)
