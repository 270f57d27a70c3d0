"""Cuts what only the GUI thread can do into turns of the event loop, so that the window answers in between."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer


class Turns(QTimer):
    """Takes the steps of an iterator, one in each turn, for as long as the owner lives."""

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner, interval=0)
        self._steps: Iterator[object] = iter(())
        self.timeout.connect(self._take)

    def begin(self, steps: Iterator[object]) -> None:
        """Take these, in place of those that are left."""
        self._steps = steps
        self.start()

    def finish(self) -> None:
        """Take all that are left now, for whoever goes on from what they make."""
        self.stop()
        for _ in self._steps:
            pass

    def _take(self) -> None:
        if next(self._steps, self) is self:
            self.stop()
