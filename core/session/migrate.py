"""Brings the content of an older session file up to today's version, one step at a time. Never touches a file.

Version 1 named the image by one text (a catalogue id or a path) with `image_sha256` and no size, the probe by a path
and `probe_sha256`, and had `map` and `geometry` beside the rest instead of a view; it knew no aim, analyses, tray or
layout.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import BadInputError

Content = dict[str, Any]
VERSION = 2


def migrate(content: Content, folder: Path, *, name: str) -> Content:
    """Content of any known version as that of version 2.

    Raises
    ------
    BadInputError
        If the version is unknown, or newer than this program.
    """
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadInputError(f"{name} has no session version ({version!r}). Choose a file saved by Probescope.")
    if version > VERSION:
        raise BadInputError(
            f"{name} was saved by a newer Probescope: its session version is {version}, this program reads up to "
            f"{VERSION}. Update Probescope to open it."
        )
    while version < VERSION:
        try:
            content = UPGRADES[version](content, folder)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInputError(
                f"{name} is a damaged session of version {version} ({error!r}). Fetch the file again."
            ) from error
        version += 1
        content["version"] = version
    return content


def _from_1(content: Content, folder: Path) -> Content:
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


def _refer(path: str, sha256: str, folder: Path) -> Content:
    """Version 1 kept no size; the file's own is taken, and 0, for unknown, if it has gone."""
    place = folder / path
    return {"path": path, "sha256": sha256, "n_bytes": place.stat().st_size if place.is_file() else 0, "was_at": ""}


UPGRADES: dict[int, Callable[[Content, Path], Content]] = {1: _from_1}
"""What turns a version into the next one."""
