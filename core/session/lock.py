"""A lock on a file that ends with its process, however that ends. Never waits.

The operating system holds it (flock, or a locked byte on Windows), so a killed process leaves the file but no lock, and
the number of a dead process that another one got can mislead nobody. The file says who holds it, for messages.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

LOCKED_BYTE = 2**20
"""On Windows a locked byte cannot be read; this one lies behind what the file says."""


class FileLock:
    """A held lock; `take_lock` makes it."""

    def __init__(self, path: Path, handle: int | None) -> None:
        self.path = path
        self._handle = handle

    @classmethod
    def none(cls, path: Path) -> FileLock:
        """What stands for a lock where none can be taken, as in a folder that cannot be written."""
        return cls(path, None)

    def keep(self) -> None:
        """Give the lock back but leave the file, so that what it guards counts as left behind, not closed."""
        self.release(remove=False)

    def release(self, *, remove: bool = True) -> None:
        """Give it back, and remove the file; safe to call twice."""
        if self._handle is None:
            return
        if remove:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._handle)
        self._handle = None


def take_lock(path: Path) -> FileLock | None:
    """Take the lock; None if another process or window holds it. Raises OSError if the folder cannot be written."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if not _try(handle):
        os.close(handle)
        return None
    os.truncate(handle, 0)
    os.write(handle, json.dumps({"pid": os.getpid(), "host": platform.node()}).encode())
    return FileLock(path, handle)


def is_held(path: Path) -> bool:
    """Whether someone holds the lock now."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try(handle)
    finally:
        os.close(handle)


def name_holder(path: Path) -> str:
    """Who took it last: "process 4711 on lab-pc"; "another process" if the file does not say."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> bool:
        os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(handle, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
