"""The foot of a page that has work done: one job at a time, how far it is, the time left, how it ended.

    idle -> waiting for its turn -> at work -> idle, with a note (done, stopped) or a refusal

It asks the lane itself, so that what a page shows is always about its own job. A defect goes to the lane's `failed`;
so does a refusal while the page is hidden, where nobody would read it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget
from shiboken6 import isValid

from app.base.jobs import STOPPED, Failed, Job, JobLane, Make, WhenBusy
from app.widgets.basics import make_column, make_label, show_text
from app.widgets.drawing import draw_bar
from core.errors import ProbeError
from core.words import format_duration

THICKNESS = 4
UNKNOWN_OPACITY = 0.4
"""Of the whole bar, while something runs and nobody knows how far it is."""


class ProgressLine(QWidget):
    """Shows a share of 1, in the palette's highlight colour; unlike a QProgressBar it waits for the next paint."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share: float | None = 0.0
        self.setFixedHeight(THICKNESS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Progress")

    @property
    def share(self) -> float:
        """How far the work is, from 0 to 1; 0 where nobody knows."""
        return self._share or 0.0

    def set_share(self, share: float | None) -> None:
        """Show another share, in [0, 1]; what lies outside goes to the nearer end. None: nobody knows."""
        inside = None if share is None else min(max(share, 0.0), 1.0)
        if inside != self._share:
            self._share = inside
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the groove and the done part."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        roles = QPalette.ColorRole.Highlight, QPalette.ColorRole.Mid
        colour, ground = (self.palette().color(role).name() for role in roles)
        draw_bar(painter, QRectF(self.rect()), self.share, colour, ground)
        if self._share is None:
            painter.setOpacity(UNKNOWN_OPACITY)
            draw_bar(painter, QRectF(self.rect()), 1.0, colour, ground)
        painter.end()


Made = TypeVar("Made")
STARTING = "Starting…"
WAITING = "Waiting for its turn…"


class Reading(NamedTuple):
    """How far work is: a share in [0, 1] (None where nobody knows), what it does, the seconds left (None: unknown)."""

    share: float | None
    text: str
    seconds_left: float | None = None


class JobLine(QWidget):
    """A bar between a refusal above and a note below; `changed` says that work began or ended."""

    changed = Signal()
    cancelled = Signal()
    """The user stops the job, which still runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: Job | None = None
        self._lane: JobLane | None = None
        self.error = make_label("", "field-error", wraps=True)
        self.bar = ProgressLine()
        self.note = make_label("", "muted", wraps=True)
        self.setLayout(make_column(self.error, self.bar, self.note))
        self.say()

    @property
    def busy(self) -> bool:
        """Whether its job waits, runs or is about to stop."""
        return self._job is not None

    def run(
        self,
        lane: JobLane,
        kind: str,
        make: Make,
        *,
        title: str,
        on_done: Callable[[Any], None],
        read: Callable[[Any], Reading | None] = lambda _record: None,
        stopped: str = STOPPED,
        when_busy: WhenBusy = WhenBusy.QUEUE,
    ) -> None:
        """Have a background job done.

        Parameters
        ----------
        lane, kind, make, title, when_busy
            As in `JobLane.submit`.
        on_done : Takes the answer, after the line went back to idle; it may say how it ended.
        read : Says how far a progress record is; None for a record that says nothing.
        stopped : What to say if it was stopped, also while it waited.
        """
        if self.busy:
            raise RuntimeError("A line follows one job at a time.")
        self._lane = lane
        self.say(WAITING)
        self._job = lane.submit(
            kind,
            make,
            on_begun=lambda: self._show(Reading(0.0, STARTING)),
            on_progress=lambda record: self._show(read(record)),
            on_done=lambda answer: self._end(lambda: on_done(answer)),
            on_failed=self._take_failure,
            on_stopped=lambda: self._end(lambda: self.say(stopped)),
            title=title,
            when_busy=when_busy,
            background=True,
        )
        self.changed.emit()

    def cancel(self) -> None:
        """Stop the job, also one that waits; the note says so when it has stopped."""
        if self._job is not None and self._lane is not None:
            self.note.setText("Stopping…")
            self.cancelled.emit()
            self._lane.stop(self._job)

    def drop(self) -> None:
        """Forget the job: stop it and say nothing of it."""
        if self._job is not None and self._lane is not None:
            self._job.wanted = False
            self._lane.stop(self._job)
            self._end(self.say)

    def say(self, note: str = "", *, error: str = "", share: float | None = 0.0) -> None:
        """Show a note, a refusal and how far the bar is."""
        if not isValid(self):  # a dialog was deleted while its job went on
            return
        self.note.setText(note)
        self.bar.set_share(share)
        self.refuse(error)

    def attempt(self, make: Callable[[], Made]) -> Made | None:
        """What `make` gives; None, with the reason shown, where it is refused."""
        try:
            return make()
        except ProbeError as error:
            self.say(error=error.plain)
            return None

    def refuse(self, text: str = "") -> None:
        """Show a refusal, or none, beside what else is said."""
        show_text(self.error, text)

    def _show(self, reading: Reading | None) -> None:
        if reading is not None:
            left = "" if reading.seconds_left is None else f", {format_duration(reading.seconds_left)} left"
            self.say(reading.text + left, share=reading.share)

    def _take_failure(self, failed: Failed) -> None:
        known = isinstance(failed.error, ProbeError)
        hidden = not (isValid(self) and self.isVisible())
        self._end(lambda: self.say(error=failed.words))
        if self._lane is not None and (hidden or not known):
            self._lane.failed.emit(failed)

    def _end(self, tell: Callable[[], None]) -> None:
        self._job = None
        self.say()
        try:
            tell()
        finally:
            if isValid(self):
                self.changed.emit()
