"""Long work in pieces: cells kept one file each beside a header, and what is missing of them run. Knows no question.

The truth for resuming: a cell whose file is there is done. The header holds every setting, the hashes of the weights
and the versions; a folder is continued only by the very same work. Every random number comes from the seed and the
names of what it is for, and every cell stands alone, so the numbers do not depend on the order, on stops or on what
ran before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from core.array_cache import save_arrays
from core.checks import refusal
from core.containers import Arrays, load_arrays
from core.errors import BadInputError
from core.files import check_free
from core.headers import Content, HeaderKind, read_record, structure, unstructure, write_json
from core.progress import Progress, ShouldStop, Stopwatch, check_stop, never_stop

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CELLS_NAME = "cells"


class AnyCell(Protocol):
    """One piece of work, the unit of resuming."""

    @property
    def key(self) -> str:
        """Its file's stem."""

    def describe(self, config: Any) -> str:
        """One line for a progress display."""


ConfigT = TypeVar("ConfigT", bound="DataclassInstance")
CellT = TypeVar("CellT", bound=AnyCell)


@dataclass(frozen=True, slots=True)
class Work(Generic[ConfigT, CellT]):
    """A kind of work: its name, the header's file and format, settings, facts, the cells they make, who makes it.

    `facts` is a dataclass of what the numbers depend on beside the settings: hashes, versions, device.
    """

    name: str
    file: str
    kind: HeaderKind
    config: type[ConfigT]
    facts: type[Any]
    list_cells: Callable[[ConfigT], tuple[CellT, ...]]
    made_by: str

    def unpack(self, values: object, *, where: Path | str = "", part: str = "") -> ConfigT:
        """Settings from plain values; what was added since has its default. Raises StorageError if they are wrong."""
        return structure(values, self.config, self.kind, where=where, part=part)


@dataclass(frozen=True)  # with slots, a generic class cannot be made through its aliases
class CellStore(Generic[ConfigT, CellT]):
    """The finished cells of one piece of work in a folder, with its settings and what else its numbers depend on."""

    folder: Path
    config: ConfigT
    facts: Content
    work: Work[ConfigT, CellT]

    def cells(self) -> tuple[CellT, ...]:
        """Every cell, in the order in which they run."""
        return self.work.list_cells(self.config)

    def missing(self) -> tuple[CellT, ...]:
        """The cells still to do, in their order."""
        return tuple(cell for cell in self.cells() if not self._path(cell).is_file())

    def save(self, cell: CellT, arrays: Arrays) -> None:
        """Keep a finished cell. Raises StorageError if the disk is full or cannot be written."""
        save_arrays(self._path(cell), arrays)

    def load(self, cell: CellT) -> Arrays:
        """The arrays of a finished cell. Raises StorageError if they cannot be read."""
        return load_arrays(self._path(cell), advice="Delete it and resume.")

    def _path(self, cell: CellT) -> Path:
        return self.folder / CELLS_NAME / f"{cell.key}.npz"


def open_store(
    work: Work[ConfigT, CellT], folder: Path, config: Any, facts: Content, *, resume: bool
) -> CellStore[ConfigT, CellT]:
    """Begin in a new folder, or go on with the same work's.

    Raises BadInputError if the folder holds something and `resume` is not asked, or it holds other work; StorageError
    if the header is damaged or newer, or it cannot be written.
    """
    folder = Path(folder).expanduser()
    path = folder / work.file
    header = {"config": unstructure(config), "facts": facts}
    if resume and path.is_file():
        found, known = _read(work, path)
        for part, old in (("config", unstructure(found)), ("facts", known)):
            new = header[part]
            differs = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            if differs:
                allowed = f"the folder of the same {work.name}; {', '.join(differs)} differs"
                advice = "Choose another folder, or give the same settings."
                raise refusal("out", allowed=allowed, got=str(folder), advice=advice)
    else:
        check_free(folder)
        write_json(path, work.kind.marks() | header)
    return CellStore(folder, config, facts, work)


def load_store(work: Work[ConfigT, CellT], folder: Path) -> CellStore[ConfigT, CellT]:
    """Finished work by its folder.

    Raises BadInputError if it is none, or cells are missing; StorageError if its header is damaged or newer.
    """
    store = find_store(work, folder)
    if missing := store.missing():
        raise BadInputError(f"The {work.name} in {folder} lacks {len(missing)} cells. Run it again with --resume.")
    return store


def find_store(work: Work[ConfigT, CellT], folder: Path) -> CellStore[ConfigT, CellT]:
    """Work by its folder, finished or not.

    Raises BadInputError if it is none; StorageError if its header is damaged or newer.
    """
    path = Path(folder).expanduser() / work.file
    if not path.is_file():
        raise refusal("folder", allowed=f"of a {work.name}", got=str(folder), advice=f"{work.made_by} them.")
    config, facts = _read(work, path)
    return CellStore(path.parent, config, facts, work)


def _read(work: Work[ConfigT, CellT], path: Path) -> tuple[ConfigT, Content]:
    parts = read_record(path, _Header, work.kind)
    structure(parts.facts, work.facts, work.kind, where=path, part="facts")
    return work.unpack(parts.config, where=path, part="config"), parts.facts


@dataclass(frozen=True, slots=True)
class _Header:
    config: dict[str, Any]
    facts: dict[str, Any]


RunProgress = Progress[CellStore[Any, Any]]
"""Where a sweep or study stands; `what` describes the next cell."""


def iter_cells(
    store: CellStore[ConfigT, CellT],
    compute: Callable[[CellT], Arrays],
    *,
    seconds_of: Callable[[CellT], float],
    should_stop: ShouldStop = never_stop,
) -> Iterator[RunProgress]:
    """Compute and keep the cells that are missing, one record before each and one at the end.

    `compute`: the arrays of a cell. `seconds_of`: what a cell is expected to take; the time left follows the cells' own
    speed from the first on.

    Raises StorageError if a cell cannot be written; Cancelled as soon as `should_stop()` is true, and finished cells
    stay.
    """
    todo, n_cells = store.missing(), len(store.cells())
    n_resumed = n_cells - len(todo)
    weights = [max(1, round(1000 * seconds_of(cell))) for cell in todo]
    watch, weighed = Stopwatch(sum(weights)), 0
    for number, cell in enumerate(todo):
        left = watch.seconds_left(weighed)
        left = sum(weights) / 1000 if left is None else left
        what = cell.describe(store.config)
        yield Progress(n_resumed + number, n_cells, left, what=what, n_resumed=n_resumed)
        check_stop(should_stop)
        store.save(cell, compute(cell))
        weighed += weights[number]
    yield Progress(n_cells, n_cells, 0.0, store, what="done", n_resumed=n_resumed)
