"""Work of the lane that does what a test tells it, when the test tells it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

from app.base.jobs import PROGRESS_PERIOD
from core.errors import Cancelled

POLL_SECONDS = 0.005


class GatedWork:
    """Hands out the records it is given, each late enough to be shown, until it is told to end, fail or stop."""

    def __init__(self) -> None:
        self.begun = 0
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def send(self, record: Any) -> None:
        """Let it yield a record; an exception is raised instead."""
        self._told.put(record)

    def finish(self, last: Any = None) -> None:
        """Let it end with an answer."""
        self._told.put(last)
        self._told.put(StopIteration)

    def make(self, *_args: Any, should_stop: Callable[[], bool] | None = None, **_options: Any) -> Iterator[Any]:
        """Stands in for any function that the lane is given: `should_stop` is named, or the last argument."""
        stop = should_stop if should_stop is not None else _args[-1]
        return self._follow(stop)

    def _follow(self, stop: Callable[[], bool]) -> Iterator[Any]:
        self.begun += 1
        shown = -PROGRESS_PERIOD
        while True:
            told = self._wait(stop)
            if isinstance(told, Exception):
                raise told
            if told is StopIteration:
                return
            while time.monotonic() < shown + 1.1 * PROGRESS_PERIOD:
                time.sleep(POLL_SECONDS)
            shown = time.monotonic()
            yield told

    def _wait(self, stop: Callable[[], bool]) -> Any:
        while True:
            if stop():
                raise Cancelled
            try:
                return self._told.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
