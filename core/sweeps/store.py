"""The finished cells of a sweep on disk, one .npz each, written whole or not at all. Never computes one.

The truth for resuming: a cell whose file is there is done. `sweep.json` holds every setting, the hashes of the encoders
and the versions; a folder is continued only by the very same sweep.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.errors import BadInputError, StorageError
from core.files import check_free, replace_file
from core.sweeps.cells import Arrays, load_cell, save_cell
from core.sweeps.config import SweepConfig
from core.sweeps.plan import Cell, list_cells

FORMAT, VERSION = "probescope-sweep", 2
HEADER_NAME, CELLS_NAME = "sweep.json", "cells"


@dataclass(frozen=True, slots=True)
class SweepStore:
    """A folder of finished cells.

    Parameters
    ----------
    folder : Path
    config : SweepConfig
    """

    folder: Path
    config: SweepConfig

    def has(self, cell: Cell) -> bool:
        """Whether the cell is done."""
        return self._path(cell).is_file()

    def save(self, cell: Cell, arrays: Arrays) -> None:
        """Keep a finished cell. Raises StorageError if the disk is full or cannot be written."""
        save_cell(self._path(cell), arrays)

    def load(self, cell: Cell) -> Arrays:
        """The arrays of a finished cell. Raises StorageError if they cannot be read."""
        return load_cell(self._path(cell))

    def missing(self) -> tuple[Cell, ...]:
        """The cells still to do, in their order."""
        return tuple(cell for cell in list_cells(self.config) if not self.has(cell))

    def _path(self, cell: Cell) -> Path:
        return self.folder / CELLS_NAME / f"{cell.key}.npz"


def open_store(folder: Path, config: SweepConfig, facts: dict[str, Any], *, resume: bool) -> SweepStore:
    """Begin a store in a new folder, or go on with the same sweep's.

    Parameters
    ----------
    folder : Path
    config : SweepConfig
    facts : dict
        What the numbers depend on beside the settings: hashes of encoders, versions.
    resume : bool
        Go on with what is there.

    Raises
    ------
    BadInputError
        If the folder holds something and `resume` is not asked, or it holds another sweep.
    StorageError
        If it cannot be written.
    """
    folder = Path(folder).expanduser()
    header = {"format": FORMAT, "version": VERSION, "config": pack_config(config), "facts": facts}
    path = folder / HEADER_NAME
    if resume and path.is_file():
        _check_same(_read_header(path), header, folder)
        return SweepStore(folder, config)
    check_free(folder)
    text = json.dumps(header, indent=1) + "\n"
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return SweepStore(folder, config)


def load_store(folder: Path) -> tuple[SweepStore, dict[str, Any]]:
    """A store by its folder, and the facts noted with it. Raises BadInputError if it is none."""
    path = Path(folder).expanduser() / HEADER_NAME
    if not path.is_file():
        advice = "`main.py fragility`, `discriminability`, `transfer` and `meaning` make them."
        raise BadInputError(describe_refusal("folder", allowed="of a sweep", got=str(folder), advice=advice))
    header = _read_header(path)
    return SweepStore(path.parent, unpack_config(header["config"])), dict(header["facts"])


def pack_config(config: SweepConfig) -> dict[str, Any]:
    """A config as plain JSON."""
    packed: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return packed


def unpack_config(values: dict[str, Any]) -> SweepConfig:
    """The reverse of `pack_config`; lists become tuples."""
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return SweepConfig(**plain)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT or header["version"] != VERSION:
            raise ValueError(f"{header['format']} version {header['version']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} cannot be read ({error}). Choose another folder.") from error
    return header


def _check_same(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    known = found | {"config": pack_config(unpack_config(found["config"]))}  # what was added since has its default
    for part in ("config", "facts"):
        old, new = known[part], json.loads(json.dumps(wanted[part]))
        differs = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        if differs:
            allowed = f"the folder of the same sweep; {', '.join(differs)} differs"
            advice = "Choose another folder, or give the same settings."
            raise BadInputError(describe_refusal("out", allowed=allowed, got=str(folder), advice=advice))
