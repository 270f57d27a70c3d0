"""Autosaves what is open soon after every change and off the GUI thread. Never asks, never touches a named file.

A change starts a timer that further changes do not put off; a slow tick finds what has no signal, such as a turned
cortex. One write is under way at a time, the next has the newest state.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from core.errors import StorageError
from core.probes.probe import Probe
from core.session.autosave import Autosave
from core.session.record import SessionRecord

SAVE_MS = 1000
"""After a change; what a crash may cost."""

TICK_MS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Open:
    """What is open now: record, the probe on screen, the file it has, and the probe compared with."""

    record: SessionRecord
    probe: Probe | None
    named: Path | None
    pinned: Probe | None = None

    def same(self, other: Open | None) -> bool:
        """Whether there is nothing new in it."""
        return (
            other is not None
            and self.probe is other.probe
            and self.pinned is other.pinned
            and self.named == other.named
            and self.record == other.record
        )


class SessionKeeper(QObject):
    """Saves what `capture` gives."""

    looked = Signal()
    """The state of the window was looked at; whoever shows a mark of changes looks too."""

    failed = Signal(str)
    """A save failed; told once until one works again."""

    saved = Signal()
    _written = Signal(object)

    def __init__(self, capture: Callable[[], Open], parent: QObject) -> None:
        super().__init__(parent)
        self._capture = capture
        self.autosave = Autosave()
        self._pool: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None
        self._wanted = False
        self.last: Open | None = None
        self._probe: Probe | None = None
        self._told = False
        self._soon = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._soon.timeout.connect(self.save)
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self.save)
        self._written.connect(self._take_end)

    def set_pause(self, seconds: int) -> None:
        """How long after a change it is saved."""
        self._soon.setInterval(1000 * seconds)

    def begin(self) -> None:
        """Save from now on."""
        self._tick.start()
        self._soon.start()

    @Slot()
    def mark(self) -> None:
        """Something changed."""
        if self._tick.isActive() and not self._soon.isActive():
            self._soon.start()

    @Slot()
    def save(self) -> None:
        """Save in the background if there is anything new."""
        self.looked.emit()
        if self._writing is not None:
            self._wanted = True
            return
        now = self._capture()
        if now.same(self.last):
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="probescope-autosave")
        self.last = now
        self._writing = self._pool.submit(self._write, now)
        self._writing.add_done_callback(self._written.emit)

    def save_now(self) -> None:
        """Save before going on. Raises StorageError if it cannot be."""
        self._wait()
        now = self._capture()
        if not now.same(self.last):
            self.last = now
            self._write(now)

    def finish(self, *, keep: bool) -> None:
        """Stop saving; with `keep` what is open can be opened again."""
        self._tick.stop()
        self._soon.stop()
        self.rotate(keep=keep)
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def rotate(self, *, keep: bool) -> None:
        """Close this autosave, as another session comes in its place."""
        try:
            if keep:
                self.save_now()
            self._wait()
            self.autosave.close(keep=keep)
        except StorageError as error:
            self.failed.emit(str(error))
        self.autosave, self.last, self._probe = Autosave(), None, None

    def _write(self, now: Open) -> None:
        if now.probe is not None and now.probe is not self._probe:
            self.autosave.save(
                now.record, pinned=now.pinned, named=now.named
            )  # what was chosen first: a probe takes a while
        self.autosave.save(now.record, probe=now.probe, pinned=now.pinned, named=now.named)
        self._probe = now.probe

    def _wait(self) -> None:
        """Wait for the write under way; its failure is told when its signal comes."""
        if self._writing is not None:
            if self._writing.exception() is not None:
                self.last = None
            self._writing = None

    @Slot(object)
    def _take_end(self, done: Future[None]) -> None:
        if done is self._writing:
            self._writing = None
        error = done.exception()
        if error is None:
            self._told = False
            self.saved.emit()
        elif not isinstance(error, StorageError):
            raise error
        else:
            self.last = None
            if not self._told:
                self._told = True
                self.failed.emit(f"The session could not be autosaved: {error}")
        if self._wanted:
            self._wanted = False
            self.mark()
