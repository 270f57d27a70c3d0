"""The manifest of a stimulus set: one row a file, written as CSV and JSON, read back only if whole.

A set is a folder: manifest.json, manifest.csv, README.md and stimuli/ID.png. The JSON is the truth; it holds the hash
of every other file and of itself, so that a set with files edited, lost or added is refused.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, get_type_hints

from core.checks import check_count
from core.errors import BadInputError, StorageError
from core.files import hash_file
from core.headers import HeaderKind, hash_table, read_record, write_json
from core.probes.files import ARRAYS_ENDING, HEADER_ENDING
from core.stimuli.config import SetConfig
from core.stimuli.recipe import MadeRecipe
from core.words import name_some, protect_cell

MANIFEST, TABLE, STIMULI = "manifest.json", "manifest.csv", "stimuli"
README, SET_README = "README.md", "SET_README.md"

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
    """What a file does in another network's encoder: the target's shift, in the response's unit and in its own SDs.

    `level`: the response itself, in SDs from its mean over that encoder's clean reference images; only in level sets.
    """

    shift: float
    shift_sd: float | None
    level: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One exported file: how it was made and what it does, each field with what the manifest says it means.

    `transfer` maps "network layer" to what happens there.
    """

    id: Annotated[str, "Name of the stimulus; its file is stimuli/ID.png."]
    pair_id: Annotated[str, "Shared by the stimuli made from one original by one probe."]
    role: Annotated[str, "original, raise, lower, natural, synthesised, or control_KIND of equal realised norm."]
    origin: Annotated[
        str, "Rank of a natural, restart and seed of a synthesised image, shown as it is; else empty."
    ] = ""
    file: Annotated[str, "File, relative to this manifest."]
    file_sha256: Annotated[str, "SHA-256 of the file's bytes."]
    source_image: Annotated[str, "Name of the original."]
    source_key: Annotated[str, "What opens the original: id in the catalogue, SUBJECT:IMAGE, or the path of a file."]
    source_sha256: Annotated[
        str, "SHA-256 of the original's pixels at the network's input size, (height, width, 3) uint8."
    ]
    licence: Annotated[str, "Licence of the original, where it is known."]
    network: Annotated[str, "Network the probe was made on."]
    network_sha256: Annotated[str, "SHA-256 of its weights file."]
    layer: Annotated[str, "Feature layer of the encoder."]
    encoder_sha256: Annotated[str, "SHA-256 of the encoder's file."]
    subject: Annotated[str, "Whose responses the encoder predicts; `simulated` is no measured brain."]
    space: Annotated[str, "Surface whose vertices the voxels lie at."]
    target: Annotated[str, "What the probe moved, in words."]
    target_roi: Annotated[str, "The ROI that is the target, or that its voxel lies in; empty if there is none."] = ""
    target_kind: Annotated[str, "voxel, roi, set, weights, contrast or pattern."]
    voxels: Annotated[tuple[int, ...], "Indices of the voxels of the target, separated by spaces in the CSV."]
    weights: Annotated[tuple[float, ...], "Their weights in the target's value, same order."]
    direction: Annotated[str, "Way the probe moved the target: raise or lower."]
    norm: Annotated[str, "Norm that bounded the attack: l2 or linf."]
    epsilon: Annotated[float, "Its budget, in [0, 1] pixel units at the network's input resolution."]
    l2: Annotated[float, "L2 size of file minus original file as the network sees them, in [0, 1] pixel units."]
    linf: Annotated[float, "Linf size of the same."]
    l2_before_saving: Annotated[float, "L2 size of the pixels before they were matched, resized and rounded to 8 bits."]
    linf_before_saving: Annotated[float, "Linf size of the same."]
    l2_file: Annotated[float, "L2 size of file minus original file in the file's own pixels, in [0, 1] pixel units."]
    linf_file: Annotated[float, "Linf size of the same."]
    mask: Annotated[str, "Where in the image the perturbation was allowed to lie; empty for everywhere."] = ""
    rms_inside: Annotated[
        float | None,
        "Root-mean-square of file minus original file, as the network sees them, over the pixels that the mask lets "
        "change, in grey levels of 255; empty without a mask.",
    ] = None
    resolution: Annotated[int, "Side in pixels of the network's input, to which budget and norms refer."]
    n_steps: Annotated[int, "Most attack steps of each budget of the epsilon grid."]
    step_size: Annotated[float, "Length of the first step, in [0, 1] pixel units."]
    to_gain: Annotated[
        float | None,
        "What more steps would still gain, as a share of the attack's gain; above 0.05 it is not converged.",
    ] = None
    seed: Annotated[int, "Seed of random starts and controls."]
    response_unit: Annotated[str, "Unit of clean, predicted, shift and the transfer shifts."]
    clean: Annotated[float, "Target's predicted response to the original's file."]
    predicted: Annotated[float, "Target's predicted response to this file."]
    shift: Annotated[float, "predicted minus clean."]
    shift_sd: Annotated[float | None, "shift / SD of the target's predicted response over the clean reference images."]
    shift_before_saving: Annotated[
        float, "The shift of the pixels before they were matched, resized and rounded to 8 bits."
    ]
    level: Annotated[
        float | None,
        "Level set: the response asked for, in SDs of the predicted response over the clean reference images, from "
        "its mean there; empty in other sets.",
    ] = None
    level_reached: Annotated[float | None, "Level set, image as it is: the same of the response to this file."] = None
    level_before_saving: Annotated[
        float | None, "The same of the pixels before they were matched, resized and rounded to 8 bits."
    ] = None
    against: Annotated[str, "Controversial probe: the second encoder, NETWORK LAYER; empty otherwise."] = ""
    against_direction: Annotated[
        str, "Way the probe moved the target in the second encoder: the other one, or the same in an agreeing probe."
    ] = ""
    clipped: Annotated[float, "Share of the file's colour values that were moved onto black or white, in [0, 1]."]
    mean_luminance: Annotated[float, "Mean relative luminance of the picture on an sRGB display, in [0, 1]."]
    rms_contrast: Annotated[float, "SD of the relative luminance (Peli 1990), in [0, 1]."]
    ssim: Annotated[float, "Structural similarity to the original's file (Wang et al. 2004)."]
    gain: Annotated[float, "Matching: every pixel x of the triple became gain x + offset."]
    offset: Annotated[float, "Matching: see gain."]
    width_px: Annotated[int, "Width of the file in pixels, background included."]
    height_px: Annotated[int, "Height of the file in pixels, background included."]
    picture_px: Annotated[int, "Side of the picture inside the file, in pixels."]
    degrees: Annotated[float | None, "Width to show the picture at, in degrees of visual angle; empty if not stated."]
    warnings: Annotated[
        tuple[str, ...],
        "What an experimenter should know of this stimulus, separated by ' | ' in the CSV; empty if nothing.",
    ] = ()
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


