"""The one lane all heavy work runs in: a single worker thread, one job at a time. Never runs work on the GUI thread.

    a job:     waiting -> running -> done, failed or stopped        (stopped while it waits, too; each end is told)
    the lane:  idle -> running -> asked to stop -> idle

A job is a function that takes `should_stop` and returns an answer or an iterator of progress records, whose last
record is the answer. Answers reach the GUI thread as signals; those of a replaced or dropped job never arrive.

What is short-lived (a probe, a preview) gives way to a newer job of its kind. What leaves something behind
(a file, an encoder, a network, a sweep) queues: each runs in its turn.

A background job (a sweep, a fit, a download) takes minutes: at each of its records the others that wait are done
first, in the same thread, so that a click is answered while it lasts. All others are foreground jobs.
"""

from __future__ import annotations

import enum
import math
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from core.device import explain
from core.errors import Cancelled, ProbeError

PROGRESS_PERIOD = 1 / 15
"""Seconds between two progress records: the eye gains nothing from more, and every one repaints image and map."""

NICENESS = 5
"""Niceness of the worker thread and of the threads torch makes in it: the window is drawn first where cores are few."""

STACK_BYTES = 16 * 2**20
"""Threads of macOS start with 512 KiB, too little for LAPACK and deep networks."""

DEFECT, STOPPED = "Internal error: see the report.", "Stopped."
ShouldStop = Callable[[], bool]
Make = Callable[[ShouldStop], Any]


class WhenBusy(enum.Enum):
    """What a job does to an older one of its kind."""

    REPLACE = enum.auto()
    """Takes its place, even if it runs."""

    LATEST = enum.auto()
    """Lets it finish if it runs, takes its place if it waits."""

    QUEUE = enum.auto()
    """Waits for its turn: the job leaves something behind, and so does the older one."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing runs."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job at work, and whether it was asked to stop."""

    kind: str
    title: str
    stops: bool = False


RunState = Idle | Running


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

    @property
    def words(self) -> str:
        """Why, as the window says it."""
        return self.error.plain if isinstance(self.error, ProbeError) else DEFECT


Outcome = Completed | Stopped | Failed


def _ignore(*_: object) -> None:
    """What happens with an event nobody asked for."""


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work with its listeners; `wanted` turns false once nobody is to hear of it any more."""

    kind: str
    title: str
    make: Make
    on_begun: Callable[[], None]
    on_progress: Callable[[Any], None]
    on_done: Callable[[Any], None]
    on_failed: Callable[[Failed], None]
    on_stopped: Callable[[], None]
    when_busy: WhenBusy = WhenBusy.REPLACE
    background: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    wanted: bool = True
    began: float = math.nan  # of time.monotonic

    @property
    def is_foreground(self) -> bool:
        """Whether Esc stops it: it is short, and leaves nothing behind."""
        return not self.background and self.when_busy is not WhenBusy.QUEUE


def step_back() -> None:
    """Leave the processor to the window first. Linux knows niceness by thread, and Qt does not set it there."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class _Worker(QObject):
    """Lives in the worker thread and does one job after another; those in `preempting` interrupt a background job."""

    began = Signal(object)
    progressed = Signal(object, object)
    ended = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.preempting: queue.SimpleQueue[Job] = queue.SimpleQueue()

    @Slot(object)
    def run(self, job: Job) -> None:
        try:
            if job.stop.is_set():
                raise Cancelled
            answer = job.make(job.stop.is_set)
            outcome: Outcome = Completed(self._follow(job, answer) if isinstance(answer, Iterator) else answer)
        except Cancelled:
            outcome = Stopped()
        except Exception as error:  # noqa: BLE001 - crosses the thread as a value; the GUI thread decides what to show
            outcome = Failed(explain(error), traceback.format_exc())
        self.ended.emit(job, outcome)

    @Slot()
    def do_preempting(self) -> None:
        """Do what may go first, until nothing is left of it."""
        while not self.preempting.empty():
            job = self.preempting.get()
            self.began.emit(job)
            self.run(job)

    def _follow(self, job: Job, records: Iterator[Any]) -> Any:
        last, reported = None, -PROGRESS_PERIOD
        try:
            for last in records:
                if job.stop.is_set():
                    raise Cancelled
                if time.monotonic() - reported >= PROGRESS_PERIOD:
                    reported = time.monotonic()
                    self.progressed.emit(job, last)
                if job.background:
                    self.do_preempting()
        finally:
            getattr(records, "close", _ignore)()
        return last


