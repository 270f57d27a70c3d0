"""Notes every late turn of the event loop, and names what Qt's thread was doing meanwhile. Never judges."""

from __future__ import annotations

import faulthandler
import re
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from re import Match
from typing import IO

import numpy as np
from PySide6.QtCore import Qt, QTimer

TICK = 0.004
"""Seconds between two beats of the timer, and between two looks at Qt's thread."""

STALL = 0.016
"""Seconds a beat may be late before it counts."""

ROOT = Path(__file__).resolve().parent.parent.parent
OWN = (str(ROOT / "app"), str(ROOT / "core"))
CALL = re.compile(r'File "(?P<file>[^"]+)", line \d+ in (?P<name>\S+)')
LIBRARIES = "site-packages/"
OUTSIDE = "Qt, or the lock of Python"


@dataclass(frozen=True, slots=True)
class Stall:
    """One late beat: seconds it was late, in which Qt's thread worked, or waited for a core; what it did.

    The rest of the seconds it waited for Python's lock or for an answer.
    """

    seconds: float
    busy: float
    starved: float
    cause: str

    @property
    def own(self) -> float:
        """Seconds without those in which it had no core: those that are not the machine's other work."""
        return max(0.0, self.seconds - self.starved)


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of one kind of work: lateness in seconds of each, the same without the wait for a core, the stalls."""

    late: tuple[float, ...]
    own: tuple[float, ...]
    stalls: tuple[Stall, ...]

    def p99(self, *, own: bool = False) -> float:
        """Seconds all but a hundredth of the beats stay below."""
        seconds = self.own if own else self.late
        return float(np.percentile(seconds, 99)) if seconds else 0.0

    @property
    def largest(self) -> Stall:
        """The longest stall, the wait for a core left out."""
        return max(self.stalls, key=lambda one: one.own, default=Stall(max(self.late, default=0.0), 0.0, 0.0, ""))

    def causes(self) -> list[tuple[str, int, float]]:
        """Each cause with how often it stalled, and its longest stall (`own`); the one that cost most first."""
        total: Counter[str] = Counter()
        for one in self.stalls:
            total[one.cause] += round(1e6 * one.own)
        found = {name: [one.own for one in self.stalls if one.cause == name] for name in total}
        return [(name, len(found[name]), max(found[name])) for name, _ in total.most_common()]


class StallWatch:
    """Beats on Qt's thread, in which it must be made; a second thread looks what that one does when a beat is late."""

    def __init__(self) -> None:
        self._thread, self._open = threading.get_ident(), True
        self._late: list[float] = []
        self._own: list[float] = []
        self._stalls: list[Stall] = []
        self._seen: list[str] = []
        self._place = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._last, self._busy, self._delay = time.perf_counter(), time.thread_time(), self._read_delay()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(round(1e3 * TICK))
        self._watcher = threading.Thread(target=self._watch, name="stall-watch", daemon=True)
        self._watcher.start()

    def take(self) -> Beats:
        """What was noted since the last call."""
        taken = Beats(tuple(self._late), tuple(self._own), tuple(self._stalls))
        self._late, self._own, self._stalls = [], [], []
        return taken

    def stop(self) -> None:
        """Beat no more."""
        self._timer.stop()
        self._open = False
        self._watcher.join()

    def _beat(self) -> None:
        now, busy, delay = time.perf_counter(), time.thread_time(), self._read_delay()
        late = max(0.0, now - self._last - TICK)
        stall = Stall(late, busy - self._busy, min(late, delay - self._delay), "")
        seen, self._seen = self._seen, []
        self._last, self._busy, self._delay = now, busy, delay
        self._late.append(late)
        self._own.append(stall.own)
        if late > STALL:
            cause = Counter(seen).most_common(1)[0][0] if seen else OUTSIDE
            self._stalls.append(replace(stall, cause=cause))

    def _read_delay(self) -> float:
        """Seconds this thread was ready and had no core, where the system says so (Linux)."""
        return 1e-9 * int(self._place.read_text().split()[1]) if self._place.is_file() else 0.0

    def _watch(self) -> None:
        with tempfile.TemporaryFile() as file:
            while self._open:
                time.sleep(TICK)
                if time.perf_counter() - self._last > 2 * TICK:
                    self._seen.append(name_cause(dump_stacks(file), self._thread))


def dump_stacks(file: IO[bytes]) -> str:
    """The stacks of all threads as text.

    `sys._current_frames` would hand out the frames themselves, and keep alive, or free in this thread, what Qt's thread
    holds in them: a painter, for one.
    """
    file.seek(0)
    file.truncate()
    faulthandler.dump_traceback(file, all_threads=True)
    file.seek(0)
    return file.read().decode(errors="replace")


def name_cause(stacks: str, thread: int) -> str:
    """The innermost function of the program Qt's thread is in, with its caller and what it calls in turn.

    Where it is in none, the function of a library that Qt called. Where there is none either, Qt works by itself or
    waits for Python's lock: then what the other threads do.
    """
    found: dict[bool, list[list[Match[str]]]] = {True: [], False: []}
    for part in stacks.split("\n\n"):
        calls = list(CALL.finditer(part))
        if calls:
            found[f"{thread:x} " in part.split("\n", 1)[0]].append(calls)
    for calls in found[True]:
        if own := [one for one in calls if one["file"].startswith(OWN)]:
            within = "" if own[0] is calls[0] else f" > {calls[0]['name']}"
            return " < ".join(_tell(one) for one in own[:2]) + within
        if called := [one for one in calls if LIBRARIES in one["file"]]:
            return f"{OUTSIDE}: " + " < ".join(_tell(one) for one in called[:3])
    others = [next((_tell(one) for one in calls if one["file"].startswith(OWN)), "") for calls in found[False]]
    return " beside ".join([OUTSIDE, *sorted(filter(None, others))])


def _tell(call: Match[str]) -> str:
    file = call["file"]
    place = Path(file).relative_to(ROOT) if file.startswith(OWN) else file.rpartition(LIBRARIES)[2]
    return f"{place}:{call['name']}"
