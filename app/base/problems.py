"""Decides what the user sees of an exception: its sentence, nothing, or a report to copy.

`ProbeError` shows its text as a banner, `Cancelled` shows nothing, anything else is a defect: its report is written
to the crash folder and offered in a dialog, while the session goes on.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from app.base.crash_report import Circumstances, make_report
from app.base.jobs import Failed
from app.base.paths import crash_folder
from core.errors import Cancelled, ProbeError

LOGGER = logging.getLogger(__name__)


class Problems(QObject):
    """The one place exceptions arrive at, from whichever thread."""

    message = Signal(str, str)
    """A sentence and its tone: error, warning or info."""

    crashed = Signal(str, str)
    """The report of a defect, and the file it was written to (empty if it could not be)."""

    def __init__(self, find_circumstances: Callable[[], Circumstances] = Circumstances) -> None:
        super().__init__()
        self._find_circumstances = find_circumstances

    def show(self, error: BaseException, trace: str = "") -> None:
        """Show one exception the way its family asks for."""
        match error:
            case Cancelled() | KeyboardInterrupt():
                return
            case ProbeError():
                LOGGER.info("%s", error)
                self.message.emit(str(error), "error")
            case _:
                self._report(error, trace or "".join(traceback.format_exception(error)))

    def show_failed(self, failed: Failed) -> None:
        """Show how a job failed."""
        self.show(failed.error, failed.report)

    def describe_program(self) -> str:
        """A report of the program as it runs, without a defect."""
        return make_report("No defect: asked for by the user.", self._find_circumstances())

    def install(self) -> None:
        """Take every exception nobody caught, of all threads."""
        sys.excepthook = self._take_uncaught
        threading.excepthook = self._take_from_thread

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def _take_uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.show(error, "".join(traceback.format_exception(kind, error, trace)))

    def _take_from_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._take_uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def _report(self, error: BaseException, trace: str) -> None:
        LOGGER.error("defect: %s: %s", type(error).__name__, error)
        report = make_report(trace, self._find_circumstances())
        self.crashed.emit(report, _write_report(report))


def _write_report(report: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    path = Path(crash_folder()) / f"crash-{stamp}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report, encoding="utf-8")
    except OSError as problem:
        LOGGER.info("report not written: %s", problem)
        return ""
    return str(path)
