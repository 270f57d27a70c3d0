"""Turns session records into plain JSON and back, checking every value. Never touches a file.

Paths are written relative to the session's folder; a key that is missing means what the record's default says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path, PureWindowsPath
from typing import Any

from core.attacks.config import AttackConfig
from core.errors import BadInputError
from core.probes.target import Target, TargetKind
from core.session.record import AimRecord, AnalysisRecord, FileReference, ImageRecord, SessionRecord, ViewRecord
from core.types import Direction

Content = dict[str, Any]
PLAIN = ("subject", "surface", "network", "layer", "encoder_sha256", "gate_r", "auto_probe", "tab")
TYPES: dict[str, type | tuple[type, ...]] = {"gate_r": (int, float), "auto_probe": bool}


def pack_record(record: SessionRecord, folder: Path) -> Content:
    """A record as JSON, for a session file that lies in `folder`."""
    image = record.image
    packed: Content = {name: getattr(record, name) for name in PLAIN}
    packed |= {
        "image": None if image is None else {"key": image.key, "file": _pack_reference(image.file, folder)},
        "target": None if record.target is None else asdict(record.target),
        "direction": str(record.direction),
        "attack": asdict(record.attack),
        "aim": asdict(record.aim),
        "probe": _pack_reference(record.probe, folder),
        "analyses": [
            {"question": one.question, "config": one.config, "sweep": _pack_reference(one.sweep, folder)}
            for one in record.analyses
        ],
        "tray": list(record.tray),
        "view": asdict(record.view),
        "layout": dict(record.layout),
    }
    plain: Content = json.loads(json.dumps(packed))
    return plain


def unpack_record(content: Mapping[str, Any], folder: Path) -> SessionRecord:
    """The reverse of `pack_record`. Raises BadInputError that names the part which cannot be used."""
    values: Content = {}
    for name in (field.name for field in fields(SessionRecord)):
        if name not in content:
            continue
        try:
            values[name] = _unpack(name, content[name], folder)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = error if isinstance(error, BadInputError) else f"{type(error).__name__}: {error}"
            raise BadInputError(f"The session's {name!r} cannot be used: {reason}") from error
    return SessionRecord(**values)


def _unpack(name: str, value: Any, folder: Path) -> Any:
    if name in PLAIN:
        return _check_type(value, TYPES.get(name, str))
    match name:
        case "image":
            return _unpack_image(value, folder)
        case "target":
            return _unpack_target(value)
        case "direction":
            return Direction(value)
        case "attack":
            return AttackConfig(**value)
        case "aim":
            return AimRecord(**value)
        case "probe":
            return _unpack_reference(value, folder)
        case "analyses":
            return tuple(_unpack_analysis(one, folder) for one in value)
        case "tray":
            return tuple(dict(one) for one in value)
        case "view":
            return _unpack_view(value)
        case _:
            return {str(key): _check_type(one, str) for key, one in value.items()}


def _check_type(value: Any, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{value!r} has the wrong type")
    return value


def _unpack_image(value: Content | None, folder: Path) -> ImageRecord | None:
    if value is None:
        return None
    return ImageRecord(_check_type(value["key"], str), _unpack_reference(value["file"], folder))


def _unpack_target(value: Content | None) -> Target | None:
    if value is None:
        return None
    voxels, weights = tuple(map(int, value["voxels"])), tuple(map(float, value["weights"]))
    texts = [_check_type(value.get(name, ""), str) for name in ("roi", "name")]
    return Target(TargetKind(value["kind"]), _check_type(value["label"], str), voxels, weights, *texts)


def _unpack_analysis(value: Content, folder: Path) -> AnalysisRecord:
    config = value.get("config")
    return AnalysisRecord(
        _check_type(value["question"], str),
        None if config is None else dict(config),
        _unpack_reference(value.get("sweep"), folder),
    )


def _unpack_view(value: Content) -> ViewRecord:
    camera = value.get("camera")
    if camera is not None:
        azimuth, elevation, x, y, z, scale = map(float, camera)
        camera = (azimuth, elevation, x, y, z, scale)
    return ViewRecord(**(dict(value) | {"camera": camera}))


def _pack_reference(reference: FileReference | None, folder: Path) -> Content | None:
    if reference is None:
        return None
    return {
        "path": _relative(reference.path, folder),
        "sha256": reference.sha256,
        "n_bytes": reference.n_bytes,
        "was_at": str(reference.was_at or reference.path),
    }


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()


def _unpack_reference(value: Content | None, folder: Path) -> FileReference | None:
    if value is None:
        return None
    written = _check_type(value["path"], str)
    if not (Path(written).is_absolute() or PureWindowsPath(written).is_absolute()):
        written = os.path.normpath(folder / written)
    path, was_at = Path(written), Path(value["was_at"]) if value.get("was_at") else None
    sha256, n_bytes = _check_type(value["sha256"], str), _check_type(value["n_bytes"], int)
    return FileReference(path, sha256, n_bytes, None if was_at == path else was_at)
