"""The one lane all heavy work runs in: a single worker thread, one job at a time. Never runs work on the GUI thread.

    idle -> preparing -> running -> idle          (completed or failed)
                 \\          \\-> cancelling -> idle  (stopped)

A job is a function that takes `should_stop` and returns an answer or an iterator of progress records, whose last
record is the answer. Only the newest waiting job of a kind is kept. Answers reach the GUI thread as signals; the
answers of a job that was replaced or dropped never arrive.

A patient job (a sweep, a fit, a download) is one for minutes: at each of its records the others that wait are done
first, in the same thread, so that a click is answered while it lasts.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal, Slot

from core.errors import Cancelled

PROGRESS_PERIOD = 1 / 15
"""Seconds between two progress records: the eye gains nothing from more, and every one repaints image and map."""

COURTESY = 5
"""Niceness of the worker thread and of the threads torch makes in it: the window is drawn first where cores are few."""

STACK_BYTES = 16 * 2**20
"""Threads of macOS start with 512 KiB, too little for LAPACK and deep networks."""

LASTING = {"write"}
"""Kinds of short jobs that leave something behind."""

ShouldStop = Callable[[], bool]
Make = Callable[[ShouldStop], Any]


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing runs."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """A job was handed to the worker and has not reported yet (torch may be loading)."""

    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Running:
    """A job has reported at least once."""

    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Cancelling:
    """A job was asked to stop and has not stopped yet."""

    kind: str
    title: str


RunState = Idle | Preparing | Running | Cancelling


@dataclass(frozen=True, slots=True)
class Completed:
    """A job ended with an answer."""

    answer: Any


@dataclass(frozen=True, slots=True)
class Stopped:
    """A job ended because it was asked to."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A job ended with an exception; `report` is its traceback."""

    error: Exception
    report: str


Outcome = Completed | Stopped | Failed


