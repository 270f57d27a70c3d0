"""Reads a laboratory's own arrays as a TOML file describes them. Never guesses what the file does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.array_files import (
    TABLES,
    VALUES_AT_ONCE,
    ArrayFile,
    are_mixed,
    cut_rows,
    gather_rows,
    open_array,
    open_images,
)
from core.datasets.description import Description, ImagePart, read_description
from core.datasets.image_files import find_names, list_pictures, match_pictures, name_images
from core.datasets.import_options import ImportOptions
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.recording import UNUSED, RecordedSession, Recording, VoxelPlan, describe_order, split_sessions
from core.datasets.subject import ImageSource
from core.datasets.tables import Table, is_missing, iter_rows, read_table, to_integers, to_numbers
from core.datasets.voxel_places import NOWHERE, place_fsaverage, place_nowhere, place_rois, place_vertices, place_volume
from core.surfaces.icosphere import FSAVERAGE_SIZES
from core.surfaces.paint import Places
from core.types import NO_SIDE, BoolArray, FloatArray, IntArray
from core.words import name_some

SIDES = {"left": 0, "lh": 0, "l": 0, "0": 0, "right": 1, "rh": 1, "r": 1, "1": 1}
BAD_SHOWN = 3
IMAGE_COLUMNS = ("image", "category", "test")
TRIAL_COLUMNS = ("image", "session")
VOXEL_COLUMNS = ("hemisphere", "vertex", "x", "y", "z", "roi", "noise_ceiling", "ncsnr")
NUMBERINGS = re.compile(r"(voxel|column|trial|row)([ _]?(id|index|idx|number|num|no|nr))?", re.IGNORECASE)
"""Columns that number the lines of a table."""
MAY_BE_INDICES = "x, y and z are whole and never below 0, as indices of voxels: they are taken as mm."
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
    table, ids, images, remarks = _read_images(described, options)
    trials = None
    if described.responses.trials is not None:
        trials = read_table(described.responses.trials, needs=("image",), usual=TRIAL_COLUMNS)
        remarks += describe_unused(described.responses.trials, trials, TRIAL_COLUMNS)
    n_rows = len(ids if trials is None else trials["image"])
    array = open_array(described.responses.file, key=described.responses.key)
    array = array.transposed() if described.responses.transposed else array
    if len(array.shape) == 4 and array.shape[-1] == n_rows:
        remarks = (*remarks, f"Responses {array.shape} are volumes of trials: voxels are numbered in C order.")
        array = array.with_trials_first()
    _refuse_turned(array, n_rows, described, [*ids, *table["image"]])
    if len(array.shape) == 3:
        remarks = (*remarks, "Responses are taken as {:,} images, {:,} repeats, {:,} voxels.".format(*array.shape))
    if not array.names:
        if array.shape[0] == array.shape[-1]:
            which = "last" if described.responses.transposed else "first"
            taken = f"of {array.path.name} {array.shape} is taken as {described.responses.rows}"
            remarks += (f"The {which} axis {taken}: `transposed` under [responses] says which.",)
        _refuse_numbers(array, ids, table["image"], trials)
        if trials is None and described.images.list is None:
            remarks = (*remarks, describe_order("Rows are the pictures of the folder", table["image"]))
    columns = array.shape[-1] if len(array.shape) > 1 else 0
    places, named, voxels = _read_voxels(described, options, columns)
    if described.voxels.table is not None:
        remarks += describe_unused(described.voxels.table, voxels, VOXEL_COLUMNS)
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
        voxels=VoxelPlan(
            places.choose(kept),
            tuple(compress(named, kept)),
            ncsnr=read_column(voxels, "ncsnr", kept, most=np.inf),
            noise_ceiling=read_column(voxels, "noise_ceiling", kept, most=1.0),
        ),
        sessions=_read_rows(described, array, ids, trials, kept=kept, listed=table["image"]),
        zscore=described.responses.zscore,
        image_ids=ids,
        categories=without_missing(table.get("category", [""] * len(ids))),
        images=images,
        held_out=_read_test(table["test"]) if "test" in table else None,
        held_out_name=f"as {described.images.list.name} says" if described.images.list else "",
        remarks=remarks,
    )


def _refuse_turned(array: ArrayFile, n_rows: int, described: Description, known: list[str]) -> None:
    """Raise BadInputError if the array has the images last, or the repeats; a square one says it by titles alone."""
    shape = array.shape
    titles = next(iter_rows(array.path))[1:] if array.path.suffix.lower() in TABLES else []
    are_images = not all(map(str.isdecimal, titles)) and all(find_names(titles, known))
    if are_images or (len(shape) in (2, 3) and shape[-1] == n_rows != shape[0]):
        rows = f"{n_rows:,} {described.responses.rows}"
        advice = "It is transposed: write transposed = true under [responses], or save it as `responses.T` of numpy."
        allowed = f"({rows}, voxels)" if len(shape) == 2 else f"({rows}, repeats, voxels)"
        raise refusal("responses", allowed=allowed, got=f"{shape} in {array.path.name}", advice=advice)
    is_counted = described.voxels.table is not None or described.responses.level == "rois"
    if len(shape) == 3 and shape[1] > shape[2] and not is_counted:
        allowed = f"({shape[0]:,} images, repeats, voxels)"
        advice = (
            "More repeats than voxels: save it with the axes turned, or give a voxel table with a row for each voxel."
        )
        raise refusal("responses", allowed=allowed, got=f"{shape} in {array.path.name}", advice=advice)


def _refuse_numbers(array: ArrayFile, ids: tuple[str, ...], listed: list[str], trials: Table | None) -> None:
    """Raise BadInputError if numbers in a table's first column may mean other pictures or trials than its rows."""
    if array.path.suffix.lower() not in TABLES:
        return
    shown = listed if trials is None else trials["image"]
    texts = [row[0] for row in iter_rows(array.path)][-len(shown) :]
    found = [set(np.array(places) % len(ids)) for places in find_names([*texts, *shown], [*ids, *listed])]
    named, meant = found[: len(texts)], found[len(texts) :]
    are_pictures = all(len(places) == 1 for places in named) and set.union(*named) == set(range(len(ids)))
    if (are_pictures and named != meant) or (array.shape[-1] > 1 and are_mixed(texts)):
        advice = "Write names with their ending (1.png), or leave the column out if the rows are in order."
        got = f"{texts[0]} for {shown[0]}"
        raise refusal(array.path.name, allowed="rows named without doubt", got=got, advice=advice)


