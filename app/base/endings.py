"""Notes Ctrl-C, a closed terminal and a polite signal, to be asked for where it is safe to leave.

An exception that Python raises inside a callback of Qt is lost there, or ends the program by a signal of its own.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows has no SIGHUP."""


class Endings:
    """The number of the last signal that asks the program to end, 0 for none."""

    number = 0

    def check(self) -> None:
        """Raise KeyboardInterrupt after Ctrl-C, SystemExit(128 + number), as shells count, after another signal."""
        if self.number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.number:
            raise SystemExit(128 + self.number)

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        self.number = number


ENDINGS = Endings()
"""A process has one set of signals."""


@contextmanager
def note_endings() -> Iterator[Endings]:
    """Inside, such signals are only noted. What was started to outlive its terminal (nohup) still does."""
    ENDINGS.number = 0
    known = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in known if signal.getsignal(one) is not signal.SIG_IGN}
    for one in before:
        signal.signal(one, ENDINGS.note)
    try:
        yield ENDINGS
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
