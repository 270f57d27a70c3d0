"""Reads a laboratory's own arrays as a TOML file describes them. Never guesses what the file does not say."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.array_files import ArrayFile, cut_rows, gather_rows, open_array
from core.datasets.description import Description, read_description
from core.datasets.image_files import list_pictures, match_pictures, strip_ending
from core.datasets.import_options import ImportOptions
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.recording import UNUSED, RecordedSession, Recording, VoxelPlan, split_sessions
from core.datasets.subject import ImageSource
from core.datasets.tables import Table, is_missing, read_table, to_integers, to_numbers
from core.datasets.voxel_places import NOWHERE, place_nowhere, place_rois, place_vertices, place_volume
from core.surfaces.paint import Places
from core.types import NO_SIDE, BoolArray, FloatArray

SIDES = {"left": 0, "lh": 0, "l": 0, "0": 0, "right": 1, "rh": 1, "r": 1, "1": 1}
BAD_SHOWN = 3
WITHOUT_SIDE = (
    "The table of voxels names vertices but not their hemisphere, so voxels are reached through their ROI and not "
    "drawn: add a column hemisphere (left or right)."
)


def detect(source: Path) -> bool:
    """Whether this is a TOML file, or a folder with exactly one."""
    return _find(source) is not None


def _find(source: Path) -> Path | None:
    if source.suffix.lower() == ".toml" and source.is_file():
        return source
    found = sorted(source.glob("*.toml")) if source.is_dir() else []
    return found[0] if len(found) == 1 else None


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at description, tables and shapes; reads responses only to find which repeats were not run."""
    file = _find(source)
    if file is None:
        advice = "`main.py import template` writes one to start from."
        raise refusal("source", allowed="a TOML file, or a folder with one", got=str(source), advice=advice)
    described = read_description(file)
    table, ids, images = _read_images(described, options)
    array = open_array(described.responses.file, key=described.responses.key)
    _refuse_turned(array, len(ids), described)
    columns = array.shape[-1] if len(array.shape) > 1 else 0
    places, named, voxels = _read_voxels(described, options, columns)
    kept = keep_rois(named, options.rois)
    return Recording(
        kind="generic",
        source=source,
        title=described.title,
        note=described.note,
        citation=described.citation,
        licence=described.licence,
        is_simulated=described.kind == "simulated",
        averaged=described.responses.averaged,
        response_unit=described.response_unit,
        voxels=_pick_voxels(places, named, voxels, kept=kept),
        sessions=_read_rows(described, array, ids, kept=kept),
        zscore=described.responses.zscore,
        image_ids=ids,
        categories=tuple(table.get("category", [""] * len(ids))),
        images=images,
        held_out=to_numbers(table["test"], "test") == 1 if "test" in table else None,
        held_out_name=f"as {described.images.list.name} says" if described.images.list else "",
    )


def _refuse_turned(array: ArrayFile, n_images: int, described: Description) -> None:
    """Raise BadInputError if the array has the images last and not first; a square one says nothing."""
    shape, trials = array.shape, described.responses.trials
    n_rows = n_images if trials is None else len(read_table(trials, needs=("image",))["image"])
    if len(shape) in (2, 3) and shape[-1] == n_rows != shape[0]:
        rows = f"{n_rows:,} {described.responses.rows}"
        advice = "It is transposed: save it again as `responses.T` of numpy."
        allowed = f"({rows}, voxels)" if len(shape) == 2 else f"({rows}, repeats, voxels)"
        raise refusal("responses", allowed=allowed, got=f"{shape} in {array.path.name}", advice=advice)


def _read_images(described: Description, options: ImportOptions) -> tuple[Table, tuple[str, ...], ImageSource]:
    """The list of images, their ids and where they lie."""
    if described.images.list is not None:
        table = read_table(described.images.list, needs=("image",))
    elif described.images.folder is not None:
        table = {"image": sorted(list_pictures(options.images or described.images.folder))}
    else:
        raise refusal("images", allowed="named in images.list where images come from one file", got="no list")
    names = table["image"]
    if described.images.file is not None:
        file = options.images or described.images.file
        return table, tuple(f"image-{name}" for name in names), _read_image_file(file, described.images.key, names)
    source = match_pictures(options.images or described.images.folder or Path(), names)
    return table, tuple(map(strip_ending, names)), source


