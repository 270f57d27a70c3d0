"""Reads a laboratory's own volumes: beta images, a mask and a table of trials in one folder. Never resamples.

mask.nii.gz                  above 0: a voxel to keep, in this file's order; all files may run in different directions
trials.csv                   column image, one line a trial, in the order of the volumes; n/a for one without
betas_*.nii.gz               4-D, one a session (or 3-D, one a trial), by name and number (2 before 10)
roi_NAME.nii.gz              optional: above 0 inside the ROI; a voxel in several takes the first by name
ncsnr.nii.gz                 optional: signal SD over noise SD of a single trial
images/                      the pictures
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.image_files import match_pictures, name_images
from core.datasets.import_options import ImportOptions
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.recording import UNUSED, RecordedSession, Recording, VoxelPlan, describe_order
from core.datasets.tables import is_missing, read_table
from core.datasets.voxel_places import place_volume
from core.surfaces.volumes import Grid, check_grid, count_trials, describe_forms, grid_of, iter_trials, read_map
from core.types import IntArray
from core.words import natural_order

ENDINGS = (".nii.gz", ".nii")
MOST_NAMED = 3


def detect(source: Path) -> bool:
    """Whether the folder holds a mask, a table of trials and betas."""
    return source.is_dir() and (source / "trials.csv").is_file() and bool(_find(source, "mask") and _betas(source))


def _find(source: Path, name: str) -> Path | None:
    return next((path for ending in ENDINGS if (path := source / f"{name}{ending}").is_file()), None)


def _betas(source: Path) -> list[Path]:
    found = [path for path in source.glob("betas*") if path.name.endswith(ENDINGS)]
    return sorted(found, key=lambda path: natural_order(path.name))


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at headers, mask, ROIs and the table of trials; reads no response."""
    mask, files = _find(source, options.mask or "mask"), _betas(source)
    if mask is None or not files:
        allowed = f"a folder with {options.mask or 'mask'}.nii.gz and betas_*.nii.gz"
        raise refusal("source", allowed=allowed, got=str(source))
    grid = grid_of(mask)  # so that voxels are numbered the same way whatever betas the mask is used with
    read = partial(read_map, grid=grid)
    inside = np.nan_to_num(read(mask)) > 0
    named, remarks = np.full(inside.shape, "", dtype=object), []
    for path in sorted(path for path in source.glob("roi_*") if path.name.endswith(ENDINGS)):
        values = np.nan_to_num(read(path))
        within = values > 0
        labels = np.unique(values[within])
        if len(labels) > 1 and (labels == np.rint(labels)).all():
            remarks.append(
                f"{path.name} holds {len(labels)} labels, {labels[0]:g} to {labels[-1]:g}: taken as one ROI."
            )
        named[(named == "") & within] = path.name.removeprefix("roi_").split(".nii")[0]
    inside &= keep_rois(tuple(named), options.rois)
    chosen = np.flatnonzero(inside)
    names = read_table(source / "trials.csv", needs=("image",))["image"]
    is_shown = np.array([not is_missing(name) for name in names])
    images = match_pictures(options.images or source / "images", list(compress(names, is_shown)))
    members, shown = np.unique(images.members, return_inverse=True)
    rows = np.full(len(names), UNUSED)
    rows[is_shown] = shown
    order = describe_order(
        "Sessions are" if count_trials(files[0]) > 1 else "Trials are", [path.name for path in files]
    )
    places = place_volume(np.stack(np.unravel_index(chosen, grid.shape), axis=1), grid.affine, surface=options.surface)
    roi = tuple(named[chosen])
    ncsnr = _find(source, "ncsnr")
    known = None if ncsnr is None else read(ncsnr)[chosen]
    return Recording(
        kind="nifti",
        source=source,
        title=source.name,
        note="fMRI of one participant, read from NIfTI volumes.",
        citation="",
        licence="",
        response_unit="z (of the session)",
        voxels=VoxelPlan(places, roi, ncsnr=known),
        sessions=_cut(files, rows, chosen, grid=grid),
        zscore=True,
        image_ids=name_images(members.tolist()),
        categories=("",) * len(members),
        images=replace(images, members=tuple(members.tolist())),
        remarks=(order, describe_forms(mask), describe_forms(files[0]), *remarks),
    )


def _cut(files: list[Path], rows: IntArray, chosen: IntArray, *, grid: Grid) -> tuple[RecordedSession, ...]:
    for path in files:
        check_grid(path, grid)
    counts = [count_trials(path) for path in files]
    _check_one_layout(files, counts)
    if sum(counts) != len(rows):
        got = f"{sum(counts)} in {len(files)} files"
        raise refusal("betas", allowed=f"{len(rows)} volumes, one a line of trials.csv", got=got)
    if max(counts) == 1:
        return (RecordedSession("all volumes", rows, partial(_iter_single, files, grid, chosen)),)
    ends = np.cumsum(counts)
    return tuple(
        RecordedSession(path.name.split(".nii")[0], rows[end - count : end], partial(iter_trials, path, grid, chosen))
        for path, end, count in zip(files, ends, counts, strict=True)
    )


def _check_one_layout(files: list[Path], counts: list[int]) -> None:
    """Refuse a mixture of sessions and single trials: which of them a line of trials.csv means would be a guess."""
    single = [path.name for path, count in zip(files, counts, strict=True) if count == 1]
    if single and len(single) < len(files):
        got = f"{len(files) - len(single)} 4-D and {len(single)} 3-D ({', '.join(single[:MOST_NAMED])})"
        advice = "Give a file that holds no trials another name, one that does not begin with `betas`."
        raise refusal("betas", allowed="all 4-D, one a session, or all 3-D, one a trial", got=got, advice=advice)


def _iter_single(files: list[Path], grid: Grid, chosen: IntArray) -> Iterator[npt.NDArray[np.float32]]:
    for path in files:
        yield from iter_trials(path, grid, chosen)