def _read_images(
    described: Description, options: ImportOptions
) -> tuple[Table, tuple[str, ...], ImageSource, tuple[str, ...]]:
    """The list of images, their ids, where they lie, and what was taken for granted."""
    folder = options.images or described.images.folder or Path()
    if described.images.list is not None:
        table = read_table(described.images.list, needs=("image",), usual=IMAGE_COLUMNS)
        remark = "".join(describe_unused(described.images.list, table, IMAGE_COLUMNS))
    elif described.images.folder is not None:
        table, remark = {"image": list_pictures(folder)}, ""
    else:
        raise refusal("images", allowed="named in images.list where images come from one file", got="no list")
    names = table["image"]
    if described.images.file is not None:
        source, turned = _read_image_file(options.images or described.images.file, described.images, names)
        return table, tuple(f"image-{name}" for name in names), source, (remark, turned)
    source = match_pictures(folder, names)
    return table, name_images(source.members), source, (remark,)


def _read_test(texts: list[str]) -> BoolArray:
    values = np.nan_to_num(to_numbers(texts, "test"))
    wrong = ~np.isin(values, (0, 1))
    if wrong.any():
        advice = "Write 1 for images to hold out and 0 for the others."
        raise refusal("test", allowed="0 or 1", got=texts[int(wrong.argmax())], advice=advice)
    return np.asarray(values == 1)


def describe_unused(file: Path, table: Table, used: Sequence[str]) -> tuple[str, ...]:
    """A remark on columns of a table that have no use here: one of another spelling would be missed.

    Raises BadInputError for one that numbers the lines in another order.
    """
    unused = [name for name in table if name and name not in used]
    for name in filter(NUMBERINGS.fullmatch, unused):
        if are_mixed(table[name]):
            allowed = f"lines in the order of its column {name!r}"
            raise refusal(file.name, allowed=allowed, got="another", advice="Sort them, or take the column out.")
    return (f"Columns of {file.name} that are not used: {name_some(unused, BAD_SHOWN)}.",) if unused else ()


