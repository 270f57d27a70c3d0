"""The cells of a study, what they cost, and the finished ones on disk, one .npz each. Never computes one.

features: one layer's averaged features. truth: a teacher's true axes and the best probes of its voxels.
candidate: one candidate fitted to one teacher at one noise level, its probes shown to the teacher.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.checks import describe_refusal
from core.errors import BadInputError, StorageError
from core.files import check_free, replace_file
from core.networks.catalog import find_network
from core.sweeps.cells import Arrays, load_cell, save_cell
from core.sweeps.pace import Paces
from core.sweeps.plan import N_PATH, PASSES_PER_STEP, SECONDS_PER_STEP, format_duration
from core.sweeps.study.config import LayerName, StudyConfig

FORMAT, VERSION = "probescope-study", 1
HEADER_NAME, CELLS_NAME = "study.json", "cells"
FEATURES, TRUTH, CANDIDATE = "features", "truth", "candidate"
PASSES_JUDGED = 6
"""Forward passes beside the steps and the path: judging the rung and its control."""
PASSES_SHOWN = 2
"""The perturbation and its control shown to the teacher."""


@dataclass(frozen=True, slots=True)
class StudyCell:
    """One piece of a study, the unit of resuming; -1 where a number does not apply."""

    kind: str
    layer: int = -1
    teacher: int = -1
    noise: int = -1
    candidate: int = -1

    @property
    def key(self) -> str:
        """Its file's stem."""
        numbers = (self.layer, self.teacher, self.noise, self.candidate)
        return "-".join([self.kind, *(f"{number:03d}" for number in numbers if number >= 0)])

    def describe(self, config: StudyConfig) -> str:
        """One line for a progress display."""
        if self.kind == FEATURES:
            return f"features of {config.layers[self.layer].label}"
        teacher = config.teachers[self.teacher].label
        if self.kind == TRUTH:
            return f"true voxels in {teacher}"
        return f"{config.candidates[self.candidate].label}, truth in {teacher}, noise {config.noise[self.noise]:g}"


def list_study(config: StudyConfig) -> tuple[StudyCell, ...]:
    """Every cell in the order in which they run."""
    cells = [StudyCell(FEATURES, layer=number) for number in range(len(config.layers))]
    for teacher in range(len(config.teachers)):
        cells.append(StudyCell(TRUTH, teacher=teacher))
        cells += [
            StudyCell(CANDIDATE, teacher=teacher, noise=noise, candidate=candidate)
            for candidate in range(len(config.candidates))
            for noise in range(len(config.noise))
        ]
    return tuple(cells)


def weigh_study(config: StudyConfig, cell: StudyCell, paces: Paces) -> float:
    """Seconds a cell takes, from the seconds of one step of each layer; a usual network's where it is unknown."""

    def seconds(layer: LayerName) -> float:
        return paces.get(layer, SECONDS_PER_STEP) / PASSES_PER_STEP

    if cell.kind == FEATURES:
        return seconds(config.layers[cell.layer]) * (config.n_train + config.n_test)
    n_probes, teacher = config.n_voxels * config.n_images, config.teachers[cell.teacher]
    climbed = config.n_steps * PASSES_PER_STEP + N_PATH + PASSES_JUDGED
    if cell.kind == TRUTH:
        return seconds(teacher) * n_probes * climbed
    return n_probes * (seconds(config.candidates[cell.candidate]) * climbed + seconds(teacher) * PASSES_SHOWN)


def describe_cost(config: StudyConfig, paces: Paces) -> str:
    """The cost of a whole study in one line, before it starts."""
    cells = list_study(config)
    seconds = sum(weigh_study(config, cell, paces) for cell in cells)
    n_climbs = len(config.teachers) * (1 + len(config.noise) * len(config.candidates))
    n_steps = n_climbs * config.n_voxels * config.n_images * config.n_steps
    n_bytes = 2 * len(config.teachers) * config.n_voxels * config.n_images * 3 * config.side**2
    return (
        f"{len(cells)} cells, {n_steps:,} attack steps on single images, about {format_duration(seconds)}, "
        f"{max(n_bytes / 1e6, 1):,.0f} MB on disk"
    )


@dataclass(frozen=True, slots=True)
class StudyStore:
    """A folder of finished cells, with what they depend on beside the settings."""

    folder: Path
    config: StudyConfig
    facts: dict[str, Any]

    def has(self, cell: StudyCell) -> bool:
        """Whether the cell is done."""
        return self._path(cell).is_file()

    def save(self, cell: StudyCell, arrays: Arrays) -> None:
        """Keep a finished cell. Raises StorageError if the disk is full or cannot be written."""
        save_cell(self._path(cell), arrays)

    def load(self, cell: StudyCell) -> Arrays:
        """The arrays of a finished cell. Raises StorageError if they cannot be read."""
        return load_cell(self._path(cell))

    def missing(self) -> tuple[StudyCell, ...]:
        """The cells still to do, in their order."""
        return tuple(cell for cell in list_study(self.config) if not self.has(cell))

    def _path(self, cell: StudyCell) -> Path:
        return self.folder / CELLS_NAME / f"{cell.key}.npz"


def open_study(folder: Path, config: StudyConfig, device: str, *, resume: bool) -> StudyStore:
    """Begin a study in a new folder, or go on with the very same one.

    Raises
    ------
    BadInputError
        If the folder holds something and `resume` is not asked, or it holds another study.
    StorageError
        If it cannot be written.
    """
    folder, facts = Path(folder).expanduser(), note_study_facts(config, device)
    path = folder / HEADER_NAME
    header = {"format": FORMAT, "version": VERSION, "config": pack_study(config), "facts": facts}
    if resume and path.is_file():
        found = _read_header(path)
        for part in ("config", "facts"):
            old, new = found[part], json.loads(json.dumps(header[part]))
            differs = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            if differs:
                allowed = f"the folder of the same study; {', '.join(differs)} differs"
                advice = "Choose another folder, or give the same settings."
                raise BadInputError(describe_refusal("out", allowed=allowed, got=str(folder), advice=advice))
        return StudyStore(folder, config, facts)
    check_free(folder)
    text = json.dumps(header, indent=1) + "\n"
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return StudyStore(folder, config, facts)


def load_study(folder: Path) -> StudyStore:
    """A finished study by its folder. Raises BadInputError if it is none or cells are missing."""
    path = Path(folder).expanduser() / HEADER_NAME
    if not path.is_file():
        raise BadInputError(
            describe_refusal("folder", allowed="of a study", got=str(folder), advice="`main.py study` makes them.")
        )
    header = _read_header(path)
    values: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in header["config"].items()
    }
    config = StudyConfig(**values)
    store = StudyStore(path.parent, config, dict(header["facts"]))
    missing = store.missing()
    if missing:
        raise BadInputError(f"The study in {folder} lacks {len(missing)} cells. Run it again with --resume.")
    return store


def pack_study(config: StudyConfig) -> dict[str, Any]:
    """A config as plain JSON."""
    packed: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return packed


def note_study_facts(config: StudyConfig, device: str) -> dict[str, Any]:
    """What the numbers depend on beside the settings: hashes of the weights, versions, device."""
    from core.probes.respond import describe_versions

    hashes = {name.network: find_network(name.network).sha256 for name in config.layers}
    return {"network_sha256": hashes, "versions": describe_versions(), "device": device}


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if header["format"] != FORMAT or header["version"] != VERSION:
            raise ValueError(f"{header['format']} version {header['version']}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} cannot be read ({error}). Choose another folder.") from error
    return header
