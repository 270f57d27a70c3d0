"""Long work in pieces: cells kept one file each beside a header, by as many processes and computers as there are.

The truth for resuming: a cell whose file is there is done. The header holds every setting and the hashes of what the
numbers come from; a folder is continued only by the very same work. Device and versions are each cell's own, and lie in
its file. Every random number comes from the seed and the names of what it is for, and every cell stands alone, so the
numbers do not depend on the order, on stops or on what ran before.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic

import numpy as np

from core.array_cache import save_arrays
from core.checks import refusal
from core.claims import STOPPED, ClaimFolder
from core.containers import Arrays, list_arrays, load_arrays, reading
from core.device import explain
from core.errors import BadInputError, ProbeError, StorageError
from core.files import check_free
from core.headers import Content, read_record, structure, unstructure, write_json
from core.progress import Progress
from core.sweeps.work import FAILURE, CellT, ConfigT, Failure, Made, Work
from core.words import count

CELLS_NAME, CLAIMS_NAME = "cells", "claims"
ENDING, FAILED_ENDING, MADE = ".npz", ".error.json", "made"
ADVICE = "Delete it and resume."


class ChangedInputError(BadInputError):
    """What the cells are computed from is not what the folder was begun with: no fault of a cell, all would suffer."""


class IncompleteError(BadInputError):
    """Cells are missing, some of them because they failed."""


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
        done, _ = self.find_ended()
        return tuple(cell for cell in self.cells() if cell.key not in done)

    def find_ended(self) -> tuple[set[str], set[str]]:
        """The keys of the cells that are done, and of those that have failed."""
        try:
            names = [entry.name for entry in os.scandir(self.folder / CELLS_NAME)]
        except FileNotFoundError:
            return set(), set()
        done = {name.removesuffix(ENDING) for name in names if name.endswith(ENDING)}
        return done, {name.removesuffix(FAILED_ENDING) for name in names if name.endswith(FAILED_ENDING)} - done

    def is_done(self, cell: CellT) -> bool:
        """Whether its file is there."""
        return self._path(cell.key).is_file()

    def has_failed(self, cell: CellT) -> bool:
        """Whether it is noted that it cannot be computed."""
        return self._path(cell.key, FAILED_ENDING).is_file()

    def save(self, cell: CellT, arrays: Arrays, made: Made) -> None:
        """Keep a finished cell. Raises StorageError if the disk is full or cannot be written."""
        packed = np.frombuffer(json.dumps(asdict(made)).encode(), dtype=np.uint8)
        save_arrays(self._path(cell.key), arrays | {MADE: packed})
        self.forget_failure(cell.key)

    def load(self, cell: CellT) -> Arrays:
        """The arrays of a finished cell. Raises StorageError if they cannot be read."""
        arrays = load_arrays(self._path(cell.key), advice=ADVICE)
        arrays.pop(MADE, None)
        return arrays

    def made(self, cell: CellT) -> Made:
        """Where a finished cell was computed; of one of version 0.3, what its folder says of all of them."""
        path = self._path(cell.key)
        with reading(path, "cell", error=StorageError, advice=ADVICE):
            if MADE not in list_arrays(path):
                return Made("", self.facts.get("device", ""), self.facts.get("versions", {}))
            packed = load_arrays(path, only=[MADE], advice=ADVICE)[MADE]
            return Made(**json.loads(packed.tobytes()))

    def count_made(self) -> list[tuple[Made, int]]:
        """Where the finished cells were computed: each computer, device and versions with all its seconds, and cells.

        Raises StorageError if a cell cannot be read.
        """
        found: dict[tuple[str, tuple[str, str]], tuple[Made, int]] = {}
        done, _ = self.find_ended()
        for cell in self.cells():
            if cell.key in done:
                made = self.made(cell)
                place = (made.host, made.circumstances)
                before, n_cells = found.get(place, (replace(made, seconds=0.0), 0))
                found[place] = replace(before, seconds=before.seconds + made.seconds), n_cells + 1
        return list(found.values())

    def fail(self, key: str, failure: Failure) -> None:
        """Note that a cell cannot be computed. Raises StorageError if that cannot be written."""
        write_json(self._path(key, FAILED_ENDING), asdict(failure))

    def failure(self, key: str) -> Failure:
        """Why a cell has failed. Raises StorageError if that cannot be read."""
        return read_record(self._path(key, FAILED_ENDING), Failure, FAILURE)

    def forget_failure(self, key: str) -> None:
        """Have a failed cell tried again."""
        with suppress(OSError):
            self._path(key, FAILED_ENDING).unlink(missing_ok=True)

    def forget(self, key: str) -> None:
        """Have a finished cell computed again."""
        self._path(key).unlink(missing_ok=True)

    def claims(self) -> ClaimFolder:
        """Who is at work here."""
        own = self.folder / CLAIMS_NAME
        return ClaimFolder(self.work.claim_at(self.config) or own, own / STOPPED)

    def check_whole(self) -> None:
        """Raise BadInputError unless every cell is done; it says what failed first, and why."""
        missing = self.missing()
        if not missing:
            return
        failed = [cell for cell in missing if self.has_failed(cell)]
        where = f"{self.work.name} in {self.folder}"
        if not failed:
            raise IncompleteError(f"The {where} lacks {len(missing)} cells. Run it again with --resume.")
        waiting = len(missing) - len(failed)
        more = f", {count(waiting, 'more is', 'more are')} missing" if waiting else ""
        first = self.failure(failed[0].key)
        cells = f"{len(failed)} of {count(len(self.cells()), 'cell')} of the {where}"
        raise IncompleteError(
            f"{cells} failed{more}. The first is {first.what}: {first.reason} `main.py cells {self.folder} --failed` "
            "lists all; the same command again (an analysis: with --resume) has another try."
        )

    def _path(self, key: str, ending: str = ENDING) -> Path:
        return self.folder / CELLS_NAME / f"{key}{ending}"


def describe_error(error: BaseException, what: str, *, device: str, attempt: int) -> Failure:
    """What is noted of a cell that raised an exception."""
    said = explain(error) if isinstance(error, Exception) else error
    text = " ".join(str(said).split())[:300]
    reason = text if isinstance(said, ProbeError) else f"{type(error).__name__}: {text}."
    lines = "".join(traceback.format_exception(error))
    return Failure(what, reason, platform.node(), device, attempt, lines)


def open_store(
    work: Work[ConfigT, CellT], folder: Path, config: Any, facts: Content, *, resume: bool
) -> CellStore[ConfigT, CellT]:
    """Begin in a new folder, or go on with the same work's, whatever failed in it before included.

    Raises BadInputError if the folder holds something and `resume` is not asked, or it holds other work; StorageError
    if the header is damaged or newer, or it cannot be written.
    """
    folder = Path(folder).expanduser()
    path = folder / work.file
    if not (resume and path.is_file()):
        check_free(folder)
        write_json(path, work.kind.marks() | {"config": unstructure(config), "facts": facts})
        return CellStore(folder, config, facts, work)
    found, known = _read(work, path)
    old, new = unstructure(found), unstructure(config)
    differs = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if differs:
        allowed = f"the folder of the same {work.name}; {', '.join(differs)} differs"
        raise refusal(
            "out", allowed=allowed, got=str(folder), advice="Choose another folder, or give the same settings."
        )
    store = CellStore(folder, config, known, work)
    check_facts(store, facts)
    for key in store.find_ended()[1]:
        store.forget_failure(key)
    store.claims().go_on()
    return store


def begin_store(
    work: Work[ConfigT, CellT], config: ConfigT, folder: Path, *, resume: bool = False
) -> CellStore[ConfigT, CellT]:
    """Check settings and begin work in a new folder, or go on with it. Raises as its `note_facts` and `open_store`."""
    return open_store(work, folder, config, work.runner.note_facts(config), resume=resume)


def begin_named(work: Work[ConfigT, CellT], config: ConfigT, parent: Path, name: str = "") -> CellStore[ConfigT, CellT]:
    """The same in a folder named by settings and facts, which the same work finds again. Raises as `begin_store`."""
    facts = work.runner.note_facts(config)
    text = json.dumps([unstructure(config), facts], sort_keys=True)
    folder = parent / "-".join(filter(None, (name, hashlib.sha256(text.encode()).hexdigest()[:12])))
    return open_store(work, folder, config, facts, resume=True)


def join_store(work: Work[ConfigT, CellT], folder: Path) -> CellStore[ConfigT, CellT]:
    """Go on with the work that a folder says it is, as one of several; what failed before is left.

    Raises BadInputError if a network, encoder or image is missing here or another one, and says which and where;
    StorageError if the header cannot be read.
    """
    store = find_store(work, folder)
    try:
        facts = work.runner.note_facts(store.config)
    except ProbeError as error:
        raise BadInputError(f"On {platform.node()}: {error}") from error
    check_facts(store, facts)
    return store


def check_facts(store: CellStore[Any, Any], facts: Content) -> None:
    """Raise ChangedInputError unless what the work is computed from is here as it was where the folder was begun.

    What a folder of an earlier version does not tell is not compared, nor what one of 0.3 says of all its cells.
    """
    for name in sorted(store.facts.keys() & facts.keys() - {"device", "versions"}):
        both = store.facts[name], facts[name]
        told, here = (value if isinstance(value, dict) else {name: value} for value in both)
        for key in told.keys() | here.keys():
            old, new = told.get(key, "none"), here.get(key, "none")
            if old == new or (isinstance(old, str) and new.startswith(old)):  # published hashes are cut
                continue
            what = f"{name.partition('_')[0]} {key}" if name.endswith("_sha256") else name
            seen = f"{old[:12]} there, {new[:12]} here" if isinstance(old, str) else f"{old} there, {new} here"
            allowed = f"the folder of the same {store.work.name}; on {platform.node()} {what} differs ({seen})"
            advice = "Bring the one that the folder was begun with, or choose another folder."
            raise ChangedInputError(str(refusal("out", allowed=allowed, got=str(store.folder), advice=advice)))


def find_store(work: Work[ConfigT, CellT], folder: Path) -> CellStore[ConfigT, CellT]:
    """Work by its folder, finished or not.

    Raises BadInputError if it is none; StorageError if its header is damaged or newer.
    """
    path = Path(folder).expanduser() / work.file
    if not path.is_file():
        raise refusal("folder", allowed=f"of a {work.name}", got=str(folder), advice=f"{work.made_by} them.")
    config, facts = _read(work, path)
    return CellStore(path.parent, config, facts, work)


def load_store(work: Work[ConfigT, CellT], folder: Path) -> CellStore[ConfigT, CellT]:
    """Finished work by its folder. Raises as `find_store` does, and BadInputError if cells are missing."""
    store = find_store(work, folder)
    store.check_whole()
    return store


def _read(work: Work[ConfigT, CellT], path: Path) -> tuple[ConfigT, Content]:
    parts = read_record(path, _Header, work.kind)
    structure(parts.facts, work.facts, work.kind, where=path, part="facts")
    return work.unpack(parts.config, where=path, part="config"), parts.facts


@dataclass(frozen=True, slots=True)
class _Header:
    config: dict[str, Any]
    facts: dict[str, Any]


@dataclass(frozen=True, eq=False)
class RunProgress(Progress[CellStore[Any, Any]]):
    """Where work stands: `what` describes the next cell, `cell`; `part` says how far that is, where it tells."""

    cell: Any = None
    part: Progress[Any] | None = None

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]."""
        return (self.done + (0.0 if self.part is None else self.part.share)) / max(self.total, 1)