def without_missing(texts: Sequence[str]) -> tuple[str, ...]:
    """Names in one line each, "" for none."""
    return tuple("" if is_missing(text) else " ".join(text.split()) for text in texts)


def _read_image_file(file: Path, part: ImagePart, names: list[str]) -> tuple[ImageSource, str]:
    images, numbers = open_images(file, key=part.key), to_integers(names, "image")
    first, counted = part.first or 0, set(numbers.tolist())
    outside = sorted(counted - set(range(first, images.n_images + first)))
    if outside or (part.first is None and counted == set(range(1, numbers.max() + 1))):
        allowed = f"rows {first} to {images.n_images + first - 1} of {file.name}"
        got = outside[0] if outside else f"1 to {numbers.max()}"
        advice = "Say under [images] whether its first row is image 0 or 1: first = 0, or first = 1."
        raise refusal("image", allowed=allowed, got=got, advice=advice)
    is_odd = images.axes != "(n, height, width, 3)"
    remark = f"Images {images.array.shape} are taken as {images.axes}: look whether they stand upright." * is_odd
    if part.first is None and 0 not in counted:
        remark += f" Rows of {file.name} are counted from 0: `first` under [images] would say otherwise."
    return ImageSource("hdf5", file.absolute(), tuple(map(str, numbers - first)), key=images.array.key), remark


def _read_voxels(described: Description, options: ImportOptions, columns: int) -> tuple[Places, tuple[str, ...], Table]:
    surface = options.surface or described.voxels.surface
    if described.responses.level == "rois":
        if len(described.responses.rois) != columns:
            allowed = f"{columns} names, one a column"
            raise refusal("responses.rois", allowed=allowed, got=list(described.responses.rois))
        return place_rois(described.responses.rois, surface=surface), described.responses.rois, {}
    if described.voxels.table is None:
        return place_nowhere(np.full(columns, NO_SIDE, dtype=np.int8)), ("",) * columns, {}
    table = read_table(described.voxels.table, usual=VOXEL_COLUMNS)
    n_rows = len(next(iter(table.values()), []))
    if n_rows != columns:
        allowed = f"a line for each of {columns:,} columns of {described.responses.file.name}"
        raise refusal(described.voxels.table.name, allowed=allowed, got=n_rows)
    return place_table(table, surface, columns), without_missing(table.get("roi", [""] * columns)), table


def place_table(table: Table, surface: str, columns: int) -> Places:
    """Where the voxels of a table's lines lie: vertices of a surface, points x, y, z in mm, or nowhere.

    Raises BadInputError for a side, vertex or point that cannot be, or a surface that is not there.
    """
    if "hemisphere" in table:
        if set(table["hemisphere"]) == {"1"}:
            advice = "1 is the right one beside 0 and may be the left one of 1 and 2: write the words."
            raise refusal("hemisphere", allowed="left or right", got="1 in every line", advice=advice)
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
        vertex = to_integers(table["vertex"], "vertex")
        if surface in FSAVERAGE_SIZES:
            return place_fsaverage(side, vertex, template=surface)
        return place_vertices(side, vertex, surface=surface)
    if all(axis in table for axis in "xyz"):
        points: Any = np.stack([to_numbers(table[axis], axis) for axis in "xyz"], axis=1)
        if np.fmax.reduce(np.abs(points), axis=None) < 1:
            raise refusal("x, y, z", allowed="in mm", got="all within 1 of 0", advice="Multiply metres by 1,000.")
        places = place_volume(points, np.eye(4), surface=surface)
        is_counted = (points >= 0).all() and (points == np.rint(points)).all()
        return replace(places, remark=f"{MAY_BE_INDICES} {places.remark}".strip()) if is_counted else places
    return place_nowhere(side)


def _side(text: str) -> int:
    if text.lower() not in SIDES:
        raise refusal("hemisphere", allowed="left or right", got=text)
    return SIDES[text.lower()]


