"""Work whose cells compute nothing: they draw, raise, sleep, wait or kill their process as they are told. No test.

Run in processes of its own by `start`, as `core.sweeps.workers.start_process` runs the real work.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from core.cluster.task import do_task
from core.errors import BadInputError, StorageError
from core.headers import HeaderKind
from core.progress import ShouldStop, check_stop
from core.seeds import make_stream
from core.sweeps.cells import CellStore, join_store, open_store
from core.sweeps.work import Facts, Made, Runner, Work
from core.sweeps.workers import Started, iter_cells, start_process

FILE_EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir", "os.utime")
HERE = Made("here", "cpu", {"numpy": np.__version__})


@dataclass(frozen=True, slots=True)
class SimulatedConfig:
    """Numbers of the cells that behave badly; each cell from `first_score` on needs the one so many before it."""

    n_cells: int
    n_groups: int = 1
    first_score: int = 10**9
    failing: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()
    unlucky: tuple[int, ...] = ()
    endless: tuple[int, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedCell:
    """A cell by its number."""

    number: int

    @property
    def key(self) -> str:
        return f"cell-{self.number:06d}"

    def describe(self, _config: SimulatedConfig) -> str:
        return f"number {self.number}"

    def inputs(self, config: SimulatedConfig) -> tuple[SimulatedCell, ...]:
        return (SimulatedCell(self.number - config.first_score),) if self.number >= config.first_score else ()

    def group(self, config: SimulatedConfig) -> str:
        return str(self.number * config.n_groups // config.n_cells)


@dataclass(frozen=True, kw_only=True)
class NoFacts(Facts):
    """Nothing else."""

    network_sha256: dict[str, str] = field(default_factory=dict)


SIMULATED = Work(
    name="simulation",
    file="simulated.json",
    kind=HeaderKind("a simulation", "Leave it.", "probescope-simulated", (1,), error=StorageError),
    config=SimulatedConfig,
    list_cells=lambda config: tuple(map(SimulatedCell, range(config.n_cells))),
    made_by="tests make",
    computed_by=f"{__name__}:RUNNER",
    facts=NoFacts,
)


def begin(folder: Path, **options: Any) -> CellStore[SimulatedConfig, SimulatedCell]:
    """A new folder, or the same one again."""
    return open_store(SIMULATED, folder, SimulatedConfig(**options), {}, resume=True)


def value(cell: SimulatedCell) -> np.ndarray[Any, Any]:
    """What the cell holds."""
    return make_stream(0, cell.key).standard_normal(50)


def run(store: CellStore[Any, Any], **changed: Any) -> Generator[Any, None, None]:
    """The work of this process."""
    options: dict[str, Any] = {"place": HERE, "seconds_of": lambda _: 1.0} | changed
    yield from iter_cells(store, partial(prepare, store), **options)


def prepare(store: CellStore[SimulatedConfig, SimulatedCell], should_stop: ShouldStop) -> Callable[[Any], Any]:
    """Gives what computes a cell."""
    config, folder = store.config, store.folder

    def compute(cell: SimulatedCell) -> dict[str, Any]:
        with (folder / "computed").open("a") as note:
            note.write(f"{cell.number}\n")
        if cell.number in config.failing:
            raise BadInputError(f"number {cell.number} is odd. Choose another.")
        marker = folder / f"tried-{cell.number}"
        if cell.number in config.deadly or (cell.number in config.unlucky and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        while cell.number in config.endless:
            check_stop(should_stop)
        time.sleep(config.seconds)
        inputs = [store.load(one)["value"] for one in cell.inputs(config)]
        return {"value": np.sum([value(cell), *inputs], axis=0)}

    return compute


def expected(cell: SimulatedCell, config: SimulatedConfig) -> np.ndarray[Any, Any]:
    """What must lie in the folder in the end."""
    return np.asarray(np.sum([value(cell), *(expected(one, config) for one in cell.inputs(config))], axis=0))


def work(folder: str, die_at: str, should_stop: ShouldStop) -> None:
    """What a process does; with `die_at` above 0 it kills itself before so many file operations."""
    if int(die_at):
        _die_at(int(die_at))
    for _ in run(join_store(SIMULATED, Path(folder)), should_stop=should_stop):
        pass


def start(folder: Path, die_at: int = 0) -> Started:
    """A process at work."""
    return start_process(work, (str(folder), str(die_at)))


def _die_at(operations: int) -> None:
    left = operations

    def watch(event: str, _args: tuple[object, ...]) -> None:
        nonlocal left
        if event in FILE_EVENTS:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


RUNNER = Runner(lambda _: {}, lambda _, opened, stop: prepare(opened, stop), lambda *_, **__: 1.0, lambda _: ())


def run_there(folder: str, _device: str) -> None:
    """What a worker of a scheduler does; torch, which takes seconds to load, is left out."""
    do_task(partial(work, folder, "0"), folder)
