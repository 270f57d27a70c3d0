"""The stimuli of a written set, as trials need them. Never writes a set and never opens a picture."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.errors import BadInputError

MANIFESTS = ("manifest.json", "manifest.csv")


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One stimulus of a set.

    `file` is its path relative to the set's folder, with slashes; `columns` are all columns of its manifest row.
    """

    id: str
    pair_id: str
    role: str
    file: str
    file_sha256: str
    source_image: str
    degrees: float | None
    columns: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class SetToShow:
    """A set on disk: its folder, its name, its stimuli in the manifest's order and the manifest's SHA-256."""

    folder: Path
    name: str
    items: tuple[Item, ...]
    sha256: str

    @property
    def degrees(self) -> float | None:
        """Width its stimuli were made for, in degrees of visual angle; None if not stated or not one for all."""
        stated = {item.degrees for item in self.items}
        return stated.pop() if len(stated) == 1 else None


def load_items(folder: Path) -> SetToShow:
    """Read a set and check every file of it against the manifest.

    Raises
    ------
    BadInputError
        If the folder holds no set, or one whose manifest or files were changed.
    """
    path = Path(folder).expanduser().absolute()
    path = path.parent if path.name == MANIFESTS[0] else path
    manifest = path / MANIFESTS[0]
    if not manifest.is_file():
        advice = "Export stimuli first, then give that folder."
        raise BadInputError(
            describe_refusal("set", allowed="a folder with a manifest.json", got=str(path), advice=advice)
        )
    raw = manifest.read_bytes()
    rows = json.loads(raw)["stimuli"]
    return SetToShow(path, path.name, tuple(map(_make_item, rows)), hashlib.sha256(raw).hexdigest())


def _make_item(row: dict[str, Any]) -> Item:
    names = ("id", "pair_id", "role", "file", "file_sha256", "source_image", "degrees")
    return Item(**{name: row[name] for name in names}, columns=row)
