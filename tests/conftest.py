"""Gives every test a display, one torch thread and own folders, and fails a test that leaves something running."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

# Both are read once, when torch is imported: threads that spin, or more of them than cores, make timings meaningless.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OMP_NUM_THREADS"] = "1"

from app.base.jobs import JobLane
from app.base.virtual_display import VirtualDisplay, has_display
from app.look.qt_application import keep_triton_out
from core.errors import StorageError
from core.paths import HOME_VARIABLE

LEAK_SECONDS = 3.0
"""A thread that was told to end may need a moment on a busy machine."""

PATIENCE_MS = 30_000
"""How long a test waits for something that must happen, on a busy machine too. A test that waits for less says so."""

LASTING_THREADS = ("pytest_timeout", "Dummy-", "tqdm_monitor")
"""Threads of the test runner, of tqdm, and Python's stand-ins for threads that Qt started (checked as QThreads)."""

_display: VirtualDisplay | None = None
_started: weakref.WeakSet[QThread] = weakref.WeakSet()
_home = tempfile.TemporaryDirectory(prefix="probescope-tests-", ignore_cleanup_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    """Start a virtual display for the whole run; under xdist each worker has its own."""
    global _display
    _remember_started_threads()
    os.environ[HOME_VARIABLE] = _home.name
    keep_triton_out()  # pytest-qt makes the application, not the program
    os.environ["XDG_CONFIG_HOME"] = str(Path(_home.name) / "config")  # where QSettings writes on Linux
    hands_out_work = bool(config.getoption("numprocesses", None))
    if hands_out_work or config.option.collectonly or has_display():
        return
    try:
        _display = VirtualDisplay()
    except StorageError as error:
        pytest.exit(str(error), returncode=3)


def pytest_unconfigure() -> None:
    """Stop the display this run started, and remove its folders."""
    if _display is not None:
        _display.stop()
    _home.cleanup()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in tests/benchmarks measures time and is left to `make bench`."""
    for item in items:
        if "benchmarks" in item.path.parts:
            item.add_marker(pytest.mark.benchmark)


class PatientBot(QtBot):
    """Waits six times as long as pytest-qt does before it gives up, for machines that do much else."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitExposed(self, widget: Any, *, timeout: int = PATIENCE_MS) -> Any:
        return super().waitExposed(widget, timeout=timeout)

    def waitActive(self, widget: Any, *, timeout: int = PATIENCE_MS) -> Any:
        return super().waitActive(widget, timeout=timeout)


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> QtBot:
    """The fixture of pytest-qt, with more patience."""
    return PatientBot(request)


@pytest.fixture
def lane(qtbot: QtBot) -> Iterator[JobLane]:
    """A lane without a window, shut down in the end."""
    made = JobLane()
    yield made
    made.shutdown()


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, encoders and caches a test writes are seen by no other test and by no user."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def one_torch_thread() -> None:
    """The engine may have raised the number of threads in an earlier test."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def dark_again() -> Iterator[None]:
    """A test that changes the colours of the window leaves them as they were."""
    yield
    theme = sys.modules.get("app.look.theme")
    if theme is not None:
        theme._in_use.theme = theme.DARK


@pytest.fixture(autouse=True)
def nobody_answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file dialog the test did not expect is cancelled and fails the test, in place of waiting for ever."""
    if "qapp" not in request.fixturenames:
        return
    from PySide6.QtWidgets import QFileDialog

    def unexpected(*_args: object, **_options: object) -> None:
        raise AssertionError("the program asked for a file or a folder, and the test does not answer")

    for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"):
        monkeypatch.setattr(QFileDialog, name, unexpected)


@pytest.fixture(autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a running QThread or a visible window behind."""
    before = set(threading.enumerate())
    uses_qt = "qapp" in request.fixturenames
    yield
    left = _wait_until_empty(lambda: _new_threads(before))
    assert not left, f"threads left running: {left}"
    if uses_qt:
        left = _wait_until_empty(_running_qthreads)
        assert not left, f"QThreads left running: {left}"
        _close_deferred()
        assert not _visible_windows(), f"windows left open: {_visible_windows()}"


@pytest.fixture(autouse=True)
def no_warning_logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test during which something was logged as a warning or worse, unless it is marked `expects_log`."""
    yield
    if request.node.get_closest_marker("expects_log") is None:
        loud = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
        assert not loud, f"logged: {loud}"


def _wait_until_empty(find: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + LEAK_SECONDS
    while (found := find()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def _new_threads(before: set[threading.Thread]) -> list[str]:
    new = [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()]
    return [thread.name for thread in new if not thread.name.startswith(LASTING_THREADS)]


def _remember_started_threads() -> None:
    """Note every QThread when it starts: to look for them among all objects takes longer than most tests."""
    start = QThread.start

    def start_and_note(thread: QThread, *priority: QThread.Priority) -> None:
        _started.add(thread)
        start(thread, *priority)

    QThread.start = start_and_note


def _running_qthreads() -> list[str]:
    from shiboken6 import isValid

    return [repr(thread) for thread in _started if isValid(thread) and thread.isRunning()]


def _close_deferred() -> None:
    from PySide6.QtCore import QCoreApplication, QEvent

    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _visible_windows() -> list[str]:
    from PySide6.QtWidgets import QApplication

    return [repr(widget) for widget in QApplication.topLevelWidgets() if widget.isVisible()]
