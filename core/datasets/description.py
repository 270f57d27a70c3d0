"""The TOML file that describes a laboratory's own recording: its keys, their checks, and a template.

Paths are relative to the TOML file. `main.py import template` writes `TEMPLATE`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from core.checks import check_count, refusal
from core.headers import HeaderKind, read_record
from core.paths import resources_folder

TEMPLATE = (resources_folder() / "templates" / "recording.toml").read_text(encoding="utf-8")
"""A description to fill in."""

HEADER = HeaderKind(
    "a description of a recording in TOML", "`main.py import template` writes one to start from.", syntax="toml"
)


@dataclass(frozen=True, slots=True)
class ImagePart:
    """The table [images]: a folder of pictures or an array file with its `key`, and a list of them.

    `first` is the number the list gives the first row of the file, 0 or 1; None where it does not say.
    """

    folder: Path | None = None
    file: Path | None = None
    key: str = ""
    list: Path | None = None
    first: Literal[0, 1] | None = None

    def __post_init__(self) -> None:
        if (self.folder is None) is (self.file is None):
            got = [name for name in ("folder", "file") if getattr(self, name) is not None]
            raise refusal("images", allowed="either a folder or a file", got=got)


@dataclass(frozen=True, slots=True)
class ResponsePart:
    """The table [responses]: the array, what its rows and columns are; `transposed` where its images come last."""

    file: Path = Path("responses.npy")
    key: str = ""
    transposed: bool = False
    rows: Literal["images", "trials"] = "images"
    trials: Path | None = None
    averaged: int = 1
    zscore: bool = False
    level: Literal["voxels", "rois"] = "voxels"
    rois: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.rows == "trials") is (self.trials is None):
            raise refusal("responses.trials", allowed="given exactly when rows = 'trials'", got=self.trials)
        check_count("responses.averaged", self.averaged, least=1)


@dataclass(frozen=True, slots=True)
class VoxelPart:
    """The table [voxels]: the surface they lie on, and a line for each."""

    surface: str = ""
    table: Path | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What a TOML file says; texts are "" and paths None where it says nothing."""

    images: ImagePart
    responses: ResponsePart = field(default_factory=ResponsePart)
    voxels: VoxelPart = field(default_factory=VoxelPart)
    title: str = ""
    kind: Literal["measured", "simulated"] = "measured"
    note: str = ""
    citation: str = ""
    licence: str = ""
    response_unit: str = "response"


def read_description(file: Path) -> Description:
    """The description in a TOML file, its paths taken relative to it.

    Raises BadInputError if a key is unknown, missing or of the wrong type, or two of them contradict; StorageError if
    the file cannot be read.
    """
    described = read_record(file, Description, HEADER)
    parts = {name: _locate(getattr(described, name), file.parent) for name in ("images", "responses", "voxels")}
    return replace(described, title=described.title or file.stem, **parts)


def _locate(part: Any, folder: Path) -> Any:
    paths = {one.name: getattr(part, one.name) for one in fields(part)}
    return replace(part, **{name: folder / path.expanduser() for name, path in paths.items() if isinstance(path, Path)})