def _read_image_file(file: Path, key: str, names: list[str]) -> ImageSource:
    array = open_array(file, key=key)
    rows = to_integers(names, "image")
    if file.suffix.lower() not in (".h5", ".hdf5") or array.dtype != np.uint8:
        allowed, got = "8-bit levels (uint8) in an HDF5 file", f"{array.dtype} in {file.name}"
        raise refusal("images", allowed=allowed, got=got, advice="Save them so, or as a folder of pictures.")
    if len(array.shape) != 4 or array.shape[3] != 3:
        raise refusal("images", allowed="(n, height, width, 3)", got=array.shape)
    outside = [name for name, row in zip(names, rows, strict=True) if not 0 <= row < array.shape[0]]
    if outside:
        raise refusal("image", allowed=f"rows 0 to {array.shape[0] - 1} of {file.name}", got=outside[0])
    return ImageSource("hdf5", file.absolute(), tuple(str(row) for row in rows), key=array.key)


def _read_voxels(described: Description, options: ImportOptions, columns: int) -> tuple[Places, tuple[str, ...], Table]:
    surface = options.surface or described.voxels.surface
    if described.responses.level == "rois":
        if len(described.responses.rois) != columns:
            allowed = f"{columns} names, one a column"
            raise refusal("responses.rois", allowed=allowed, got=list(described.responses.rois))
        return place_rois(described.responses.rois, surface=surface), described.responses.rois, {}
    if described.voxels.table is None:
        return place_nowhere(np.full(columns, NO_SIDE, dtype=np.int8)), ("",) * columns, {}
    table = read_table(described.voxels.table)
    n_rows = len(next(iter(table.values()), []))
    if n_rows != columns:
        allowed = f"a line for each of {columns:,} columns of {described.responses.file.name}"
        raise refusal(described.voxels.table.name, allowed=allowed, got=n_rows)
    named = ("" if is_missing(text) else text for text in table.get("roi", [""] * columns))
    return _place(table, surface, columns), tuple(named), table


def _place(table: Table, surface: str, columns: int) -> Places:
    if "hemisphere" in table:
        side = np.array([_side(text) for text in table["hemisphere"]], dtype=np.int8)
    elif "x" in table:  # x runs from left to right
        side = (to_numbers(table["x"], "x") > 0).astype(np.int8)
    else:
        side = np.full(columns, NO_SIDE, dtype=np.int8)
    if surface == NOWHERE:
        return place_nowhere(side)
    if "vertex" in table and (side == NO_SIDE).all():
        return replace(place_nowhere(side), remark=WITHOUT_SIDE)
    if "vertex" in table:
        return place_vertices(side, to_integers(table["vertex"], "vertex"), surface=surface)
    if all(axis in table for axis in "xyz"):
        points: Any = np.stack([to_numbers(table[axis], axis) for axis in "xyz"], axis=1)
        return place_volume(points, np.eye(4), surface=surface)
    return place_nowhere(side)


def _side(text: str) -> int:
    if text.lower() not in SIDES:
        raise refusal("hemisphere", allowed="left or right", got=text)
    return SIDES[text.lower()]


def _pick_voxels(places: Places, named: tuple[str, ...], table: Table, *, kept: BoolArray) -> VoxelPlan:
    return VoxelPlan(
        places.choose(kept),
        tuple(compress(named, kept)),
        ncsnr=_column(table, "ncsnr", kept, most=np.inf),
        noise_ceiling=_column(table, "noise_ceiling", kept, most=1.0),
    )


def _column(table: Table, name: str, kept: BoolArray, *, most: float) -> FloatArray | None:
    if name not in table:
        return None
    values = to_numbers(table[name], name)
    wrong = values[np.isfinite(values) & ((values < 0) | (values > most))]
    if len(wrong):
        advice = "Divide percent by 100." if most == 1.0 and wrong[0] <= 100 else ""
        allowed = f"in [0, {most:g}]" if np.isfinite(most) else "at least 0"
        raise refusal(name, allowed=allowed, got=float(wrong[0]), advice=advice)
    return np.asarray(values[kept])


