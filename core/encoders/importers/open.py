"""Finds out which program an encoder file comes from, and reads it. Never unpickles code, never guesses a network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open

from core.checks import check_choice, refusal
from core.containers import list_arrays, reading
from core.encoders.importers import arrays, berg, estimators, img2fmri
from core.encoders.importers.readout import Readout
from core.encoders.library import is_library_file
from core.errors import ProbeError, WeightsError
from core.files import hash_file

KINDS = ("auto", "arrays", "sklearn", "himalaya", "berg", "img2fmri")
ENDINGS = (*arrays.ENDINGS, *estimators.ENDINGS, ".npy", ".whl")
SNIFFED = 256


def read_readout(files: Sequence[Path], *, kind: str = "auto", member: str = "") -> Readout:
    """Read the encoder of one or more files.

    Parameters
    ----------
    files : The weights; for BERG the metadata file may follow. A folder only of img2fmri.
    kind : One of `KINDS`; "auto" decides by the files.
    member : Which encoder of a file that holds several: CSI1, CSI2 or CSI3 of img2fmri.

    Raises BadInputError if the kind or member does not exist, or a file is missing; WeightsError if the file is
    truncated, holds code or something else, or its arrays do not fit.
    """
    check_choice("kind", kind, KINDS)
    if not files:
        raise refusal("files", allowed="at least one file", got=None)
    for path in files:
        if not path.exists():
            raise refusal("file", allowed="an existing file", got=str(path))
    found = find_kind(files[0]) if kind == "auto" else kind
    if len(files) > 1 and found != "berg":
        raise refusal("files", allowed=f"one file of kind {found}", got=len(files))
    with reading(files[0], "encoder", error=WeightsError):
        if found == "berg":
            return berg.read_berg(files[0], files[1] if len(files) > 1 else None)
        if found == "img2fmri":
            return img2fmri.read_img2fmri(files[0], member or img2fmri.SUBJECTS[0])
        read = arrays.read_arrays if files[0].suffix in arrays.ENDINGS else estimators.read_estimator
        return read(files[0])


def find_kind(path: Path) -> str:
    """The importer a file is for, by its ending; which library an estimator is of is found when it is read."""
    if img2fmri.is_img2fmri(path):
        return "img2fmri"
    if path.is_dir():
        raise refusal("file", allowed="an encoder file", got=str(path))
    if path.suffix in arrays.ENDINGS:
        return "arrays"
    if path.suffix == ".npy":
        return "berg"
    if path.suffix in estimators.ENDINGS:
        return "sklearn"
    raise refusal("file", allowed=f"a file of {', '.join(ENDINGS)}", got=path.name)


def looks_like_encoder(path: Path) -> bool:
    """Whether a file or folder is probably an encoder, by its ending and the names inside; nothing of it is run."""
    if is_library_file(path) or img2fmri.is_img2fmri(path):
        return True
    if path.is_dir() or not path.is_file():
        return False
    if path.suffix in estimators.ENDINGS:
        return path.suffix not in (".gz", ".z")
    names: set[str] = set()
    try:
        with reading(path, "encoder"):
            if path.suffix == ".npy":
                with path.open("rb") as file:
                    return b"'|O'" in file.read(SNIFFED)
            if path.suffix == ".npz":
                names.update(list_arrays(path))
            if path.suffix == ".safetensors":
                with safe_open(path, framework="numpy") as opened:
                    names.update(opened.keys())
    except ProbeError:
        return False
    return bool(names & {"weights", "coef", "coef_"})


def hash_files(files: Sequence[Path]) -> tuple[tuple[str, str], ...]:
    """Name and SHA-256 of every file; of a folder the hash of its files' names and hashes."""
    found = []
    for path in files:
        inside = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else []
        rows = "\n".join(f"{file.relative_to(path)} {hash_file(file)}" for file in inside)
        found.append((path.name, hashlib.sha256(rows.encode()).hexdigest() if path.is_dir() else hash_file(path)))
    return tuple(found)
