"""Computes the cells that are missing: this process, one of several on one folder, or N processes of this computer.

All of them claim cell by cell, so any number of them may work on one folder at once, and each may come and go.
"""

from __future__ import annotations

import os
import platform
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from threading import Event
from typing import Any

from core.claims import MOST_ATTEMPTS, POLL_SECONDS, Claim, ClaimFolder
from core.device import TAKEN, describe_device, explain, measure_memory
from core.errors import BadInputError, Cancelled, ProbeError
from core.progress import Progress, ShouldStop, Stopwatch, check_stop, never_stop
from core.sweeps.cells import CellStore, ChangedInputError, RunProgress, describe_error
from core.sweeps.work import AnyCell, CellT, Compute, ConfigT, Failure, Made
from core.words import count

GOLDEN = 0.618
"""Where in the list the next worker begins: multiples of it are spread evenly."""
LONGEST_WAIT = 16.0
"""Seconds between two looks at the cells of others, at the end of a wait that began with `POLL_SECONDS`."""
LEAST_SHARE = 0.05
"""Of the time, at most, is spent on looking how far others are."""
GRACE_SECONDS = 20.0
"""For a process to end after it was told to."""
BROKEN_DEVICE = "CUDA error"
"""After such an error nothing more can be computed in the process."""


class Tally:
    """Which cells are done or failed, and how long the others still take at the speed of all that work on them."""

    def __init__(self, store: CellStore[ConfigT, CellT], seconds_of: Callable[[CellT], float]) -> None:
        self._store, self.cells = store, store.cells()
        self._weights = {cell.key: max(1, round(1000 * seconds_of(cell))) for cell in self.cells}
        self.refresh()
        self._total = self._rest
        self._watch = Stopwatch(self._total)

    def refresh(self) -> None:
        """See what others have done, or have tried again."""
        self.done, self.failed = self._store.find_ended()
        ended = self.done | self.failed
        self._todo = {key: weight for key, weight in self._weights.items() if key not in ended}
        self._rest = sum(self._todo.values())

    def note(self, key: str, *, failed: bool = False) -> None:
        """A cell has ended."""
        (self.failed if failed else self.done).add(key)
        self._rest -= self._todo.pop(key, 0)

    def todo(self) -> list[Any]:
        """The cells that have not ended, in their order."""
        return [cell for cell in self.cells if cell.key in self._todo]

    def record(
        self,
        what: str,
        result: CellStore[Any, Any] | None = None,
        *,
        cell: AnyCell | None = None,
        part: Progress[Any] | None = None,
    ) -> RunProgress:
        """Where the work stands, and where the cell at hand."""
        begun = 0 if cell is None or part is None else round(part.share * self._weights[cell.key])
        left, n_cells = self._watch.seconds_left(self._total - self._rest + begun), len(self.cells)
        left = self._rest / 1000 if left is None else left
        return RunProgress(n_cells - len(self._todo), n_cells, left, result, what=what, cell=cell, part=part)


