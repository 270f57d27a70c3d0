"""Saves and loads finished probes: a .safetensors of arrays and a .json header beside it. Never uses pickle or torch.

Fields added after the first version have defaults that mean what that version did; files without them load as before.
Both files are written under temporary names first and renamed at the end. The header holds the hash of the arrays and
of itself, so that a truncated or edited file is refused instead of being shown as a result.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from safetensors.numpy import load, save

from core.containers import reading
from core.errors import StorageError
from core.files import flush, name_partial
from core.headers import (
    HeaderKind,
    hash_table,
    join_arrays,
    read_bytes,
    read_header,
    split_arrays,
    structure,
    without_marks,
)
from core.probes.probe import Probe

HEADER_ENDING, ARRAYS_ENDING = ".json", ".safetensors"

REFUSAL = "A probe is two files of one name. Run the probe again and save it, or fetch both files again."
HEADER = HeaderKind(
    "the header of a probe", REFUSAL, format="probescope-probe", versions=(1,), hash_key="header_sha256"
)


def save_probe(probe: Probe, path: Path, *, sync: Callable[[Path], object] = flush) -> Path:
    """Write a probe; returns the path of its header.

    `path`: with or without ending; NAME.json and NAME.safetensors are written. `sync`: brings a written file to the
    disk before it gets its name.

    Raises StorageError if the folder cannot be written or the disk is full, nothing half-written stays, and an older
    probe stays whole.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from core.attacks.config import AttackConfig
    >>> from core.datasets.photos import load_stimulus
    >>> from core.datasets.subject import load_subject
    >>> from core.engine import Engine
    >>> from core.probes.probe import ProbeConfig
    >>> from core.probes.target import target_roi
    >>> ffa = target_roi(load_subject("simulated").voxels, "FFA")
    >>> config = ProbeConfig("simulated", "mobilenet_v2", "features.18", ffa, attack=AttackConfig(n_steps=1))
    >>> *_, last = Engine(device="cpu").iter_probe(config, load_stimulus("cat_chelsea"))
    >>> with TemporaryDirectory() as folder:
    ...     header = save_probe(last.result, Path(folder) / "cat")
    ...     header.name, load_probe(header).stimulus_id
    ('cat.json', 'cat_chelsea')
    """
    header_path, arrays_path = name_files(path)
    table, arrays = split_arrays(probe)
    packed = save(arrays)
    header = HEADER.marks() | table | {"arrays_sha256": hashlib.sha256(packed).hexdigest()}
    header |= {HEADER.hash_key: hash_table(header, HEADER.hash_key)}
    contents = {arrays_path: packed, header_path: json.dumps(header, indent=1).encode() + b"\n"}
    _write_together(contents, sync)
    return header_path


def load_probe(path: Path) -> Probe:
    """Read a probe, exactly as it was saved.

    `path`: of either file, or their common name without ending.

    Raises StorageError if a file is missing or cannot be read; BadInputError if a file is truncated, was edited or is
    of another format or version.
    """
    header_path, arrays_path = name_files(path)
    header = without_marks(read_header(header_path, HEADER), HEADER)
    packed = read_bytes(arrays_path, HEADER)
    if hashlib.sha256(packed).hexdigest() != header.pop("arrays_sha256", None):
        raise HEADER.refuse(arrays_path, "is truncated or was edited: its hash differs")
    with reading(arrays_path, "file of a probe", error=HEADER.error, advice=HEADER.remedy):
        arrays = load(packed)
    return structure(join_arrays(header, arrays), Probe, HEADER, where=header_path)


def name_files(path: Path) -> tuple[Path, Path]:
    """The header and the arrays of a probe called `path`; only these two endings are taken off, budgets hold dots."""
    stem = path.with_suffix("") if path.suffix in (HEADER_ENDING, ARRAYS_ENDING) else path
    return stem.with_name(stem.name + HEADER_ENDING), stem.with_name(stem.name + ARRAYS_ENDING)


def identify_probe(probe: Probe) -> str:
    """A hash of all that a probe's header says, without its arrays."""
    return hash_table(HEADER.marks() | split_arrays(probe)[0], HEADER.hash_key)


def _write_together(contents: dict[Path, bytes], sync: Callable[[Path], object]) -> None:
    """Write all under temporary names, then rename all; on any failure remove what is left of it."""
    partial = {path: name_partial(path) for path in contents}
    older = {path: read_bytes(path, HEADER) for path in contents if path.exists()}
    renamed: list[Path] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial[path].write_bytes(content)
            sync(partial[path])
        for path in contents:
            partial[path].replace(path)
            renamed.append(path)
        sync(path.parent)
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