COLUMNS: dict[str, str] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(ManifestRow, include_extras=True).items()
    if name != "transfer"
}
"""Every column of the manifest, in order, and what it means."""
TRANSFER = {
    "transfer_shift": "Shift this file causes in the same target of another network's encoder, in response_unit.",
    "transfer_shift_sd": "The same / SD of that encoder's predicted response over the clean reference images.",
    "transfer_level": "Level sets: that encoder's response, in SDs from its mean over the clean reference images.",
}
"""Columns that come once for every other network: `transfer_shift.NETWORK LAYER`."""


@dataclass(frozen=True, slots=True)
class ManifestHeader:
    """The whole of a manifest: its rows, and how the set was made.

    Parameters
    ----------
    columns : What every column means.
    files : SHA-256 of the other files, by name.
    set : How it was delivered.
    subject_kinds, seen_as : Whether the subjects are measured or simulated; how a network sees the files.
    recipes : One a probe.
    written_with : Versions and device.
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
    def files(self) -> list[Path]:
        """Every file in its folder: the stimuli, then the others, manifests last."""
        others = (one for one in self.folder.iterdir() if one.is_file())
        return [*map(self.path, self.rows), *sorted(others, key=lambda one: (one.name.startswith("manifest."), one))]

    @property
    def rows(self) -> tuple[ManifestRow, ...]:
        """The row of every file; those of one pair stand together, the original first."""
        return self.header.stimuli

    @property
    def pairs(self) -> dict[str, tuple[ManifestRow, ...]]:
        """The rows of every pair by its id, in order."""
        return pair_rows(self.rows)

    def path(self, row: ManifestRow) -> Path:
        """The file of a row."""
        return self.folder / row.file


def pair_rows(rows: Iterable[ManifestRow]) -> dict[str, tuple[ManifestRow, ...]]:
    """The rows of every pair by its id, in order."""
    found: dict[str, list[ManifestRow]] = {}
    for row in rows:
        found.setdefault(row.pair_id, []).append(row)
    return {name: tuple(members) for name, members in found.items()}


def write_csv(path: Path, rows: tuple[ManifestRow, ...]) -> None:
    """Write the rows as CSV (UTF-8, comma, one line of names); floats round-trip, what is not stated stays empty."""
    flat = [flatten(row) for row in rows]
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

    Raises BadInputError if it is no set, of another version, or a file is missing, was edited or does not belong there;
    StorageError if a file cannot be read.
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


def list_files(found: StimulusSet) -> list[Path]:
    """Every file that the program wrote of a set, the saved probes of its pairs among them."""
    names = [*(row.file for row in found.rows), *found.header.files, MANIFEST]
    names += [f"{pair}{ending}" for pair in found.pairs for ending in (HEADER_ENDING, ARRAYS_ENDING)]
    return [found.folder / name for name in names]


def lies_inside(name: str) -> bool:
    """Whether a file name of a manifest stays below the set's folder, on every system."""
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name)


