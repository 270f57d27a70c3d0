"""Which session files were open last, in one small file."""

from __future__ import annotations

import json
from pathlib import Path

from core.headers import write_json
from core.paths import data_folder

MOST = 10
NAME = "recent_sessions.json"


def list_recent() -> tuple[Path, ...]:
    """The sessions opened or saved last that are still there, newest first."""
    return tuple(path for path in _read() if path.is_file())


def add_recent(path: Path) -> None:
    """Put a session on top. Raises StorageError if the list cannot be kept."""
    place = path.absolute()
    _write([place, *(one for one in _read() if one != place)])


def forget_recent() -> None:
    """Empty the list. Raises StorageError if it cannot be kept."""
    _write([])


def _read() -> list[Path]:
    try:
        content = json.loads((data_folder() / NAME).read_text(encoding="utf-8"))
        return [Path(one) for one in content if isinstance(one, str)]
    except (OSError, ValueError, TypeError):  # nothing of worth is lost with it
        return []


def _write(paths: list[Path]) -> None:
    write_json(data_folder() / NAME, [str(path) for path in paths[:MOST]])
