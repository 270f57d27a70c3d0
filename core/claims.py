"""Who does which piece of work in a folder that several processes and computers share: a claim is a file a piece.

Whoever makes KEY.1 does the piece: the file system lets one succeed. Its holder touches the file now and then; where
the holder's process has died, or the file was not touched for `LEASE_SECONDS`, whoever makes KEY.2 does it again, and
so on. No claim is renamed or removed to take it over, so that no two can take over the same, and the name counts the
attempts. Ages are differences of the file system's own times, whatever the clocks of the computers say.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.errors import StorageError
from core.files import describe_failure, is_alive, process_space
from core.progress import ShouldStop

LEASE_SECONDS = 600.0
"""Longer than any single step of an attack or a fit; a holder on this computer that died is noticed at once."""
BEAT_SECONDS = 20.0
"""Between two touches of a claim, and two looks at the file system's clock."""
POLL_SECONDS = 0.5
"""Between two looks at how far others are."""
STOPPED = "stopped"
"""The usual file whose presence asks everybody to stop, within `BEAT_SECONDS`."""
MOST_ATTEMPTS = 3
"""A piece whose process died so often is not tried again."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a claim: computer, process, its space of process numbers, since when (file system's seconds)."""

    host: str = "an unknown computer"
    pid: int = 0
    space: str = ""
    since: float = 0.0

    @property
    def is_near(self) -> bool:
        """Whether it can be asked from here if the process lives."""
        return (self.host, self.space) == (platform.node(), process_space())


@dataclass(frozen=True, slots=True)
class Claim:
    """A held claim; the first attempt is 1."""

    key: str
    attempt: int
    folder: ClaimFolder

    def finish(self) -> None:
        """The piece is done, or has failed for good: forget every attempt at it."""
        for attempt in range(self.attempt, 0, -1):
            self.folder.remove(self.key, attempt)

    def give_back(self) -> None:
        """Let another do the piece; one that was taken over meanwhile is left to whoever has it."""
        if not self.folder.path(self.key, self.attempt + 1).exists():
            self.folder.remove(self.key, self.attempt)


@dataclass(slots=True)
class ClaimFolder:
    """The claims on the pieces of work of one folder.

    Parameters
    ----------
    stop_file : Whose presence asks all who do this work to stop; other work may have its claims in the same folder.
    clock : Seconds from any origin; replaced in tests.
    """

    folder: Path
    stop_file: Path = Path()
    clock: Callable[[], float] = time.monotonic
    _held: set[Path] = field(default_factory=set)
    _beaten: float = 0.0
    _anchor: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.stop_file == Path():
            self.stop_file = self.folder / STOPPED

    def path(self, key: str, attempt: int) -> Path:
        """The file of a claim."""
        return self.folder / f"{key}.{attempt}"

    def take(self, key: str) -> Claim | None:
        """Claim a piece of work; None if another is at it. Raises StorageError if the folder cannot be written."""
        for attempt in itertools.count(1):
            path = self.path(key, attempt)
            if self._make(path):
                self._held.add(path)
                return Claim(key, attempt, self)
            if not self.is_stale(path):
                return None
        return None

    def keys(self) -> set[str]:
        """The pieces with a claim, stale ones too."""
        return set(self._attempts())

    def holders(self) -> dict[str, tuple[Holder, int]]:
        """Who is at work on each piece, and at which attempt; stale claims are left out."""
        found = {}
        for key, attempt in self._attempts().items():
            path = self.path(key, attempt)
            if not self.is_stale(path):
                found[key] = read_holder(path), attempt
        return found

    def all_holders(self) -> list[Holder]:
        """Whoever has made a claim that is still there, dead ones too."""
        return [read_holder(self.path(key, at)) for key, last in self._attempts().items() for at in range(1, last + 1)]

    def forget(self, pids: set[int | None]) -> None:
        """Give back what processes of this computer hold, which have been ended on purpose."""
        for key, attempt in self._attempts().items():
            holder = read_holder(self.path(key, attempt))
            if holder.is_near and holder.pid in pids:
                self.remove(key, attempt)

    def is_stale(self, path: Path) -> bool:
        """Whether the holder of a claim is gone; not if the claim is gone itself."""
        holder = read_holder(path)
        if holder.is_near and not is_alive(holder.pid):
            return path.exists()
        try:
            return self.now() - path.stat().st_mtime > LEASE_SECONDS
        except FileNotFoundError:
            return False

    def now(self) -> float:
        """The time by the clock of the file system, which may be another computer's."""
        if self._anchor is None or self.clock() - self._anchor[1] > BEAT_SECONDS:
            path, then = self.folder / f".{uuid.uuid4().hex}", time.time()
            with suppress(StorageError):  # a folder that is only looked at: then this computer's clock must do
                then = self._write(path, b"")
                path.unlink(missing_ok=True)
            self._anchor = then, self.clock()
        known, then = self._anchor
        return known + self.clock() - then

    def stop(self) -> None:
        """Have all who work here give back what they hold, and begin nothing. Raises StorageError."""
        with suppress(FileExistsError):
            self._write(self.stop_file, b"")

    def go_on(self) -> None:
        """Take `stop` back."""
        with suppress(OSError):
            self.stop_file.unlink()

    @property
    def is_stopped(self) -> bool:
        """Whether somebody asked all to stop."""
        return self.stop_file.exists()

    def watch(self, should_stop: ShouldStop) -> ShouldStop:
        """The same question, which touches the claims whenever it is asked: a holder that hangs loses them.

        It is also answered by whoever asks all to stop.
        """

        def ask() -> bool:
            if self.clock() - self._beaten > BEAT_SECONDS:
                if self.is_stopped:
                    return True
                self._beaten = self.clock()
                for path in self._held:
                    with suppress(OSError):  # taken over, or the disk is gone for a while
                        os.utime(path)
            return should_stop()

        return ask

    def clear(self, done: set[str]) -> None:
        """Remove what killed processes left: claims on pieces that are done, and half of a look at the clock."""
        for key, last in self._attempts().items():
            for attempt in range(last, 0, -1) if key in done else ():
                self.remove(key, attempt)
        for path in self.folder.glob(".*"):
            with suppress(OSError):
                path.unlink()

    def remove(self, key: str, attempt: int) -> None:
        """Remove the file of a claim, where it is still there."""
        path = self.path(key, attempt)
        self._held.discard(path)
        with suppress(OSError):
            path.unlink()

    def _attempts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.folder):
                key, _, attempt = entry.name.rpartition(".")
                if key and attempt.isdecimal():
                    found[key] = max(found.get(key, 0), int(attempt))
        return found

    def _make(self, path: Path) -> bool:
        holder = Holder(platform.node(), os.getpid(), process_space(), self.now())
        try:
            self._write(path, json.dumps(asdict(holder)).encode())
        except FileExistsError:
            return False
        return True

    def _write(self, path: Path, content: bytes) -> float:
        """Make a file that is not there yet; returns when, by the file system's clock.

        Raises FileExistsError if it is there; StorageError if it cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            try:
                os.write(handle, content)
                return os.fstat(handle).st_mtime
            except OSError:
                path.unlink()
                raise
            finally:
                os.close(handle)
        except FileExistsError:
            raise
        except OSError as error:
            raise StorageError(describe_failure(self.folder, error)) from error


def read_holder(path: Path) -> Holder:
    """Who made a claim; an unknown one while the file is being written, or was removed."""
    try:
        holder = Holder(**json.loads(path.read_text(encoding="utf-8")))
        return holder if isinstance(holder.pid, int) else Holder()
    except (OSError, ValueError, TypeError):
        return Holder()
