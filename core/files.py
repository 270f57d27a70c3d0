"""Writes files and folders whole or not at all: under a temporary name, then renamed. Never leaves half of one.

A reader sees the old content or the whole new one, whatever happens between: a killed process leaves at most a hidden
`.NAME.PID-…@HOST.part`, which the next process that writes into the folder takes away; and the content is on the disk
before the name is, so that a power cut leaves no empty file under a good name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from core.checks import refusal
from core.errors import StorageError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}

PARTIAL_ENDING = ".part"
LEFTOVER = re.compile(r"\..+\.(?P<pid>\d+)(-[0-9a-f]{8})?(@(?P<host>[0-9a-f]{8}))?\.part")
"""The temporary name of something not yet whole, with the process that writes it and a hash of its computer's name."""
LETTERS_KEPT = 40
"""Of a name in its temporary one, which must not be too long where the name itself is not."""
FORGOTTEN_DAYS = 7.0
"""What another computer, on a shared disk, has not touched for so long is nobody's any more."""

_tidied: set[Path] = set()
"""Folders this process has written into, each searched for leftovers once."""


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits. Raises StorageError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}. Bring it back or choose another file.") from error


@cache
def process_space() -> str:
    """Names the numbers of processes that can be asked about from here: those of a computer, of a container its own.

    Names of computers are not enough: two on one shared disk may both be called "ubuntu".
    """
    address = uuid.getnode()
    is_random = address >> 40 & 1  # where there is no network card: another one in every process
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    return f"{0 if is_random else address:012x} {space}".strip()


@cache
def _host() -> str:
    return hashlib.sha256(f"{platform.node()} {process_space()}".encode()).hexdigest()[:8]


def name_partial(path: Path) -> Path:
    """The temporary name of something this process is about to write, or to remove; no two are equal."""
    return path.with_name(f".{path.name[:LETTERS_KEPT]}.{os.getpid()}-{uuid.uuid4().hex[:8]}@{_host()}{PARTIAL_ENDING}")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then give it that name.

    Raises StorageError, and leaves the old file as it was, if the folder cannot be written or the disk is full.
    """
    with new_file(path) as partial:
        write(partial)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield the name of a temporary file beside `path` that takes its place when the block ends well, else vanishes.

    For long work that reports in between; `replace_file` for the rest. Raises StorageError as that does.
    """
    partial = name_partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy(path.parent)
        yield partial
        flush(partial)
        partial.replace(path)
        flush(path.parent)
    except OSError as error:
        raise StorageError(describe_failure(path, error)) from error
    except RuntimeError as error:  # torch reports a full disk as a failure of its zip writer
        raise StorageError(f"{path} cannot be written: {error}. Free some space or choose another folder.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder` when the block ends well and vanishes otherwise.

    Raises BadInputError if `folder` is a file or holds anything already; StorageError if it cannot be written: no
    space, no permission, no such place. Nothing half-written stays.
    """
    target = Path(folder).expanduser().absolute()
    target = target.resolve() if target.is_symlink() else target  # no folder can take the place of a link to one
    check_free(target)
    partial = name_partial(target)
    try:
        partial.mkdir(parents=True)
        _tidy(target.parent)
        yield partial
        for inside in (*partial.rglob("*"), partial):
            flush(inside)
        if target.is_dir():
            target.rmdir()  # empty: `check_free` saw to it, and a full one refuses
        partial.rename(target)
        flush(target.parent)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(describe_failure(target, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def flush(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk before going on: a rename may otherwise overtake it."""
    windows = os.name == "nt"
    if path.is_dir():
        if not windows:  # NTFS keeps its names in a journal, and folders cannot be flushed there
            with suppress(OSError):  # nor on some network file systems; the file itself is what matters
                _sync(path, os.O_RDONLY)
        return
    _sync(path, os.O_RDWR if windows else os.O_RDONLY)


def _sync(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tidy(folder: Path) -> None:
    if folder not in _tidied:
        _tidied.add(folder)
        remove_leftovers(folder)


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Remove what killed processes of this computer left half-written in `folder`; returns what was removed.

    What a living process is still writing stays, and so does everything where that cannot be known: on Windows, and of
    other computers unless it is `FORGOTTEN_DAYS` old.
    """
    removed = []
    for path in folder.glob(f".*{PARTIAL_ENDING}") if folder.is_dir() else ():
        found = LEFTOVER.fullmatch(path.name)
        if found is None or _is_in_use(path, int(found["pid"]), found["host"] or _host()):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
        removed.append(path)
    return tuple(removed)


def _is_in_use(path: Path, pid: int, host: str) -> bool:
    if host == _host():
        return is_alive(pid)
    with suppress(OSError):
        return time.time() - path.stat().st_mtime < FORGOTTEN_DAYS * 24 * 3600
    return True


def is_alive(pid: int) -> bool:
    """Whether a process of that number may be running here; on Windows, where asking could end it, always."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def is_there(path: Path) -> bool:
    """Whether something lies at a path; not where its name is one no file system takes."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def check_file(path: Path) -> None:
    """Raise StorageError if no file can be written at a path; asked before long work, not after it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder has that name")
        with suppress(FileNotFoundError):
            path.lstat()  # fails for a name that is too long
        with tempfile.TemporaryFile(dir=next(one for one in path.absolute().parents if one.exists())):
            pass
    except OSError as error:
        raise StorageError(describe_failure(path, error)) from error


def check_new(name: str, file: Path) -> None:
    """Raise BadInputError if the file an option names is there; StorageError as `check_file`."""
    if is_there(file):
        advice = "Choose another name; nothing is overwritten."
        raise refusal(name, allowed="a new file", got=str(file), advice=advice)
    check_file(file)


def check_free(folder: Path) -> None:
    """Raise BadInputError if `folder` is a file or already holds something; StorageError if it cannot be written."""
    advice = "Choose a new or an empty folder; nothing is overwritten."
    if folder.is_dir():
        remove_leftovers(folder)
        try:
            held = sorted(entry.name for entry in folder.iterdir())
        except OSError as error:
            raise StorageError(describe_failure(folder, error)) from error
        if held:
            raise refusal("out", allowed="a new or an empty folder", got=str(folder), advice=_describe_holder(held))
    elif folder.exists():
        raise refusal("out", allowed="a folder", got=str(folder), advice=advice)
    check_file(folder / "any")


def _describe_holder(held: list[str]) -> str:
    what = "another set of stimuli" if "manifest.json" in held else f"{held[0]!r}"
    more = f" and {len(held) - 1} more" if len(held) > 1 and "manifest.json" not in held else ""
    return f"It holds {what}{more}, and nothing is overwritten. Choose another folder."


def describe_failure(folder: Path, error: OSError) -> str:
    """One sentence on a folder or file that cannot be written."""
    if error.errno in FULL:
        return f"No space is left to write {folder}. Nothing was kept; free some space or choose another disk."
    if error.errno in FORBIDDEN:
        return f"{folder} cannot be written: no permission. Choose a folder of your own."
    return f"{folder} cannot be written ({error.strerror or error}). Choose another folder."
