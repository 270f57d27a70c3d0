"""The manifest of a stimulus set: one row a file, written as CSV and JSON, read back only if whole.

A set is a folder: manifest.json, manifest.csv, README.md and stimuli/ID.png. The JSON is the truth; it holds the hash
of every other file and of itself, so that a set with files edited, lost or added is refused.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from core.checks import check_count
from core.errors import BadInputError, StorageError
from core.files import hash_file
from core.headers import HeaderKind, hash_table, read_record, write_json
from core.stimuli.columns import COLUMNS, TRANSFER
from core.stimuli.config import SetConfig
from core.stimuli.recipe import MadeRecipe
from core.words import name_some

MANIFEST, TABLE, STIMULI = "manifest.json", "manifest.csv", "stimuli"
ORIGINAL = "original"
"""Role of the unperturbed stimulus of each pair."""

HEADER = HeaderKind(
    "the manifest of a stimulus set",
    "Restore the one that was written, or write the set again.",
    format="probescope-stimuli",
    versions=(2,),
    version_key="format_version",
    hash_key="manifest_sha256",
)
LISTS = {"voxels": " ", "weights": " ", "warnings": " | "}
"""Columns that hold several values, and what separates them in the CSV."""


@dataclass(frozen=True, slots=True)
class TransferShift:
    """What a file does in another network's encoder: the target's shift, in the response's unit and in its own SDs."""

    shift: float
    shift_sd: float | None


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One exported file: how it was made and what it does. `COLUMNS` explains every field.

    `transfer` maps "network layer" to what happens there.
    """

    id: str
    pair_id: str
    role: str
    file: str
    file_sha256: str
    source_image: str
    source_key: str
    source_sha256: str
    licence: str
    network: str
    network_sha256: str
    layer: str
    encoder_sha256: str
    subject: str
    space: str
    target: str
    target_kind: str
    voxels: tuple[int, ...]
    weights: tuple[float, ...]
    direction: str
    norm: str
    epsilon: float
    l2: float
    linf: float
    l2_before_saving: float
    linf_before_saving: float
    l2_file: float
    linf_file: float
    resolution: int
    n_steps: int
    step_size: float
    seed: int
    response_unit: str
    clean: float
    predicted: float
    shift: float
    shift_sd: float | None
    shift_before_saving: float
    clipped: float
    mean_luminance: float
    rms_contrast: float
    ssim: float
    gain: float
    offset: float
    width_px: int
    height_px: int
    picture_px: int
    degrees: float | None
    warnings: tuple[str, ...] = ()
    target_roi: str = ""
    to_gain: float | None = None
    transfer: Mapping[str, TransferShift] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px", "picture_px", "resolution"):
            check_count(name, getattr(self, name))

    @property
    def is_control(self) -> bool:
        """Whether it is neither the original nor the perturbed one."""
        return self.role.startswith("control_")

    def columns(self) -> dict[str, Any]:
        """The row's values by column, in the order of `COLUMNS`."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class ManifestHeader:
    """The whole of a manifest: its rows, and how the set was made.

    Parameters
    ----------
    name : str
    stimuli : tuple of ManifestRow
    columns : mapping
        What every column means.
    files : mapping
        SHA-256 of the other files, by name.
    set : SetConfig, optional
        How it was delivered.
    subject_kinds, seen_as : tuple of str
        Whether the subjects are measured or simulated; how a network sees the files.
    recipes : tuple of MadeRecipe
        One a probe.
    written_with : mapping
        Versions and device.
    """

    name: str
    stimuli: tuple[ManifestRow, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    set: SetConfig | None = None
    subject_kinds: tuple[str, ...] = ()
    seen_as: tuple[str, ...] = ()
    recipes: tuple[MadeRecipe, ...] = ()
    written_with: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StimulusSet:
    """A set that was written: the folder its manifest lies in, and what that says."""

    folder: Path
    header: ManifestHeader

    @property
    def name(self) -> str:
        """What the set is called."""
        return self.header.name

    @property
    def rows(self) -> tuple[ManifestRow, ...]:
        """The row of every file; those of one pair stand together, the original first."""
        return self.header.stimuli

    @property
    def pairs(self) -> dict[str, tuple[ManifestRow, ...]]:
        """The rows of every pair by its id, in order."""
        found: dict[str, list[ManifestRow]] = {}
        for row in self.rows:
            found.setdefault(row.pair_id, []).append(row)
        return {name: tuple(rows) for name, rows in found.items()}

    def path(self, row: ManifestRow) -> Path:
        """The file of a row."""
        return self.folder / row.file


def write_csv(path: Path, rows: tuple[ManifestRow, ...]) -> None:
    """Write the rows as CSV (UTF-8, comma, one line of names); floats round-trip, what is not stated stays empty."""
    flat = [_flatten(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=names, restval="")
        writer.writeheader()
        writer.writerows(flat)


def write_manifest(path: Path, rows: tuple[ManifestRow, ...], *, name: str, facts: Mapping[str, Any]) -> None:
    """Write the rows as one JSON object with the meaning of every column and `facts`; it ends with its own hash."""
    header = HEADER.marks() | {"name": name, "columns": COLUMNS | TRANSFER} | dict(facts)
    header |= {"stimuli": [row.columns() | {"transfer": dataclasses.asdict(row)["transfer"]} for row in rows]}
    plain = json.loads(json.dumps(header, allow_nan=False))
    write_json(path, plain | {HEADER.hash_key: hash_table(plain, HEADER.hash_key)}, indent=2)


def read_manifest(path: Path) -> StimulusSet:
    """A written set by its folder or its manifest.json, after every file of it was checked.

    Raises
    ------
    BadInputError
        If it is no set, of another version, or a file is missing, was edited or does not belong there.
    StorageError
        If a file cannot be read.
    """
    found = read_rows(path)
    check_files(found)
    return found


def read_rows(path: Path) -> StimulusSet:
    """The same of the manifest alone: no other file is read."""
    asked = Path(path).expanduser()
    file = asked / MANIFEST if asked.is_dir() else asked
    if not file.is_file():
        raise BadInputError(f"There is no stimulus set at {file}: give its folder or its {MANIFEST}.")
    header = read_record(file, ManifestHeader, HEADER)
    for name in (*(row.file for row in header.stimuli), *header.files):
        if not lies_inside(name):
            raise BadInputError(f"{file} names {name!r}, which lies outside the set. Do not use it.")
    return StimulusSet(file.absolute().parent, header)


def lies_inside(name: str) -> bool:
    """Whether a file name of a manifest stays below the set's folder, on every system."""
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name)


def check_files(found: StimulusSet) -> None:
    """Raise BadInputError unless every file of a set is there as it was written, and no other stimulus is."""
    expected = {row.file: row.file_sha256 for row in found.rows} | dict(found.header.files)
    missing = [name for name in expected if not (found.folder / name).is_file()]
    if missing:
        raise BadInputError(f"The set in {found.folder} lacks {name_some(missing, noun='file')}. {REMEDY}")
    try:
        edited = [name for name, sha256 in expected.items() if hash_file(found.folder / name) != sha256]
        held = sorted(entry.name for entry in (found.folder / STIMULI).iterdir())
    except OSError as error:
        raise StorageError(f"The set in {found.folder} cannot be read ({error}).") from error
    if edited:
        raise BadInputError(
            f"{name_some(edited, noun='file')} of the set in {found.folder} was changed after writing. {REMEDY}"
        )
    extra = [name for name in held if f"{STIMULI}/{name}" not in expected and not name.startswith(".")]
    if extra:
        advice = "Move what you added elsewhere; a set is used as it was written."
        raise BadInputError(
            f"{found.folder / STIMULI} holds {name_some(extra, noun='file')}, not of this set. {advice}"
        )


REMEDY = "Copy the set again, or rebuild it: `main.py rebuild MANIFEST --out FOLDER`."


def _flatten(row: ManifestRow) -> dict[str, Any]:
    values = row.columns()
    values |= {name: mark.join(map(str, values[name])) for name, mark in LISTS.items()}
    for where, transfer in row.transfer.items():
        values |= {f"transfer_{name}.{where}": value for name, value in dataclasses.asdict(transfer).items()}
    return {name: "" if value is None else value for name, value in values.items()}
