"""Saves and loads finished probes: a .safetensors of arrays and a .json header beside it. Never uses pickle or torch.

Fields added after the first version have defaults that mean what that version did; files without them load as before.
Both files are written under temporary names first and renamed at the end. The header holds the hash of the arrays and
of itself, so that a truncated or edited file is refused instead of being shown as a result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from core.attacks.config import AttackConfig
from core.attacks.objective_config import ObjectiveConfig
from core.errors import BadInputError, StorageError
from core.files import flush
from core.probes.probe import Curve, Probe, ProbeConfig, StepHistory
from core.probes.target import Target, TargetKind

FORMAT = "probescope-probe"
FORMAT_VERSION = 1
HEADER_ENDING, ARRAYS_ENDING = ".json", ".safetensors"
GROUPS = {"curve": Curve, "history": StepHistory}
"""Fields of a probe that are records of arrays; stored as "curve.shift" and so on."""

REFUSAL = "Run the probe again and save it, or fetch the file again."

Arrays = dict[str, npt.NDArray[Any]]


def save_probe(probe: Probe, path: Path, *, settle: Callable[[Path], object] = flush) -> Path:
    """Write a probe; returns the path of its header.

    Parameters
    ----------
    probe : Probe
    path : Path
        With or without ending; NAME.json and NAME.safetensors are written.
    settle : callable
        Brings a written file to the disk before it gets its name.

    Raises
    ------
    StorageError
        If the folder cannot be written or the disk is full; nothing half-written stays, an older probe stays whole.
    """
    header_path, arrays_path = name_files(path)
    packed = save(flatten_arrays(probe))
    header = describe_header(probe) | {"arrays_sha256": hashlib.sha256(packed).hexdigest()}
    header |= {"header_sha256": hash_header(header)}
    contents = {arrays_path: packed, header_path: json.dumps(header, indent=1).encode() + b"\n"}
    _write_together(contents, settle)
    return header_path


def load_probe(path: Path) -> Probe:
    """Read a probe, exactly as it was saved.

    Parameters
    ----------
    path : Path
        Of either file, or their common name without ending.

    Raises
    ------
    StorageError
        If a file is missing or cannot be read.
    BadInputError
        If a file is truncated, was edited or is of another format or version.
    """
    header_path, arrays_path = name_files(path)
    header = _read_header(header_path)
    packed = _read(arrays_path)
    if hashlib.sha256(packed).hexdigest() != header["arrays_sha256"]:
        raise BadInputError(f"{arrays_path.name} is truncated or was edited: its hash differs. {REFUSAL}")
    try:
        return _build_probe(header, load(packed))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{header_path.name} does not hold a whole probe: {error}. {REFUSAL}") from error


def name_files(path: Path) -> tuple[Path, Path]:
    """The header and the arrays of a probe called `path`; only these two endings are taken off, budgets hold dots."""
    stem = path.with_suffix("") if path.suffix in (HEADER_ENDING, ARRAYS_ENDING) else path
    return stem.with_name(stem.name + HEADER_ENDING), stem.with_name(stem.name + ARRAYS_ENDING)


def flatten_arrays(probe: Probe) -> Arrays:
    """Every array of a probe by name, in C order."""
    found: Arrays = {}
    for item in dataclasses.fields(probe):
        value = getattr(probe, item.name)
        if item.name in GROUPS:
            found |= {f"{item.name}.{part.name}": getattr(value, part.name) for part in dataclasses.fields(value)}
        elif isinstance(value, np.ndarray):
            found[item.name] = value
    return {name: np.ascontiguousarray(values) for name, values in found.items()}


def describe_header(probe: Probe) -> dict[str, Any]:
    """Everything of a probe that is no array, ready for JSON."""
    named = set(flatten_arrays(probe)) | set(GROUPS)
    plain = {item.name: getattr(probe, item.name) for item in dataclasses.fields(probe) if item.name not in named}
    return {"format": FORMAT, "version": FORMAT_VERSION} | plain | {"config": dataclasses.asdict(probe.config)}


def hash_header(header: dict[str, Any]) -> str:
    """SHA-256 of a header without its own hash, in one canonical spelling."""
    rest = {key: value for key, value in header.items() if key != "header_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def unpack_config(fields: dict[str, Any]) -> ProbeConfig:
    """The config whose fields `dataclasses.asdict` gave, after JSON. Raises KeyError or BadInputError if it is none."""
    target = fields["target"]
    texts = [target.get(name, "") for name in ("roi", "name")]
    voxels, weights = tuple(target["voxels"]), tuple(target["weights"])
    named = Target(TargetKind(target["kind"]), target["label"], voxels, weights, *texts)
    rest = {"target": named, "attack": AttackConfig(**fields["attack"]), "ladder": tuple(fields["ladder"])}
    rest["objective"] = ObjectiveConfig(**fields.get("objective", {}))
    return ProbeConfig(**(fields | rest))


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = json.loads(_read(path))
        known = header["format"], header["version"]
        honest = header["header_sha256"] == hash_header(header)
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{path.name} is not the header of a probe: {error!r}. {REFUSAL}") from error
    if known != (FORMAT, FORMAT_VERSION):
        mine = f"{FORMAT} version {FORMAT_VERSION}"
        raise BadInputError(f"{path.name} is {known[0]} version {known[1]}; this program reads {mine}.")
    if not honest:
        raise BadInputError(f"{path.name} was edited: its hash differs. {REFUSAL}")
    return dict(header)


def _build_probe(header: dict[str, Any], arrays: Arrays) -> Probe:
    groups = {}
    for name, kind in GROUPS.items():
        parts = [field.name for field in dataclasses.fields(kind) if f"{name}.{field.name}" in arrays]
        groups[name] = kind(**{part: arrays.pop(f"{name}.{part}") for part in parts})
    plain = {field.name: header[field.name] for field in dataclasses.fields(Probe) if field.name in header}
    plain["ensemble_sha256"] = tuple(header.get("ensemble_sha256", ()))
    return Probe(**(plain | arrays | groups | {"config": unpack_config(header["config"])}))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}. A probe is two files of one name.") from error


def _write_together(contents: dict[Path, bytes], settle: Callable[[Path], object]) -> None:
    """Write all under temporary names, then rename all; on any failure remove what is left of it."""
    partial = {path: path.with_name(f".{path.name}.{os.getpid()}.part") for path in contents}
    older = {path: _read(path) for path in contents if path.exists()}
    renamed: list[Path] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial[path].write_bytes(content)
            settle(partial[path])
        for path in contents:
            partial[path].replace(path)
            renamed.append(path)
        settle(path.parent)
    except OSError as error:
        _take_back(renamed, older)
        reason = error.strerror or error
        raise StorageError(f"{path} cannot be written: {reason}. Free some space or choose another folder.") from error
    finally:
        for rest in partial.values():
            _drop(rest)


def _take_back(renamed: list[Path], older: dict[Path, bytes]) -> None:
    """Give files that were already renamed their older content, so that a header and its arrays stay a pair."""
    for path in renamed:
        if path in older:
            with contextlib.suppress(OSError):
                path.write_bytes(older[path])
        else:
            _drop(path)


def _drop(path: Path) -> None:
    """Remove what may be there; the failure that led here is the one to report."""
    with contextlib.suppress(OSError):
        path.unlink()
