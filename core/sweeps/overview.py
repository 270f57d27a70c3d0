"""How far work in cells is, read from its folder: the cells done, running or failed, and what each worker does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import ProbeError
from core.sweeps.cells import CellStore
from core.sweeps.work import Failure, Made
from core.words import count, format_duration

Row = dict[str, Any]
"""Of a table, and of `--json`."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A process that works on the folder, or did: the cell it is at ("" for none), cells done, steps/s, bytes."""

    host: str
    process: int
    device: str = ""
    cell: str = ""
    n_done: int = 0
    seconds: float = 0.0
    n_steps: float = 0.0
    memory: int = 0

    @property
    def steps_per_second(self) -> float:
        """Attack steps on single images, of the cells it has done; 0 where none are counted."""
        return self.n_steps / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Overview:
    """Where the work stands: cells that run, and by whom; those that have failed, and why; who works on it, or did."""

    n_cells: int
    n_done: int
    running: tuple[Row, ...]
    failed: tuple[Row, ...]
    workers: tuple[WorkerState, ...]
    is_stopped: bool = False

    def describe(self) -> str:
        """One line: "12 cells, 4 done, 2 running, 1 failed, 7 to do or running."."""
        n_left = self.n_cells - self.n_done - len(self.failed)
        counts = (
            f"{self.n_done} done, {len(self.running)} running, {len(self.failed)} failed, {n_left} to do or running"
        )
        return f"{count(self.n_cells, 'cell')}, {counts}.{' Stopped.' * self.is_stopped}"


@dataclass(slots=True)
class Overseer:
    """Reads a folder again and again; what finished cells say of their making is read once.

    `counts_steps` of the cells, for which what computes them is imported.
    """

    store: CellStore[Any, Any]
    counts_steps: bool = False
    _made: dict[str, tuple[Made, float]] = field(default_factory=dict)

    def look(self) -> Overview:
        """What the folder holds now. Raises StorageError if it cannot be read."""
        store, claims = self.store, self.store.claims()
        done, broken = store.find_ended()
        cells = {cell.key: cell for cell in store.cells()}
        for key in done & cells.keys() - self._made.keys():
            self._made[key] = store.made(cells[key]), self._count_steps(cells[key])
        running = [
            {"cell": key, "what": cells[key].describe(store.config), "host": holder.host, "process": holder.pid}
            | {"for": format_duration(max(0.0, claims.now() - holder.since)) if holder.since else "?"}
            | {"attempt": attempt}
            for key, (holder, attempt) in sorted(claims.holders().items())
            if key in cells and key not in done
        ]
        failed = [self._describe_failure(key) for key in cells if key in broken]
        workers = self._list_workers(running)
        return Overview(len(cells), len(done & cells.keys()), tuple(running), tuple(failed), workers, claims.is_stopped)

    def retry(self) -> None:
        """Have the failed cells tried again by whoever works on the folder, and take a stop back."""
        self.store.claims().go_on()
        for key in self.store.find_ended()[1]:
            self.store.forget_failure(key)

    def _describe_failure(self, key: str) -> Row:
        try:
            one = self.store.failure(key)
        except ProbeError as error:  # tried again, or damaged
            one = Failure(key, str(error), "")
        where = {"host": one.host, "device": one.device, "attempts": one.attempt}
        return {"cell": key, "what": one.what} | where | {"reason": one.reason}

    def _count_steps(self, cell: Any) -> float:
        """By how much the cell takes longer if every step takes a second."""
        if not self.counts_steps:
            return 0.0
        config, runner = self.store.config, self.store.work.runner
        layers = runner.layers(config)
        slow, fast = (runner.weigh(config, cell, dict.fromkeys(layers, each)) for each in (1.0, 0.0))
        return slow - fast

    def _list_workers(self, running: list[Row]) -> tuple[WorkerState, ...]:
        found: dict[tuple[str, int], WorkerState] = {}
        for made, n_steps in self._made.values():
            place = made.host, made.process
            one = found.get(place, WorkerState(*place))
            found[place] = replace(
                one,
                device=made.device,
                n_done=one.n_done + 1,
                seconds=one.seconds + made.seconds,
                n_steps=one.n_steps + n_steps,
                memory=max(one.memory, made.memory),
            )
        for row in running:
            place = row["host"], row["process"]
            found[place] = replace(found.get(place, WorkerState(*place)), cell=row["what"])
        return tuple(found[place] for place in sorted(found))