def read_column(table: Table, name: str, kept: BoolArray, *, most: float, least: float = 0.0) -> FloatArray | None:
    """The numbers of a column's kept lines, NaN where missing; None without one. Raises BadInputError out of range."""
    if name not in table:
        return None
    values = to_numbers(table[name], name)
    wrong = values[np.isfinite(values) & ((values < least) | (values > most))]
    if len(wrong):
        advice = "Divide percent by 100." if most == 1.0 and 1 < wrong[0] <= 100 else ""
        allowed = f"in [{least:g}, {most:g}]" if np.isfinite(most) else "at least 0"
        raise refusal(name, allowed=allowed, got=float(wrong[0]), advice=advice)
    return np.asarray(values[kept])


def _read_rows(
    described: Description,
    array: ArrayFile,
    ids: tuple[str, ...],
    trials: Table | None,
    *,
    kept: BoolArray,
    listed: list[str],
) -> tuple[RecordedSession, ...]:
    """The parts to read, with the image of every row."""
    if trials is not None:
        return _read_trials(described, array, ids, trials, kept=kept, listed=listed)
    if array.names:
        return cut_rows([array], _match_rows(array.names, ids, listed, what=array.path.name), kept=kept)
    if len(array.shape) not in (2, 3) or array.shape[0] != len(ids):
        allowed = f"({len(ids):,} images, voxels) or ({len(ids):,} images, repeats, voxels)"
        absent = name_some(ids[array.shape[0] :], BAD_SHOWN)
        advice = f"No row for {absent}." if absent else f"No image for rows {len(ids)} to {array.shape[0] - 1}."
        raise refusal("responses", allowed=allowed, got=f"{array.shape} in {array.path.name}", advice=advice)
    if len(array.shape) == 2:
        return cut_rows([array], np.arange(len(ids)), kept=kept)
    return _cut_repeats(array, kept=kept)


def _cut_repeats(array: ArrayFile, *, kept: BoolArray) -> tuple[RecordedSession, ...]:
    """One part a repeat; an image's repeat that is NaN in every kept voxel was not run."""
    n_images, n_repeats, n_voxels = array.shape
    step = max(1, VALUES_AT_ONCE // max(n_repeats * n_voxels, 1))
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
    return array.read(start, stop)[:, repeat][:, kept]


def _read_trials(
    described: Description, array: ArrayFile, ids: tuple[str, ...], table: Table, *, kept: BoolArray, listed: list[str]
) -> tuple[RecordedSession, ...]:
    names = table["image"]
    rows = _match_rows(names, ids, listed, what="trials")
    if len(array.shape) != 2 or array.shape[0] != len(names):
        got = f"{array.shape} in {array.path.name}"
        raise refusal("responses", allowed=f"({len(names):,} trials, voxels)", got=got)
    if array.names:
        own = _match_rows(array.names, ids, listed, what=array.path.name)
        wrong = np.flatnonzero(own != rows)
        if len(wrong):
            got = f"{array.names[wrong[0]]} in row {wrong[0] + 1}"
            raise refusal(array.path.name, allowed=f"the trials of the table, {names[wrong[0]]} there", got=got)
    if "session" not in table:
        parts = cut_rows([array], rows, kept=kept, what="trials")
        if described.responses.zscore and len(parts) > 1:  # nothing to standardise within
            advice = "Add a column session to the table of trials."
            raise refusal("zscore", allowed="false without sessions", got=True, advice=advice)
        return tuple(replace(part, name="all trials") if len(parts) == 1 else part for part in parts)
    return split_sessions(table["session"], rows, partial(gather_rows, [array], kept=kept))


def _match_rows(names: Sequence[str], ids: tuple[str, ...], listed: list[str], *, what: str) -> IntArray:
    """The image of each name in a column, unused for a missing one. Raises BadInputError unless it means one image."""
    shown = []
    for name, places in zip(names, find_names(names, [*ids, *listed]), strict=True):
        images = {place % len(ids) for place in places}
        if len(images) != 1 and not is_missing(name):
            advice = "Write names as those of the pictures, or leave out a column that names none."
            advice = f"It may be each of {', '.join(ids[image] for image in sorted(images))}." if images else advice
            raise refusal(what, allowed="rows named by images of the list", got=name, advice=advice)
        shown.append(images.pop() if len(images) == 1 else UNUSED)
    return np.array(shown)