class JobLane(QObject):
    """Hands jobs to one worker thread and brings their answers back to the GUI thread."""

    state_changed = Signal(object)
    ended = Signal(object, object)
    """A `Job` and its `Outcome`, after its own listener was told."""

    failed = Signal(object)
    """A `Failed` that the job's own listener does not tell the user: a defect, or the error of a job without one."""

    _start = Signal(object)
    _preempt = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state: RunState = Idle()
        """What the lane is doing."""
        self._current: Job | None = None
        self._preempting: Job | None = None
        self._preempted: Job | None = None
        self._waiting: list[Job] = []
        self._open = True
        self._thread = QThread()
        self._thread.setObjectName("probescope-lane")
        self._thread.setStackSize(STACK_BYTES)
        self._worker = _Worker()
        self._worker.moveToThread(self._thread)
        self._thread.started.connect(step_back, Qt.ConnectionType.DirectConnection)
        self._start.connect(self._worker.run)
        self._preempt.connect(self._worker.do_preempting)
        self._worker.began.connect(self._take_begin)
        self._worker.progressed.connect(self._take_progress)
        self._worker.ended.connect(self._take_end)
        self._thread.start(QThread.Priority.LowPriority)

    def is_busy(self, kind: str) -> bool:
        """Whether a wanted job of this kind runs or waits."""
        return any(job.kind == kind and job.wanted and not job.stop.is_set() for job in self._jobs())

    def at_stake(self) -> tuple[str, ...]:
        """Titles of what closing would cost the user: background jobs and files to write, running or waiting."""
        return tuple(job.title for job in self._jobs() if job.wanted and not job.is_foreground)

    def submit(
        self,
        kind: str,
        make: Make,
        *,
        on_done: Callable[[Any], None],
        on_begun: Callable[[], None] = _ignore,
        on_progress: Callable[[Any], None] = _ignore,
        on_failed: Callable[[Failed], None] | None = None,
        on_stopped: Callable[[], None] | None = None,
        refuse: Callable[[str], None] = _ignore,
        title: str = "",
        when_busy: WhenBusy = WhenBusy.REPLACE,
        background: bool = False,
    ) -> Job:
        """Let a job run when its turn comes.

        Where there is no answer, `refuse` gets one sentence to show: the error's, or that it was stopped. It stands in
        for `on_failed` and `on_stopped`; a failure none of the three takes, and every defect, goes to `failed`.
        """
        failed = on_failed or (self.failed.emit if refuse is _ignore else partial(self._refuse, refuse))
        stopped = on_stopped or partial(refuse, STOPPED)
        job = Job(kind, title, make, on_begun, on_progress, on_done, failed, stopped, when_busy, background)
        if not self._open:
            return job
        if when_busy is WhenBusy.REPLACE:
            self.drop(kind)
        elif when_busy is WhenBusy.LATEST:
            self._waiting = [other for other in self._waiting if other.kind != kind]
        self._waiting.append(job)
        self._next()
        return job

    def cancel(self) -> None:
        """Stop what runs or waits in the foreground; where nothing does, the background job if it alone is at work.

        Files to be written and background jobs that wait stay; those that were stopped say so.
        """
        stopping = [job for job in self._jobs() if job.is_foreground]
        if not stopping and self._current is not None and self._in_hand() == (self._current,):
            stopping = [self._current] if self._current.background else []
        for job in stopping:
            self.stop(job)

    def stop(self, job: Job) -> None:
        """Stop one job; it reports that it stopped, at once if its turn has not come."""
        if job not in self._jobs() or job.stop.is_set():
            return
        job.stop.set()
        if job is self._current:
            self._enter(Running(job.kind, job.title, stops=True))
        elif job is not self._preempted:
            self._waiting = [other for other in self._waiting if other is not job]
            self._tell(job, Stopped())
            job.wanted = False

    def drop(self, kind: str) -> None:
        """Stop the jobs of a kind and let none of their answers arrive."""
        for job in self._jobs():
            if job.kind == kind:
                job.wanted = False
                self.stop(job)

    def shutdown(self) -> None:
        """Stop everything and wait for the thread to end; a QThread alive at exit aborts the process."""
        self._open = False
        for job in self._jobs():
            job.wanted = False
            self.stop(job)
        self._thread.quit()
        self._thread.wait()
        self._current = self._preempting = self._preempted = None

    def _in_hand(self) -> tuple[Job, ...]:
        """The jobs the worker has: the current one, one that may preempt it, one that was preempted."""
        return tuple(filter(None, (self._current, self._preempting, self._preempted)))

    def _jobs(self) -> tuple[Job, ...]:
        return (*self._in_hand(), *self._waiting)

    def _next(self) -> None:
        """Start the first that waits, background jobs last; or let a foreground one preempt the background job."""
        if self._preempting is not None or not self._waiting:
            return
        short = next((job for job in self._waiting if not job.background), None)
        if self._current is None:
            job = short or self._waiting[0]
            self._waiting.remove(job)
            self._begin(job)
            self._start.emit(job)
        elif self._current.background and short is not None:
            self._waiting.remove(short)
            self._preempting = short
            self._worker.preempting.put(short)

    def _begin(self, job: Job) -> None:
        self._current, job.began = job, time.monotonic()
        self._enter(Running(job.kind, job.title))
        if job.wanted:
            job.on_begun()

    def _enter(self, state: RunState) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    @Slot(object)
    def _take_begin(self, job: Job) -> None:
        if not self._open:
            return
        self._preempted, self._preempting = self._current, None
        self._begin(job)

    @Slot(object, object)
    def _take_progress(self, job: Job, record: Any) -> None:
        if job is self._current and not job.stop.is_set():
            job.on_progress(record)

    @Slot(object, object)
    def _take_end(self, job: Job, outcome: Outcome) -> None:
        if not self._open:
            return
        self._current, self._preempted = self._preempted, None
        try:
            self._tell(job, outcome)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """After a job: back to the one it preempted, or to one it did not come to let pass, or to the next."""
        if self._current is not None:
            at_work = self._current
            self._enter(Running(at_work.kind, at_work.title, at_work.stop.is_set()))
        elif self._preempting is not None:
            self._preempt.emit()
        self._next()
        if self._current is None and self._preempting is None:
            self._enter(Idle())

    def _tell(self, job: Job, outcome: Outcome) -> None:
        if not job.wanted:
            return
        match outcome:
            case Completed(answer):
                job.on_done(answer)
            case Failed():
                job.on_failed(outcome)
            case Stopped():
                job.on_stopped()
        self.ended.emit(job, outcome)

    def _refuse(self, refuse: Callable[[str], None], failed: Failed) -> None:
        refuse(failed.words)
        if failed.words == DEFECT:
            self.failed.emit(failed)
