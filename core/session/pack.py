"""Turns session records into plain JSON and back, checking every value.

Paths are written relative to the session's folder; a key that is missing means what the record's default says. A file
of version 1 named the image by one text (a catalogue id or a path) with `image_sha256` and no size, the probe by a path
and `probe_sha256`, and had `map` and `geometry` beside the rest instead of a view; it knew no aim, analyses, tray or
layout.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

from core.headers import Content, HeaderKind, structure, unstructure
from core.session.record import FileReference, SessionRecord

HEADER = HeaderKind(
    "a session of Probescope",
    "Choose another .probescope file, or fetch this one again.",
    format="probescope-session",
    versions=(1, 2),
)


def pack_record(record: SessionRecord, folder: Path) -> Content:
    """A record as JSON, for a session file that lies in `folder`."""

    def write(reference: FileReference) -> FileReference:
        return replace(reference, path=_relative(reference.path, folder), was_at=reference.was_at or reference.path)

    return unstructure(_change_references(record, write))


def unpack_record(content: Mapping[str, Any], folder: Path, *, where: Path | str = "") -> SessionRecord:
    """The reverse of `pack_record`. Raises BadInputError that names the part which cannot be used."""

    def read(reference: FileReference) -> FileReference:
        path, was_at = reference.path, reference.was_at
        if not (path.is_absolute() or PureWindowsPath(path).is_absolute()):
            path = Path(os.path.normpath(folder / path))
        return replace(reference, path=path, was_at=None if was_at in (path, Path()) else was_at)

    return _change_references(structure(content, SessionRecord, HEADER, where=where), read)


def migrate(content: Content, folder: Path) -> Content:
    """Content of version 1 or 2 as that of version 2."""
    if content["version"] > 1:
        return content
    old = dict(content)
    image, image_sha256 = old.pop("image", ""), old.pop("image_sha256", "")
    probe, probe_sha256 = old.pop("probe", ""), old.pop("probe_sha256", "")
    view = {"map": old.pop("map", "shift"), "geometry": old.pop("geometry", "inflated")}
    file = _refer(image, image_sha256, folder) if image_sha256 else None
    return old | {
        "image": {"key": image, "file": file} if image else None,
        "probe": _refer(probe, probe_sha256, folder) if probe else None,
        "view": view,
    }


def _refer(path: Any, sha256: Any, folder: Path) -> Content:
    """Version 1 kept no size; the file's own is taken, and 0, for unknown, if it has gone."""
    place = folder / str(path)
    return {"path": path, "sha256": sha256, "n_bytes": place.stat().st_size if place.is_file() else 0}


def _change_references(record: SessionRecord, change: Callable[[FileReference], FileReference]) -> SessionRecord:
    def maybe(reference: FileReference | None) -> FileReference | None:
        return None if reference is None else change(reference)

    return replace(
        record,
        image=None if record.image is None else replace(record.image, file=maybe(record.image.file)),
        probe=maybe(record.probe),
        analyses=tuple(replace(one, sweep=maybe(one.sweep)) for one in record.analyses),
    )


def _relative(path: Path, folder: Path) -> Path:
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # another drive of Windows
        return path