def check_files(found: StimulusSet) -> None:
    """Raise BadInputError unless every file of a set is there as it was written, and no other stimulus is."""
    expected = {row.file: row.file_sha256 for row in found.rows} | dict(found.header.files)
    in_package = found.folder / SET_README  # of a package made of the set, which has a README of its own
    places = {name: found.folder / name for name in expected} | ({README: in_package} if in_package.is_file() else {})
    missing = [name for name in expected if not places[name].is_file()]
    if missing:
        raise BadInputError(f"The set in {found.folder} lacks {name_some(missing, noun='file')}. {REMEDY}")
    try:
        edited = [name for name, sha256 in expected.items() if hash_file(places[name]) != sha256]
        held = sorted(entry.name for entry in (found.folder / STIMULI).iterdir())
    except OSError as error:
        raise StorageError(f"The set in {found.folder} cannot be read ({error}).") from error
    if edited:
        changed = f"{name_some(edited, noun='file')} of the set in {found.folder}"
        raise BadInputError(f"{changed} was changed after writing. {REMEDY}")
    extra = [name for name in held if f"{STIMULI}/{name}" not in expected and not name.startswith(".")]
    if extra:
        advice = "Move what you added elsewhere; a set is used as it was written."
        held_too = f"{found.folder / STIMULI} holds {name_some(extra, noun='file')}"
        raise BadInputError(f"{held_too}, not of this set. {advice}")


REMEDY = "Copy the set again, or rebuild it: `main.py rebuild MANIFEST --out FOLDER`."


def flatten(row: ManifestRow) -> dict[str, Any]:
    """The cells of a row by column, lists as texts."""
    values = row.columns()
    values |= {name: mark.join(map(str, values[name])) for name, mark in LISTS.items()}
    for where, transfer in row.transfer.items():
        values |= {f"transfer_{name}.{where}": value for name, value in dataclasses.asdict(transfer).items()}
    return {name: "" if value is None else protect_cell(value) for name, value in values.items()}
