"""Keeps the newest log lines for the log window. Never writes a file and never touches a widget."""

from __future__ import annotations

import logging
from collections import deque

from PySide6.QtCore import QObject, Signal

MOST_LINES = 2000
OURS = ("app", "core")
LINE_FORMAT = "%(asctime)s  %(levelname)-7s  %(name)s  %(message)s"


class LogStore(QObject):
    """Collects records of every thread; `added` reaches the GUI thread as a queued signal."""

    added = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self._handler = _Handler(self)
        self._handler.setFormatter(logging.Formatter(LINE_FORMAT, datefmt="%H:%M:%S"))

    def install(self) -> None:
        """Listen to the root logger, warnings included, and to what the program itself tells beside."""
        logging.captureWarnings(True)
        for name in OURS:
            logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger().addHandler(self._handler)

    def remove(self) -> None:
        """Stop listening."""
        logging.captureWarnings(False)
        for name in OURS:
            logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger().removeHandler(self._handler)

    def add(self, line: str) -> None:
        """Keep one line."""
        self.lines.append(line)
        self.added.emit(line)


class _Handler(logging.Handler):
    def __init__(self, store: LogStore) -> None:
        super().__init__(logging.INFO)
        self._store = store

    def emit(self, record: logging.LogRecord) -> None:
        self._store.add(self.format(record))
