"""The TOML file that describes a laboratory's own recording: its keys, their checks, and a template. Never reads data.

Paths are relative to the TOML file. `main.py import template` writes `TEMPLATE`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.checks import check_choice, describe_refusal, suggest
from core.errors import BadInputError

LEVELS = ("voxels", "rois")
ORIGINS = ("measured", "simulated")

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
# file = "stimuli.h5"             # ... or an HDF5 array (n, height, width, 3) of 8-bit RGB,
# key = "images"                  #     its name,
list = "images.csv"               # and a table with a line for each image: column image (file name, or row of the
                                  # array), optional columns category and test (1 = held out). Without it: all files
                                  # of the folder by name.

[responses]
file = "responses.npy"            # npy, npz, h5, zarr or csv
# key = "responses"               # the array's name in npz, h5 and zarr
rows = "images"                   # "images": a row for each image, in the order of the list, shape (images, voxels) or
                                  # (images, repeats, voxels) with NaN for a repeat that was not run;
                                  # "trials": a row for each trial, named by the table below
# trials = "trials.csv"           # columns image, optional session; a line for each row
# zscore = false                  # bring each voxel to mean 0, SD 1 within each session
level = "voxels"                  # "voxels", or "rois": each column is the average of an ROI
# rois = ["FFA", "PPA"]           # the ROI of each column, if level = "rois"

[voxels]                          # not needed if level = "rois"
surface = "fsaverage5"            # a surface that is there (main.py list surfaces); "" for none
table = "voxels.csv"              # a line for each column; every column of the table is optional:
                                  #   hemisphere (left or right) and vertex: where it lies on the surface,
                                  #   x, y, z: or its centre in scanner RAS, mm, for a person's own surface,
                                  #   roi: its ROI; noise_ceiling: in [0, 1]; ncsnr: signal SD / noise SD of a trial
"""

_KEYS: dict[str, tuple[str, ...]] = {
    "": ("title", "kind", "note", "citation", "licence", "response_unit", "images", "responses", "voxels"),
    "images": ("folder", "file", "key", "list"),
    "responses": ("file", "key", "rows", "trials", "zscore", "level", "rois"),
    "voxels": ("surface", "table"),
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a TOML file says; texts are "" and paths None where it is silent."""

    file: Path
    title: str
    kind: str
    note: str
    citation: str
    licence: str
    response_unit: str
    image_folder: Path | None
    image_file: Path | None
    image_key: str
    image_list: Path | None
    response_file: Path
    response_key: str
    trials: Path | None
    zscore: bool
    level: str
    rois: tuple[str, ...]
    surface: str
    voxel_table: Path | None


def read_description(file: Path) -> Description:
    """The description in a TOML file.

    Raises
    ------
    BadInputError
        If the file cannot be read, a key is unknown, missing or of the wrong type, or two of them contradict.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        advice = f"{error}. `main.py import template` writes one to start from."
        raise BadInputError(describe_refusal("file", allowed="a TOML file", got=file.name, advice=advice)) from error
    parts = {name: _part(content, name) for name in _KEYS}
    top, images, responses, voxels = (parts[name] for name in ("", "images", "responses", "voxels"))
    by_trials = check_choice("responses.rows", _text(responses, "rows", "images"), ("images", "trials")) == "trials"
    if by_trials != ("trials" in responses):
        allowed = "given exactly when rows = 'trials'"
        raise BadInputError(describe_refusal("responses.trials", allowed=allowed, got=responses.get("trials")))
    if ("folder" in images) == ("file" in images):
        raise BadInputError(describe_refusal("images", allowed="either a folder or a file", got=sorted(images)))
    rois = responses.get("rois", [])
    if not isinstance(rois, list) or not all(isinstance(name, str) for name in rois):
        raise BadInputError(describe_refusal("responses.rois", allowed="a list of names", got=rois))
    return Description(
        file=file,
        title=_text(top, "title", file.stem),
        kind=check_choice("kind", _text(top, "kind", "measured"), ORIGINS),
        note=_text(top, "note", ""),
        citation=_text(top, "citation", ""),
        licence=_text(top, "licence", ""),
        response_unit=_text(top, "response_unit", "response"),
        image_folder=_path(images, "folder", file),
        image_file=_path(images, "file", file),
        image_key=_text(images, "key", ""),
        image_list=_path(images, "list", file),
        response_file=_path(responses, "file", file) or file.parent / "responses.npy",
        response_key=_text(responses, "key", ""),
        trials=_path(responses, "trials", file),
        zscore=_flag(responses, "zscore"),
        level=check_choice("responses.level", _text(responses, "level", "voxels"), LEVELS),
        rois=tuple(rois),
        surface=_text(voxels, "surface", ""),
        voxel_table=_path(voxels, "table", file),
    )


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content if not name else content.get(name, {})
    if not isinstance(part, dict):
        raise BadInputError(describe_refusal(name, allowed=f"a table [{name}]", got=part))
    for key in part:
        if key not in _KEYS[name]:
            shown, advice = f"{name}.{key}".strip("."), suggest(key, _KEYS[name])
            raise BadInputError(
                describe_refusal("key", allowed=f"one of {', '.join(_KEYS[name])}", got=shown, advice=advice)
            )
    return part


def _text(part: dict[str, Any], key: str, default: str) -> str:
    value = part.get(key, default)
    if not isinstance(value, str):
        raise BadInputError(describe_refusal(key, allowed="a text in quotes", got=value))
    return value


def _flag(part: dict[str, Any], key: str) -> bool:
    value = part.get(key, False)
    if not isinstance(value, bool):
        raise BadInputError(describe_refusal(key, allowed="true or false", got=value))
    return value


def _path(part: dict[str, Any], key: str, file: Path) -> Path | None:
    text = _text(part, key, "")
    return file.parent / Path(text).expanduser() if text else None
