"""Reads and writes session files: NAME.probescope (JSON) and its probes in NAME.data beside it. Never uses pickle.

A save writes the probe first, under a name made of its own hash, then the session file in one step, and removes older
probes last: whenever the process dies, the session file on the disk and what it refers to belong together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from core.files import flush, remove_leftovers, replace_file
from core.headers import read_header, structure, without_marks, write_json
from core.paths import data_folder
from core.probes.files import identify_probe, name_files, save_probe
from core.probes.probe import Probe
from core.session.record import HEADER, FileReference, SessionRecord, migrate, pack_record, unpack_record
from core.session.reference import is_there, refer_to

MOST = 10
SESSIONS, ANALYSES, SETS = "sessions", "analyses", "sets"
"""Kinds of what was opened."""


def list_recent(kind: str = SESSIONS) -> tuple[Path, ...]:
    """What was opened or saved last of a kind and is still there, newest first."""
    return tuple(path for path in _read(kind) if path.exists())


def add_recent(path: Path, kind: str = SESSIONS) -> None:
    """Put a file or folder on top. Raises StorageError if the list cannot be kept."""
    place = path.absolute()
    kept = [place, *(one for one in _read(kind) if one != place)]
    write_json(_file_of(kind), [str(one) for one in kept[:MOST]])


def forget_recent() -> None:
    """Empty the list. Raises StorageError if it cannot be kept."""
    write_json(_file_of(SESSIONS), [])


def _read(kind: str) -> list[Path]:
    try:
        content = json.loads(_file_of(kind).read_text(encoding="utf-8"))
        return [Path(one) for one in content if isinstance(one, str)]
    except (OSError, ValueError, TypeError):  # nothing of worth is lost with it
        return []


def _file_of(kind: str) -> Path:
    return data_folder() / f"recent_{kind}.json"


ENDING = ".probescope"
NOTES = ("saved", "program", "named")
DATA_ENDING = ".data"
PROBE_PREFIX = "probe-"
NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A session file that was read.

    Parameters
    ----------
    saved : When, in UTC, as ISO 8601.
    named : Of an autosaved session: the file the user had given it; "" for none.
    """

    path: Path
    record: SessionRecord
    saved: str
    named: str = ""


def write_session(
    record: SessionRecord,
    path: Path,
    *,
    probe: Probe | None = None,
    pinned: Probe | None = None,
    notes: Mapping[str, Any] | None = None,
    sync: Callable[[Path], object] = flush,
) -> SessionRecord:
    """Save a session; returns the record as it was written, its probe in the session's own folder.

    Parameters
    ----------
    path : Ends with .probescope.
    probe, pinned : The one on screen and the one it is compared with; without it the one that the record refers to is
        copied, if it is there.
    notes : Further header fields.
    sync : Brings a probe's files to the disk before the session refers to them.

    Raises StorageError if the folder cannot be written or the disk is full, and the older session stays as it was.
    """
    data = data_of(path)
    kept, compared = _keep_probe(record.probe, probe, data, sync), _keep_probe(record.pinned, pinned, data, sync)
    written = replace(record, probe=kept, pinned=compared)
    saved = datetime.now(UTC).isoformat(timespec="seconds")
    header = HEADER.marks() | {"saved": saved, "program": _program()} | dict(notes or {})
    write_json(path, header | pack_record(written, path.parent))
    _prune(data, keep=(kept, compared))
    return written


def read_session(path: Path) -> SavedSession:
    """Read a session of any version.

    Raises StorageError if it cannot be read; BadInputError if it is no session, damaged, or of a newer program.
    """
    place = Path(path).expanduser().absolute()
    content = migrate(read_header(place, HEADER), place.parent)
    notes = structure({name: content.pop(name, "") for name in NOTES}, dict[str, str], HEADER, where=place)
    record = unpack_record(without_marks(content, HEADER), place.parent, where=place)
    return SavedSession(place, record, notes["saved"], notes["named"])


def data_of(path: Path) -> Path:
    """The folder of a session's probes: NAME.data beside NAME.probescope."""
    return path.with_name(path.name.removesuffix(ENDING) + DATA_ENDING)


def with_ending(path: Path) -> Path:
    """The path with .probescope at its end."""
    return path if path.name.endswith(ENDING) else path.with_name(path.name + ENDING)


def _keep_probe(
    reference: FileReference | None, probe: Probe | None, data: Path, sync: Callable[[Path], object]
) -> FileReference | None:
    if probe is not None:
        stem = data / f"{PROBE_PREFIX}{identify_probe(probe)[:NAME_DIGITS]}"
        header, _ = name_files(stem)
        return refer_to(header if header.is_file() else save_probe(probe, stem, sync=sync))
    if reference is None or reference.path.parent == data or not is_there(reference, reference.path):
        return reference
    copied = _copy_probe(reference.path, data)
    return reference if copied is None else refer_to(copied)


def _copy_probe(header: Path, data: Path) -> Path | None:
    """The copied header; None if the probe cannot be read, which must not keep the rest from being saved."""
    copied_header, copied_arrays = name_files(data / header.name)
    for target, source in ((copied_arrays, name_files(header)[1]), (copied_header, header)):
        try:
            content = source.read_bytes()
        except OSError:
            return None
        replace_file(target, lambda partial, content=content: partial.write_bytes(content))  # type: ignore[misc]
    return copied_header


def _prune(data: Path, *, keep: tuple[FileReference | None, ...]) -> None:
    """Remove the probes the session no longer refers to; nothing else in the folder is touched."""
    if not data.is_dir():
        return
    remove_leftovers(data)
    kept = {path for one in keep if one is not None for path in name_files(one.path)}
    for path in set(data.glob(f"{PROBE_PREFIX}*")) - kept:
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):  # holds something still
        data.rmdir()


@cache
def _program() -> str:
    try:
        return metadata.version("probescope")
    except metadata.PackageNotFoundError:
        return ""
