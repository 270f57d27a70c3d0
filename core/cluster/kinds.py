"""The kinds of work that are done in cells, found by what their folder holds, and what of them was left unfinished."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checks import refusal
from core.cluster.where import HERE, Where, parse_where
from core.errors import ProbeError
from core.files import replace_file
from core.paths import cache_folder, data_folder
from core.stimuli.set_work import SET
from core.sweeps.cells import CellStore, find_store, join_store
from core.sweeps.plan import SWEEP
from core.sweeps.search import SEARCH
from core.sweeps.step_seconds import read_step_seconds
from core.sweeps.study.plan import STUDY
from core.sweeps.work import Work
from core.words import count

WORKS: tuple[Work[Any, Any], ...] = (SWEEP, STUDY, SEARCH, SET)
NOTE = "engine.txt"
"""In a folder whose work is under way and not answered: where its cells are computed."""


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
    return join_store(find_work(folder).work, folder)


def time_cells(store: CellStore[Any, Any], device: str) -> Callable[[Any], float]:
    """Gives the seconds that a cell is expected to take on a device."""
    runner = store.work.runner
    known = read_step_seconds(runner.layers(store.config), device)
    return lambda cell: runner.weigh(store.config, cell, known)


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """Work that nobody has answered yet, and where its cells were to be computed, as `--engine` says it."""

    store: CellStore[Any, Any]
    where: Where

    def describe(self) -> str:
        """One sentence."""
        name = str(getattr(self.store.config, "question", self.store.work.name)).capitalize()
        how = f"to {self.where.text}" if self.where.is_elsewhere else "unfinished"
        n_done, n_cells = len(self.store.find_ended()[0]), len(self.store.cells())
        return f"{name} left {how}: {n_done} of {count(n_cells, 'cell')} are done."


def note_left(store: CellStore[Any, Any], where: Where) -> None:
    """Note that work is under way, until `forget_left`. Raises StorageError if that cannot be written."""
    text = where.text if where.is_elsewhere else HERE.text
    replace_file(store.folder / NOTE, lambda partial: partial.write_text(text, encoding="utf-8"))


def forget_left(store: CellStore[Any, Any]) -> None:
    """The work is answered, or its user stopped it."""
    with suppress(OSError):
        (store.folder / NOTE).unlink()


def list_left() -> list[Left]:
    """Work in folders that the program named itself which was left before its end, the newest first.

    What another process of this computer is at is left out.
    """
    places = {"analyses": data_folder(), "studies": data_folder(), "searches": cache_folder(), "sets": cache_folder()}
    notes = [note for name, place in places.items() for note in place.glob(f"{name}/*/{NOTE}")]
    found = []
    for note in sorted(notes, key=lambda one: one.stat().st_mtime):
        with suppress(ProbeError, OSError):
            left = Left(find_work(note.parent), parse_where(note.read_text(encoding="utf-8").strip()))
            mine = left.store.claims().holders().keys() & {cell.key for cell in left.store.cells()}
            if left.where.is_elsewhere or not mine:
                found.append(left)
    return found[::-1]