def _read_rows(
    described: Description, array: ArrayFile, ids: tuple[str, ...], *, kept: BoolArray
) -> tuple[RecordedSession, ...]:
    """The parts to read, with the image of every row."""
    if described.responses.trials is not None:
        return _read_trials(described, array, ids, kept=kept)
    if len(array.shape) not in (2, 3) or array.shape[0] != len(ids):
        allowed = f"({len(ids):,} images, voxels) or ({len(ids):,} images, repeats, voxels)"
        advice = _describe_surplus(ids, array.shape[0])
        raise refusal("responses", allowed=allowed, got=f"{array.shape} in {array.path.name}", advice=advice)
    rows = np.arange(len(ids))
    if len(array.shape) == 2:
        return cut_rows([array], rows, kept=kept)
    return _cut_repeats(array, kept=kept)


def _describe_surplus(ids: tuple[str, ...], n_rows: int) -> str:
    if n_rows < len(ids):
        more = f" and {len(ids) - n_rows - BAD_SHOWN} more" if len(ids) - n_rows > BAD_SHOWN else ""
        return f"No row for {', '.join(ids[n_rows : n_rows + BAD_SHOWN])}{more}."
    return f"No image for rows {len(ids)} to {n_rows - 1}."


def _cut_repeats(array: ArrayFile, *, kept: BoolArray) -> tuple[RecordedSession, ...]:
    """One part a repeat; an image's repeat that is NaN in every kept voxel was not run."""
    n_images, n_repeats, n_voxels = array.shape
    step = max(1, 16_000_000 // max(n_repeats * n_voxels, 1))
    absent = np.zeros((n_images, n_repeats), dtype=bool)
    for start in range(0, n_images, step):
        absent[start : start + step] = np.isnan(array.read(start, min(start + step, n_images))[..., kept]).all(axis=2)
    return tuple(
        RecordedSession(
            f"repeat {repeat + 1}, images {start + 1:,} to {min(start + step, n_images):,}",
            np.where(absent[start : start + step, repeat], UNUSED, np.arange(start, min(start + step, n_images))),
            partial(_read_repeat, array, start, min(start + step, n_images), repeat=repeat, kept=kept),
        )
        for repeat in range(n_repeats)
        for start in range(0, n_images, step)
    )


def _read_repeat(array: ArrayFile, start: int, stop: int, *, repeat: int, kept: BoolArray) -> npt.NDArray[np.float32]:
    values = array.read(start, stop)[:, repeat][:, kept]
    values[np.isnan(values).all(axis=1)] = 0.0  # a repeat that was not run is not used; NaN would mark every voxel
    return values


def _read_trials(
    described: Description, array: ArrayFile, ids: tuple[str, ...], *, kept: BoolArray
) -> tuple[RecordedSession, ...]:
    table = read_table(described.responses.trials or Path(), needs=("image",))
    number = {identity: row for row, identity in enumerate(ids)}
    names = [strip_ending(name) if strip_ending(name) in number else f"image-{name}" for name in table["image"]]
    blank = [is_missing(text) for text in table["image"]]
    unknown = [name for name, is_blank in zip(names, blank, strict=True) if name not in number and not is_blank]
    if unknown:
        raise refusal("trials", allowed="images of the list", got=unknown[0].removeprefix("image-"))
    if len(array.shape) != 2 or array.shape[0] != len(names):
        got = f"{array.shape} in {array.path.name}"
        raise refusal("responses", allowed=f"({len(names):,} trials, voxels)", got=got)
    rows = np.array([number.get(name, UNUSED) for name in names])
    if "session" not in table:
        return _rename(cut_rows([array], rows, kept=kept, what="trials"), described)
    return split_sessions(table["session"], rows, partial(gather_rows, [array], kept=kept))


def _rename(parts: tuple[RecordedSession, ...], described: Description) -> tuple[RecordedSession, ...]:
    """Without sessions there is nothing to standardise within, unless everything is read at once."""
    if described.responses.zscore and len(parts) > 1:
        advice = "Add a column session to the table of trials."
        raise refusal("zscore", allowed="false without sessions", got=True, advice=advice)
    return tuple(replace(part, name="all trials") if len(parts) == 1 else part for part in parts)
