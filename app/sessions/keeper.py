"""Autosaves what is open soon after every change and off the GUI thread. Never asks, never touches a named file.

A change starts a timer that further changes do not put off; a slow tick finds what has no signal, such as a turned
cortex. One write is under way at a time, the next has the newest state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.base.jobs import Failed, JobLane, ShouldStop, WhenBusy
from core.errors import StorageError
from core.probes.probe import Probe
from core.session.autosave import Autosave
from core.session.record import SessionRecord

SAVE_MS = 1000
"""After a change; what a crash may cost."""

TICK_MS = 10_000
KIND = "autosave"


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

    def __init__(self, capture: Callable[[], Open], lane: JobLane, parent: QObject) -> None:
        super().__init__(parent)
        self._capture, self._lane = capture, lane
        self.autosave = Autosave()
        self.last: Open | None = None
        self._writing = Lock()
        self._probe: Probe | None = None
        self._told = False
        self._soon = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._soon.timeout.connect(self.save)
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self.save)

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
        now = self._capture()
        if now.same(self.last):
            return
        self.last = now
        self._lane.submit(
            KIND,
            lambda stop: self._write(now, stop),
            on_done=self._take_end,
            on_failed=self._take_failure,
            when_busy=WhenBusy.LATEST,
        )

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

    def _write(self, now: Open, should_stop: ShouldStop = lambda: False) -> None:
        with self._writing:
            if should_stop():
                return
            save = partial(self.autosave.save, now.record, pinned=now.pinned, named=now.named)
            if now.probe is not None and now.probe is not self._probe:
                save()  # what was chosen first: a probe takes a while
            save(probe=now.probe)
            self._probe = now.probe

    def _wait(self) -> None:
        """Wait for the write under way, of which nobody hears any more, and forget the one that waits."""
        if self._lane.is_busy(KIND):
            self.last = None
            self._lane.drop(KIND)
        with self._writing:
            pass

    def _take_end(self, _none: None) -> None:
        self._told = False
        self.saved.emit()

    def _take_failure(self, failed: Failed) -> None:
        self.last = None
        if not isinstance(failed.error, StorageError):
            self._lane.failed.emit(failed)
        elif not self._told:
            self._told = True
            self.failed.emit(f"The session could not be autosaved: {failed.error}")
