"""The kinds of work that are done in cells, found by what their folder holds: the one place that tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.checks import refusal
from core.stimuli.set_work import SET, SET_RUNNER
from core.sweeps.cells import CellStore, Runner, Work, find_store, join_store
from core.sweeps.plan import SWEEP
from core.sweeps.search import SEARCH, SEARCH_RUNNER
from core.sweeps.step_seconds import read_step_seconds
from core.sweeps.study.plan import STUDY

WORKS: tuple[Work[Any, Any], ...] = (SWEEP, STUDY, SEARCH, SET)


def find_work(folder: Path) -> CellStore[Any, Any]:
    """The work in a folder, finished or not.

    Raises BadInputError if there is none; StorageError if its header is damaged or newer.
    """
    folder = Path(folder).expanduser()
    for work in WORKS:
        if (folder / work.file).is_file():
            return find_store(work, folder)
    if not folder.is_dir():
        raise refusal("folder", allowed="one that is there", got=str(folder), advice="Do all computers see it?")
    made = "; ".join(work.made_by for work in WORKS)
    raise refusal("folder", allowed="of an analysis, study, search or set", got=str(folder), advice=f"{made} them.")


def join_work(folder: Path) -> CellStore[Any, Any]:
    """The same, where this computer has all that it needs. Raises as `find_work` and `core.sweeps.cells.join_store`."""
    work = find_work(folder).work
    return join_store(work, folder, load_runner(work).note_facts)


def load_runner(work: Work[Any, Any]) -> Runner:
    """What computes a kind of work."""
    if work is SWEEP:
        from core.sweeps.run import SWEEP_RUNNER

        return SWEEP_RUNNER
    if work is STUDY:
        from core.sweeps.study.run import STUDY_RUNNER

        return STUDY_RUNNER
    return SEARCH_RUNNER if work is SEARCH else SET_RUNNER


def time_cells(store: CellStore[Any, Any], device: str) -> Callable[[Any], float]:
    """Gives the seconds that a cell is expected to take on a device."""
    runner = load_runner(store.work)
    known = read_step_seconds(runner.layers(store.config), device)
    return lambda cell: runner.weigh(store.config, cell, known)