def iter_cells(
    store: CellStore[ConfigT, CellT],
    prepare: Callable[[ShouldStop], Compute],
    *,
    place: Made,
    seconds_of: Callable[[CellT], float],
    should_stop: ShouldStop = never_stop,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[RunProgress]:
    """Compute and keep the cells that are missing and that nobody else computes, until none is left.

    One record before each cell, what it tells itself, one at the end. A cell that raises is noted, and the others go
    on; one whose process died is tried again, `MOST_ATTEMPTS` times in all.

    Parameters
    ----------
    prepare : Gives what computes the arrays of a cell, and stops when it is told.
    place : Where this process computes.
    seconds_of : What a cell is expected to take; the time left follows the cells' own speed from the first on.
    pause : Waits for others, seconds; replaced in tests.

    Raises BadInputError at the end if cells failed; ChangedInputError if what they are computed from was replaced;
    StorageError if a cell cannot be written; Cancelled as soon as `should_stop()` is true, and finished cells stay.
    """
    claims, tally = store.claims(), Tally(store, seconds_of)
    should_stop = claims.watch(should_stop)
    compute, wait = prepare(should_stop), POLL_SECONDS
    is_patient = False  # the first time round, what has a claim is left alone; then it is asked who holds it
    while True:
        n_ended, taken = 0, set() if is_patient else claims.keys()
        is_busy = False
        for cell in _spread(tally.todo(), store.config, len(claims.keys())):
            if cell.key in taken:
                is_busy = True
                continue
            if any(one.key not in tally.done for one in cell.inputs(store.config)):
                continue
            claim = None if store.is_done(cell) else claims.take(cell.key)
            if store.is_done(cell) or store.has_failed(cell):  # another was faster
                tally.note(cell.key, failed=not store.is_done(cell))
                if claim is not None:
                    claim.finish()
            elif claim is None:
                is_busy, taken = True, taken if is_patient else claims.keys()
                continue
            else:
                for part in _do_claimed(store, cell, claim, compute, place, should_stop):
                    yield tally.record(cell.describe(store.config), cell=cell, part=part)
                tally.note(cell.key, failed=not store.is_done(cell))
            n_ended += 1
        tally.refresh()
        if n_ended:
            is_patient, wait = False, POLL_SECONDS
        elif not is_patient and is_busy:
            is_patient = True
        elif is_busy:
            yield tally.record("waiting for cells that others compute")
            _wait(wait, should_stop, pause)
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            break
    claims.clear(tally.done)
    store.check_whole()
    yield tally.record("done", store)


def _spread(cells: list[CellT], config: Any, n_workers: int) -> list[CellT]:
    """The cells from the start of a group on, and then the others: workers that come one by one begin far apart."""
    groups = [cell.group(config) for cell in cells]
    starts = [at for at, group in enumerate(groups) if at == 0 or group != groups[at - 1]]
    start = starts[int(len(starts) * (n_workers * GOLDEN % 1))] if starts else 0
    return cells[start:] + cells[:start]


def _do_claimed(
    store: CellStore[Any, Any], cell: AnyCell, claim: Claim, compute: Compute, place: Made, should_stop: ShouldStop
) -> Iterator[Progress[Any] | None]:
    """Compute and keep one cell, or note why not; whatever stops it, the claim is given back.

    None before it begins, then what it tells itself of how far it is.
    """
    what = cell.describe(store.config)
    try:
        yield None
        check_stop(should_stop)
        if claim.attempt > MOST_ATTEMPTS:
            reason = f"The process that computed it died {MOST_ATTEMPTS} times, as when memory runs out."
            store.fail(cell.key, Failure(what, reason, place.host, place.device, MOST_ATTEMPTS))
        else:
            start = time.perf_counter()
            try:
                arrays = compute(cell)
                if isinstance(arrays, Generator):
                    arrays = yield from arrays
            except Exception as error:
                if TAKEN in str(error):
                    raise explain(error) from error
                if BROKEN_DEVICE in str(error) or isinstance(error, ChangedInputError):
                    raise
                store.fail(cell.key, describe_error(error, what, device=place.device, attempt=claim.attempt))
            else:
                seconds = time.perf_counter() - start
                if not store.is_done(cell):  # else the claim was lost meanwhile, and another was faster
                    made = replace(place, seconds=seconds, attempt=claim.attempt, process=os.getpid())
                    store.save(cell, arrays, replace(made, memory=measure_memory()))
    except BaseException as error:
        if BROKEN_DEVICE not in str(error):  # else it counts as the death of the process, which it is
            claim.give_back()
        raise
    claim.finish()


def describe_place(device: str) -> Made:
    """This computer, a device of it, and what else a bit-for-bit repetition needs to be the same."""
    import torch

    from core.probes.respond import describe_versions

    kind = torch.backends.cpu.get_cpu_capability() if device == "cpu" else describe_device(device)
    return Made(platform.node(), f"{device} ({kind})", describe_versions())


def _wait(seconds: float, should_stop: ShouldStop, pause: Callable[[float], object]) -> None:
    for _ in range(max(1, round(seconds / POLL_SECONDS))):
        check_stop(should_stop)
        pause(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Started:
    """A process that works on a folder until nothing is left or it gets SIGTERM, and what it says if it cannot."""

    process: BaseProcess
    told: connection.Connection

    def hear(self) -> str:
        """Why it ended, if it said so."""
        try:
            return str(self.told.recv()) if self.told.poll() else ""
        except EOFError:
            return ""


def start_process(work: Callable[..., None], words: tuple[str, ...]) -> Started:
    """A new process, not a fork of this one, which has threads and perhaps a GPU; all that it gets are texts.

    `work`: a function by its name; it is given the words and, last, what tells whether to stop.
    """
    spawning = get_context("spawn")
    told, telling = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_run_process, args=(work, words, telling))
    process.start()
    telling.close()
    return Started(process, told)


def _run_process(work: Callable[..., None], words: tuple[str, ...], telling: connection.Connection) -> None:
    asked = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        work(*words, asked.is_set)
    except ProbeError as error:
        telling.send(str(error))
    except Cancelled:
        pass


def iter_processes(
    store: CellStore[ConfigT, CellT],
    start: Callable[[], Started],
    *,
    n_workers: int,
    seconds_of: Callable[[CellT], float],
    should_stop: ShouldStop = never_stop,
) -> Iterator[RunProgress]:
    """Have N processes compute the missing cells; one that dies at a cell is replaced. Raises as `iter_cells`."""
    tally, claims = Tally(store, seconds_of), store.claims()
    running = [start() for _ in range(min(n_workers, len(tally.todo())))]
    said: list[str] = []
    n_idle_deaths = 0
    try:
        while running:
            looked = time.perf_counter()
            tally.refresh()
            yield tally.record(f"at work in {count(len(running), 'process', 'processes')}")
            check_stop(should_stop)
            spent = time.perf_counter() - looked
            gone = connection.wait([one.process.sentinel for one in running], POLL_SECONDS + spent / LEAST_SHARE)
            holders = {one.pid for one in claims.all_holders()}  # before the dead are asked about, which buries them
            ended = [one for one in running if one.process.sentinel in gone]
            for one in ended:  # its memory is given back before its exit code is known
                one.process.join()
            words = {one.process.pid: one.hear() for one in ended}
            said += filter(None, words.values())
            died = [one for one in ended if one.process.exitcode and not words[one.process.pid]]
            n_idle_deaths += sum(one.process.pid not in holders for one in died)
            if n_idle_deaths > MOST_ATTEMPTS:
                raise BadInputError(f"Processes end with code {died[0].process.exitcode} before they take a cell.")
            running = [one for one in running if one not in ended] + [start() for _ in died]
    finally:
        _end(running, claims)
    if said and store.missing():
        raise BadInputError(said[0])
    store.check_whole()
    tally.refresh()
    yield tally.record("done", store)


def _end(running: Sequence[Started], claims: ClaimFolder) -> None:
    """Let them give their cells back; where they could not, it is done for them."""
    for one in running:
        one.process.terminate()
    for one in running:
        one.process.join(GRACE_SECONDS)
        one.process.kill()
        one.process.join()
    claims.forget({one.process.pid for one in running})
