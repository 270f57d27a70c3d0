"""The manifest of a stimulus set: one row a file, written as CSV and JSON, read back only if whole. Never scores.

A set is a folder: manifest.json, manifest.csv, README.md and stimuli/ID.png. The JSON is the truth; it holds the hash
of every other file and of itself, so that what was edited, lost or added is told instead of being used.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import BadInputError, StorageError
from core.files import hash_file
from core.stimuli.check_rows import check_header, check_kinds, check_sizes, lies_inside
from core.stimuli.columns import COLUMNS, TRANSFER

FORMAT = "probescope-stimuli"
FORMAT_VERSION = 2
MANIFEST, TABLE, STIMULI = "manifest.json", "manifest.csv", "stimuli"
ORIGINAL = "original"
"""Role of the unperturbed stimulus of each pair."""

SELF_HASH = "manifest_sha256"
LISTS = {"voxels": " ", "weights": " ", "warnings": " | "}
"""Columns that hold several values, and what separates them in the CSV."""
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Transfer:
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
    transfer: Mapping[str, Transfer] = field(default_factory=dict)

    @property
    def is_control(self) -> bool:
        """Whether it is neither the original nor the perturbed one."""
        return self.role.startswith("control_")

    def columns(self) -> dict[str, Any]:
        """The row's values by column, in the order of `COLUMNS`."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class StimulusSet:
    """A set that was written.

    Parameters
    ----------
    folder : Path
        Where its manifest lies.
    name : str
    rows : tuple of ManifestRow
        Those of one pair stand together, the original first.
    header : dict
        Everything else of the manifest: layout, recipes, versions, hashes of the other files.
    """

    folder: Path
    name: str
    rows: tuple[ManifestRow, ...]
    header: dict[str, Any]

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


def write_json(path: Path, rows: tuple[ManifestRow, ...], *, name: str, facts: Mapping[str, Any]) -> None:
    """Write the rows as one JSON object with the meaning of every column and `facts`; it ends with its own hash."""
    header = {"format": FORMAT, "format_version": FORMAT_VERSION, "name": name, "columns": COLUMNS | TRANSFER}
    header |= dict(facts) | {"stimuli": [_nest(row) for row in rows]}
    plain = json.loads(json.dumps(header, allow_nan=False))
    text = json.dumps(plain | {SELF_HASH: hash_manifest(plain)}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def hash_manifest(header: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest without its own hash, in one canonical spelling."""
    rest = {key: value for key, value in header.items() if key != SELF_HASH}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


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
    """The same of the manifest alone: no other file is looked at."""
    asked = Path(path).expanduser()
    file = asked / MANIFEST if asked.is_dir() else asked
    header = _read_header(file)
    try:
        check_header(header)
        rows = tuple(_unpack(entry) for entry in header.pop("stimuli"))
        for inside in (*(row.file for row in rows), *header.get("files", {})):
            _check_inside(inside, file)
        name = str(header["name"])
        return StimulusSet(file.absolute().parent, name, rows, header)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"{file} lacks a part of a stimulus set: {error}. Write the set again.") from error


def check_files(found: StimulusSet) -> None:
    """Raise BadInputError unless every file of a set is there as it was written, and no other stimulus is."""
    expected = {row.file: row.file_sha256 for row in found.rows} | dict(found.header.get("files", {}))
    missing = [name for name in expected if not (found.folder / name).is_file()]
    if missing:
        raise BadInputError(f"The set in {found.folder} lacks {_name_some(missing)}. {REMEDY}")
    try:
        edited = [name for name, sha256 in expected.items() if hash_file(found.folder / name) != sha256]
        held = sorted(entry.name for entry in (found.folder / STIMULI).iterdir())
    except OSError as error:
        raise StorageError(f"The set in {found.folder} cannot be read ({error}).") from error
    if edited:
        raise BadInputError(f"{_name_some(edited)} of the set in {found.folder} was changed after writing. {REMEDY}")
    extra = [name for name in held if f"{STIMULI}/{name}" not in expected and not name.startswith(".")]
    if extra:
        advice = "Move what you added elsewhere; a set is used as it was written."
        raise BadInputError(f"{found.folder / STIMULI} holds {_name_some(extra)}, not of this set. {advice}")


REMEDY = "Copy the set again, or make it anew: `main.py rebuild MANIFEST --out FOLDER`."


def _read_header(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BadInputError(f"There is no stimulus set at {file}: give its folder or its {MANIFEST}.")
    try:
        header: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        known = header["format"], header["format_version"]
    except OSError as error:
        raise StorageError(f"{file} cannot be read ({error.strerror or error}).") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInputError(f"{file} is not the manifest of a stimulus set ({error!r}).") from error
    if known != (FORMAT, FORMAT_VERSION):
        mine = f"this program reads {FORMAT} version {FORMAT_VERSION}. Export the stimuli again."
        raise BadInputError(f"{file} is {known[0]} version {known[1]}; {mine}")
    if header.get(SELF_HASH) != hash_manifest(header):
        advice = "Restore the one that was written: a set whose manifest says something else is not used."
        raise BadInputError(f"{file} was edited after writing: its hash differs. {advice}")
    return header


def _check_inside(name: str, file: Path) -> None:
    if not lies_inside(name):
        raise BadInputError(f"{file} names {name!r}, which lies outside the set. Do not use it.")


def _name_some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more files" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _flatten(row: ManifestRow) -> dict[str, Any]:
    values = row.columns()
    values |= {name: mark.join(map(str, values[name])) for name, mark in LISTS.items()}
    for where, transfer in row.transfer.items():
        values |= {f"transfer_{name}.{where}": value for name, value in dataclasses.asdict(transfer).items()}
    return {name: "" if value is None else value for name, value in values.items()}


def _nest(row: ManifestRow) -> dict[str, Any]:
    transfer = {where: dataclasses.asdict(found) for where, found in row.transfer.items()}
    return row.columns() | {"transfer": transfer}


def _unpack(entry: dict[str, Any]) -> ManifestRow:
    check_kinds(entry, ManifestRow)
    check_sizes(entry)
    transfer = {where: _unpack_transfer(found) for where, found in entry["transfer"].items()}
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return ManifestRow(**(plain | {"transfer": transfer}))


def _unpack_transfer(found: Mapping[str, Any]) -> Transfer:
    check_kinds(found, Transfer)
    return Transfer(**found)
