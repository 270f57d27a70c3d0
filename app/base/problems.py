"""Decides what the user sees of an exception: its sentence, nothing, or a report to copy.

`ProbeError` shows its text as a banner, `Cancelled` shows nothing, anything else is a defect: its report is written
to the crash folder and offered in a dialog, while the session goes on. A report holds versions, device, settings, the
last log lines and the traceback; folders of the user are shortened to "~", and nothing is sent anywhere.
"""

from __future__ import annotations

import getpass
import logging
import os
import platform
import re
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from PySide6.QtCore import QObject, Signal, qVersion
from PySide6.QtGui import QGuiApplication

from app.base.jobs import Failed
from app.base.settings import SETTINGS, Settings
from core.errors import Cancelled, ProbeError
from core.paths import log_folder

T = TypeVar("T")
REPORTED_PACKAGES = ("probescope", "torch", "torchvision", "timm", "numpy", "PySide6-Essentials", "pyvista", "vtk")
MOST_LOG_LINES = 60


def describe_circumstances(device: str, log: Sequence[str], settings: Settings) -> list[str]:
    """What a report says of the running program: its device ("" before it is loaded), its settings that are not the
    default, folders left out, and the last lines of its log, oldest first.
    """
    offered = [row for row in SETTINGS if row.title and not row.is_folder]
    changed = [f"{row.key} = {settings.value(row.key)!r}" for row in offered if settings.value(row.key) != row.default]
    told = [f"device: {device or 'engine not loaded'}", "", "Settings that are not the default:"]
    return [*told, *(changed or ["none"]), "", "Last log lines:", *(log[-MOST_LOG_LINES:] or ["none"])]


def make_report(trace: str, circumstances: Sequence[str] = ()) -> str:
    """The whole report as text, without the user's own folders and name."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [f"Probescope report, {when}", f"{platform.platform()}, Python {platform.python_version()}"]
    lines += [f"{package} {version_of(package)}" for package in REPORTED_PACKAGES]
    lines += [f"Qt {qVersion()}, {_describe_screen()}, {os.cpu_count()} cores", *circumstances]
    return hide_private("\n".join([*lines, "", trace.rstrip(), ""]))


def hide_private(text: str, homes: Iterable[Path] = (), user: str = "") -> str:
    """The text with home folders as "~" and the user's name in other paths as "USER"."""
    for home in (*homes, Path.home()):
        if len(home.parts) > 1:
            text = re.sub(re.escape(str(home)) + r"(?=[\\/\s\"':]|$)", "~", text)
    name = user or _user()
    return re.sub(rf"(?<=[\\/]){re.escape(name)}(?=[\\/])", "USER", text) if name else text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def _describe_screen() -> str:
    screen = QGuiApplication.primaryScreen() if QGuiApplication.instance() is not None else None
    if screen is None:
        return "no screen"
    size = screen.size()
    return f"screen {size.width()} x {size.height()} at {screen.devicePixelRatio():g}"


def version_of(package: str) -> str:
    """The version of an installed package, or that it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


MOST_LINES = 2000
OURS = (__name__.removesuffix(".base.problems"), ProbeError.__module__.removesuffix(".errors"))
LINE_FORMAT = "%(asctime)s  %(levelname)-7s  %(name)s  %(message)s"


class LogStore(QObject):
    """Collects records of every thread; `added` reaches the GUI thread as a queued signal."""

    added = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self._handler = logging.StreamHandler(self)
        self._handler.terminator = ""
        self._handler.setLevel(logging.INFO)
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

    def write(self, line: str) -> None:
        """Keep one line."""
        self.lines.append(line)
        self.added.emit(line)


LOGGER = logging.getLogger(__name__)


class Problems(QObject):
    """The one place exceptions arrive at, from whichever thread."""

    message = Signal(str, str)
    """A sentence and its tone: error, warning or info."""

    crashed = Signal(str, str)
    """The report of a defect, and the file it was written to (empty if it could not be)."""

    def __init__(self, find_circumstances: Callable[[], Sequence[str]] = tuple) -> None:
        super().__init__()
        self._find_circumstances = find_circumstances

    def show(self, error: BaseException, trace: str = "") -> None:
        """Show one exception the way its family asks for."""
        match error:
            case Cancelled() | KeyboardInterrupt():
                return
            case ProbeError():
                LOGGER.info("%s", error)
                self.message.emit(error.plain, "error")
            case _:
                self._report(error, trace or "".join(traceback.format_exception(error)))

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show what is refused inside, and go on after it."""
        try:
            yield
        except ProbeError as error:
            self.show(error)

    def attempt(self, make: Callable[[], T]) -> T | None:
        """What `make` gives; None, and why, where it is refused."""
        try:
            return make()
        except ProbeError as error:
            self.show(error)
            return None

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
    path = log_folder() / "crashes" / f"crash-{stamp}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report, encoding="utf-8")
    except OSError as problem:
        LOGGER.info("report not written: %s", problem)
        return ""
    return str(path)
