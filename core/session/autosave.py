"""Keeps what is open in a folder of its own for each running window, and finds what crashed ones left. Never asks.

    autosave/TIME-PID/lock                  held while the window lives
    autosave/TIME-PID/session.probescope    with its probe in session.data

A folder whose lock nobody holds was left by a crash; one without a lock was shut down properly.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from core.errors import ProbeError, StorageError
from core.files import name_partial, new_folder, remove_leftovers
from core.paths import cache_folder, data_folder
from core.probes.probe import Probe
from core.session.files import ENDING, SavedSession, read_session, write_session
from core.session.lock import FileLock, is_held, name_holder, take_lock
from core.session.record import SessionRecord

DEPTH = ("*", "*/*", "*/*/*")
"""Down to the cells of an analysis: analyses/NAME/cells."""


def clean_up(*more: Path) -> tuple[Path, ...]:
    """Remove half-written files and folders of the user's data, the cache and further folders; returns them."""
    own = data_folder()
    below = [path for pattern in DEPTH for path in own.glob(pattern) if path.is_dir()] if own.is_dir() else []
    removed: list[Path] = []
    for folder in (own, *below, cache_folder(), *more):
        removed += remove_leftovers(folder)
    return tuple(removed)


LOCK_NAME = "lock"
SESSION_NAME = f"session{ENDING}"
MOST_KEPT = 5
"""Unnamed sessions that were closed in order and can be opened again."""


class AutosaveState(StrEnum):
    """What became of the window that saved."""

    OPEN = "open"
    CRASHED = "crashed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Autosaved:
    """One folder of the autosaves.

    Parameters
    ----------
    session : None if it cannot be read.
    problem : Why it cannot be read.
    """

    folder: Path
    state: AutosaveState
    session: SavedSession | None
    problem: str = ""

    @property
    def path(self) -> Path:
        """Its session file."""
        return self.folder / SESSION_NAME

    @property
    def holder(self) -> str:
        """Who has it open, or had: "process 4711 on lab-pc"."""
        return name_holder(self.folder / LOCK_NAME)


class Autosave:
    """The autosaves of one window; its folder is made with the first save."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self.folder: Path | None = None
        self._lock: FileLock | None = None

    def save(self, record: SessionRecord, *, named: Path | None = None, **probes: Probe | None) -> SessionRecord:
        """Save what is open now; `named` is the file the user has given it. Raises StorageError; the older stays.

        `probes`: the one on screen, `probe`, and `pinned`, the one it is compared with.
        """
        folder = self._begin()
        notes = {"named": "" if named is None else str(named)}
        return write_session(record, folder / SESSION_NAME, notes=notes, sync=_leave_to_system, **probes)

    def close(self, *, keep: bool) -> None:
        """Close in order: with `keep` the session can be opened again, else it goes."""
        if self.folder is None or self._lock is None:
            return
        self._lock.release()  # first: Windows moves no folder that holds an open file
        if keep:
            closed = [one for one in list_autosaves(self.folder.parent) if one.state is AutosaveState.CLOSED]
            for one in closed[MOST_KEPT:]:
                _remove(one.folder)
        else:
            _remove(self.folder)
        self.folder = self._lock = None

    def _begin(self) -> Path:
        if self.folder is not None:
            return self.folder
        root = self._root or autosave_folder()
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        folder = root / f"{stamp}-{os.getpid()}"
        with new_folder(folder) as partial:  # with the lock inside, so that nobody sees it without
            self._lock = take_lock(partial / LOCK_NAME)
        if self._lock is not None:
            self._lock.path = folder / LOCK_NAME
        self.folder = folder
        return folder


def _leave_to_system(_path: Path) -> None:
    """A probe is known by its hash and can be made again: no save of what was chosen waits for a slow disk to hold it.

    A killed process loses nothing by it, as what was written is the system's; after a power cut a torn probe is
    refused.
    """


def autosave_folder() -> Path:
    """Where all windows save."""
    return data_folder() / "autosave"


def list_autosaves(root: Path | None = None) -> tuple[Autosaved, ...]:
    """Every autosaved session, newest first; what killed processes left half-written is removed on the way."""
    place = root or autosave_folder()
    remove_leftovers(place)
    folders = [path for path in place.iterdir() if not path.name.startswith(".")] if place.is_dir() else []
    found = [_look_at(folder) for folder in folders if (folder / SESSION_NAME).is_file()]
    return tuple(sorted(found, key=lambda one: one.folder.name, reverse=True))


def list_crashed(root: Path | None = None) -> tuple[Autosaved, ...]:
    """The sessions of windows that ended without closing, newest first."""
    return tuple(one for one in list_autosaves(root) if one.state is AutosaveState.CRASHED)


def claim(autosaved: Autosaved) -> FileLock | None:
    """Take a left session over; None if another window was faster."""
    try:
        return take_lock(autosaved.folder / LOCK_NAME)
    except OSError:
        return None


def forget(autosaved: Autosaved) -> None:
    """Remove a session that nobody has open. Raises StorageError if a window has it."""
    lock = claim(autosaved)
    if lock is None:
        raise StorageError(f"{autosaved.folder.name} is open in another window. Close that first.")
    forget_claimed(autosaved, lock)


def forget_claimed(autosaved: Autosaved, lock: FileLock) -> None:
    """Remove a session that was claimed, once it is safe elsewhere."""
    lock.release()
    _remove(autosaved.folder)


def _look_at(folder: Path) -> Autosaved:
    lock = folder / LOCK_NAME
    state = AutosaveState.CLOSED
    if lock.exists():
        state = AutosaveState.OPEN if is_held(lock) else AutosaveState.CRASHED
    try:
        return Autosaved(folder, state, read_session(folder / SESSION_NAME))
    except ProbeError as error:
        return Autosaved(folder, state, None, str(error))


def _remove(folder: Path) -> None:
    """Remove a folder so that it is there whole or not at all: under a temporary name first."""
    going = name_partial(folder)
    try:
        folder.rename(going)
    except OSError as error:
        raise StorageError(f"{folder} cannot be removed ({error.strerror}). Remove it by hand.") from error
    shutil.rmtree(going, ignore_errors=True)
