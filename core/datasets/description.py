"""The TOML file that describes a laboratory's own recording: its keys, their checks, and a template.

Paths are relative to the TOML file. `main.py import template` writes `TEMPLATE`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from core.checks import check_count, refusal
from core.headers import HeaderKind, read_record

TEMPLATE = """\
# Describes one subject's recording. Paths are relative to this file. Lines that start with # are optional.

title = "Subject 01, localiser study"
kind = "measured"                 # "measured" or "simulated"
# note = "What a reader must know about the data."
# citation = "Whom to cite."
# licence = "CC BY 4.0"
response_unit = "% signal change"

[images]
folder = "images"                 # a folder of pictures ...
# file = "stimuli.h5"             # ... or an HDF5 array (n, height, width, 3) of 8-bit RGB; (n, 3, height, width) and
                                  #     MATLAB's (height, width, 3, n) are turned,
# key = "images"                  #     its name,
list = "images.csv"               # and a table with a line for each image: column image (file name, or row of the
                                  # array), optional columns category and test (1 = held out). Without it: all files
                                  # of the folder by name and number (2 before 10).

[responses]
file = "responses.npy"            # npy, npz, h5, mat, zarr or csv
# key = "responses"               # the array's name in npz, h5, mat and zarr
rows = "images"                   # "images": a row for each image, in the order of the list, shape (images, voxels) or
                                  # (images, repeats, voxels) with NaN for a repeat that was not run;
                                  # "trials": a row for each trial, named by the table below; NaN in all voxels for
                                  # a trial to leave out. Volumes of either, (x, y, z, rows) as of GLMsingle, are
                                  # taken as (rows, x y z)
# trials = "trials.csv"           # columns image, optional session; a line for each row
# averaged = 3                    # each row is already the mean of so many repeats: the noise ceiling counts them
# zscore = false                  # bring each voxel to mean 0, SD 1 within each session
level = "voxels"                  # "voxels", or "rois": each column is the average of an ROI
# rois = ["FFA", "PPA"]           # the ROI of each column, if level = "rois"

[voxels]                          # not needed if level = "rois"
surface = "fsaverage5"            # a surface that is there (main.py list surfaces); "" for none
table = "voxels.csv"              # a line for each column; every column of the table is optional:
                                  #   hemisphere (left or right) and vertex: where it lies on the surface,
                                  #   x, y, z: or its centre in scanner RAS, mm, for a participant's own surface,
                                  #   roi: its ROI; noise_ceiling: in [0, 1]; ncsnr: signal SD / noise SD of a trial
"""

HEADER = HeaderKind(
    "a description of a recording in TOML", "`main.py import template` writes one to start from.", syntax="toml"
)


@dataclass(frozen=True, slots=True)
class ImagePart:
    """The table [images]: a folder of pictures or an array file with its `key`, and a list of them."""

    folder: Path | None = None
    file: Path | None = None
    key: str = ""
    list: Path | None = None

    def __post_init__(self) -> None:
        if (self.folder is None) is (self.file is None):
            got = [name for name in ("folder", "file") if getattr(self, name) is not None]
            raise refusal("images", allowed="either a folder or a file", got=got)


@dataclass(frozen=True, slots=True)
class ResponsePart:
    """The table [responses]: the array, what its rows and columns are."""

    file: Path = Path("responses.npy")
    key: str = ""
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