def _ignore(*_: object) -> None:
    """What happens with an event nobody asked for."""


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work with its listeners; `wanted` turns false once a newer job has taken its place."""

    kind: str
    title: str
    make: Make
    on_progress: Callable[[Any], None]
    on_done: Callable[[Any], None]
    on_failed: Callable[[Failed], None]
    on_stopped: Callable[[], None]
    patient: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    wanted: bool = True


class _Worker(QObject):
    """Lives in the worker thread and does one job after another; what is in `urgent` overtakes a patient job."""

    began = Signal(object)
    progressed = Signal(object, object)
    ended = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.urgent: queue.SimpleQueue[Job] = queue.SimpleQueue()

    @Slot()
    def step_back(self) -> None:
        """Leave the processor to the window first. Linux knows niceness by thread, and Qt does not set it there."""
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), COURTESY)

    @Slot(object)
    def run(self, job: Job) -> None:
        try:
            outcome: Outcome = Stopped() if job.stop.is_set() else Completed(self._answer(job))
        except Cancelled:
            outcome = Stopped()
        except Exception as error:  # noqa: BLE001 - crosses the thread as a value; the GUI thread decides what to show
            outcome = Failed(error, traceback.format_exc())
        self.ended.emit(job, outcome)

    @Slot()
    def do_urgent(self) -> None:
        """Do what may overtake, until nothing is left of it."""
        while not self.urgent.empty():
            job = self.urgent.get()
            self.began.emit(job)
            self.run(job)

    def _answer(self, job: Job) -> Any:
        answer = job.make(job.stop.is_set)
        return self._follow(job, answer) if isinstance(answer, Iterator) else answer

    def _follow(self, job: Job, records: Iterator[Any]) -> Any:
        last: Any = None
        reported = -PROGRESS_PERIOD
        try:
            for last in records:
                if job.stop.is_set():
                    raise Cancelled
                if time.monotonic() - reported >= PROGRESS_PERIOD:
                    reported = time.monotonic()
                    self.progressed.emit(job, last)
                if job.patient:
                    self.do_urgent()
        finally:
            close = getattr(records, "close", _ignore)
            close()
        return last


class JobLane(QObject):
    """Hands jobs to one worker thread and brings their answers back to the GUI thread."""

    state_changed = Signal(object)
    ended = Signal(object, object)
    """A `Job` and its `Outcome`, after its own listener was told."""

    _start = Signal(object)
    _look = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state: RunState = Idle()
        self._current: Job | None = None
        self._offered: Job | None = None
        self._overtaken: Job | None = None
        self._waiting: dict[str, Job] = {}
        self._open = True
        self._thread = QThread()
        self._thread.setObjectName("probescope-lane")
        self._thread.setStackSize(STACK_BYTES)
        self._worker = _Worker()
        self._worker.moveToThread(self._thread)
        self._thread.started.connect(self._worker.step_back)
        self._start.connect(self._worker.run)
        self._look.connect(self._worker.do_urgent)
        self._worker.began.connect(self._take_begin)
        self._worker.progressed.connect(self._take_progress)
        self._worker.ended.connect(self._take_end)
        self._thread.start(QThread.Priority.LowPriority)

    @property
    def state(self) -> RunState:
        """What the lane is doing."""
        return self._state

    def is_busy(self, kind: str) -> bool:
        """Whether a wanted job of this kind runs or waits."""
        return kind in self._waiting or any(
            job.kind == kind and job.wanted and not job.stop.is_set() for job in self._in_hand()
        )

    def long_work(self) -> tuple[str, ...]:
        """Titles of what closing would cost the user: patient jobs and files being written, running or waiting."""
        jobs = (*self._in_hand(), *self._waiting.values())
        return tuple(job.title for job in jobs if job.wanted and (job.patient or job.kind in LASTING))

    def submit(
        self,
        kind: str,
        make: Make,
        *,
        on_done: Callable[[Any], None],
        on_progress: Callable[[Any], None] = _ignore,
        on_failed: Callable[[Failed], None] = _ignore,
        on_stopped: Callable[[], None] = _ignore,
        title: str = "",
        replace: bool = True,
        patient: bool = False,
    ) -> None:
        """Queue a job in place of any waiting one of its kind; with `replace`, a running one is dropped too.

        A `patient` job lets every other one pass at its progress records.
        """
        if not self._open:
            return
        if replace:
            self.drop(kind)
        self._waiting.pop(kind, None)
        self._waiting[kind] = Job(kind, title, make, on_progress, on_done, on_failed, on_stopped, patient)
        self._next()

    def cancel(self) -> None:
        """Stop the running job and forget the waiting ones; the running one reports that it stopped."""
        self._waiting.clear()
        for job in (self._offered, self._current):
            self._stop_job(job)

    def stop(self, kind: str) -> None:
        """Stop the job of a kind alone, wherever it stands; it reports that it stopped."""
        waiting = self._waiting.pop(kind, None)
        if waiting is not None:
            waiting.on_stopped()
        for job in self._in_hand():
            if job.kind == kind:
                self._stop_job(job)

    def drop(self, kind: str) -> None:
        """Stop the job of a kind and let none of its answers arrive."""
        self._waiting.pop(kind, None)
        for job in self._in_hand():
            if job.kind == kind:
                job.wanted = False
                self._stop_job(job)

    def shutdown(self) -> None:
        """Stop everything and wait for the thread to end; a QThread alive at exit aborts the process."""
        self._open = False
        self._waiting.clear()
        for job in self._in_hand():
            job.wanted = False
            self._stop_job(job)
        self._thread.quit()
        self._thread.wait()
        self._current = self._offered = self._overtaken = None

    def _in_hand(self) -> tuple[Job, ...]:
        """The jobs the worker has: the current one, one that may overtake it, one that was overtaken."""
        return tuple(job for job in (self._current, self._offered, self._overtaken) if job is not None)

    def _next(self) -> None:
        if self._offered is not None:
            return
        if self._current is None and self._waiting:
            self._current = self._waiting.pop(next(iter(self._waiting)))
            self._enter(Preparing(self._current.kind, self._current.title))
            self._start.emit(self._current)
        elif self._current is not None and self._current.patient:
            hasty = next((kind for kind, job in self._waiting.items() if not job.patient), None)
            if hasty is not None:
                self._offered = self._waiting.pop(hasty)
                self._worker.urgent.put(self._offered)

    def _stop_job(self, job: Job | None) -> None:
        if job is None or job.stop.is_set():
            return
        job.stop.set()
        if job is self._current:
            self._enter(Cancelling(job.kind, job.title))

    def _enter(self, state: RunState) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    @Slot(object)
    def _take_begin(self, job: Job) -> None:
        if not self._open:
            return
        self._overtaken, self._current, self._offered = self._current, job, None
        self._enter(Preparing(job.kind, job.title))

    @Slot(object, object)
    def _take_progress(self, job: Job, record: Any) -> None:
        if job is not self._current or job.stop.is_set():
            return
        self._enter(Running(job.kind, job.title))
        job.on_progress(record)

    @Slot(object, object)
    def _take_end(self, job: Job, outcome: Outcome) -> None:
        if not self._open:
            return
        self._current, self._overtaken = self._overtaken, None
        try:
            if job.wanted:
                _tell(job, outcome)
                self.ended.emit(job, outcome)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """After a job: back to the one it overtook, or to one it did not come to let pass, or to the next."""
        if self._current is not None:
            state = Cancelling if self._current.stop.is_set() else Running
            self._enter(state(self._current.kind, self._current.title))
        elif self._offered is not None:
            self._look.emit()
        self._next()
        if self._current is None and self._offered is None:
            self._enter(Idle())


def _tell(job: Job, outcome: Outcome) -> None:
    match outcome:
        case Completed(answer):
            job.on_done(answer)
        case Failed():
            job.on_failed(outcome)
        case Stopped():
            job.on_stopped()
