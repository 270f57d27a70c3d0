"""Reads a laboratory's own volumes: beta images, a mask and a table of trials in one folder. Never resamples betas.

mask.nii.gz                  above 0: a voxel to keep, in this file's order; all files may run in different directions;
                             of a mask for each run, as fMRIPrep writes them, the voxels inside all
trials.csv                   column image, one line a trial, in the order of the volumes; n/a for one without
betas_*.nii.gz               4-D, one a session (or 3-D, one a trial), by name and number (2 before 10)
roi_NAME.nii.gz              optional: above 0 inside the ROI; a voxel in several takes the first by name
ncsnr.nii.gz                 optional: signal SD over noise SD of a single trial
images/, stimuli/            the pictures, here or up to two folders above

Names of BIDS are known too, see `volume_names`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.datasets.image_files import find_folder, match_pictures, name_images
from core.datasets.import_options import ImportOptions
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.readers.volume_names import MOST_NAMED, VolumeSet, find_set, list_files
from core.datasets.recording import UNUSED, RecordedSession, Recording, VoxelPlan, describe_order
from core.datasets.voxel_places import place_volume
from core.surfaces.volumes import Grid, check_grid, describe_forms, iter_trials, order_voxels, read_map, shared_grid
from core.types import IntArray
from core.words import name_some

IMAGE_FOLDERS = ("images", "stimuli")


def detect(source: Path) -> bool:
    """Whether the folder holds a mask, a table of trials and betas."""
    return source.is_dir() and {"mask", "betas", "trials"} <= {file.role for file in list_files(source)}


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at headers, mask, ROIs and the table of trials; reads no response."""
    found = find_set(source, options)
    mask, files = found.masks[0], found.betas
    # The mask's, so that voxels are numbered the same way whatever betas it is used with.
    grid = shared_grid(mask, files[0], resample=options.resample)
    read = partial(read_map, grid=grid)
    numbers = np.nan_to_num(read(mask, numbered=True))
    named, remarks = np.full(numbers.shape, "", dtype=object), []
    if found.are_of_runs:
        sizes = [int(numbers.astype(bool).sum())]
        for path in found.masks[1:]:
            others = np.nan_to_num(read(path)) > 0
            sizes.append(int(others.sum()))
            numbers *= others
        remarks.append(
            f"Voxels inside every mask of a run ({len(sizes)}) are taken, {int((numbers > 0).sum()):,} of "
            f"{min(sizes):,} to {max(sizes):,}: {name_some([path.name for path in found.masks], MOST_NAMED)}."
        )
    inside = numbers > 0
    for roi_name, path in found.rois:
        values = np.nan_to_num(read(path))
        within = values > 0
        labels = np.unique(values[within])
        if len(labels) > 1 and (labels == np.rint(labels)).all():
            remarks.append(
                f"{path.name} holds {len(labels)} labels, {labels[0]:g} to {labels[-1]:g}: taken as one ROI."
            )
        if not (within & inside).any():
            remarks.append(f"{path.name} has no voxel inside the mask.")
        named[(named == "") & within] = roi_name
    chosen = order_voxels(numbers * keep_rois(tuple(named), options.rois))
    is_shown = np.array([bool(name) for name in found.names])
    pictures = options.images or find_folder(source, IMAGE_FOLDERS) or source / "images"
    images = match_pictures(pictures, list(compress(found.names, is_shown)))
    members, shown = np.unique(images.members, return_inverse=True)
    rows = np.full(len(found.names), UNUSED)
    rows[is_shown] = shown
    names = name_images([path.relative_to(source).as_posix() for path in files])
    order = describe_order("Sessions are" if found.counts[0] > 1 else "Trials are", names)
    places = place_volume(np.stack(np.unravel_index(chosen, grid.shape), axis=1), grid.affine, surface=options.surface)
    roi = tuple(named[chosen])
    known = None if found.ncsnr is None else read(found.ncsnr, order=1)[chosen]
    return Recording(
        kind="nifti",
        source=source,
        participant=found.participant,
        people=found.people,
        title=source.name,
        note="fMRI of one participant, read from NIfTI volumes.",
        response_unit="z (of the session)",
        voxels=VoxelPlan(places, roi, ncsnr=known),
        sessions=_cut(found, names, rows, chosen, grid=grid),
        zscore=True,
        image_ids=name_images(members.tolist()),
        categories=("",) * len(members),
        images=replace(images, members=tuple(members.tolist())),
        remarks=(order, describe_forms(mask), describe_forms(files[0]), *remarks, *(grid.resampled or ())),
    )


def _cut(
    found: VolumeSet, names: tuple[str, ...], rows: IntArray, chosen: IntArray, *, grid: Grid
) -> tuple[RecordedSession, ...]:
    files, counts = found.betas, found.counts
    for path in files:
        check_grid(path, grid)
    if max(counts) == 1:
        return (RecordedSession("all volumes", rows, partial(_iter_volumes, files, grid, chosen)),)
    ends = np.cumsum(counts)
    return tuple(
        RecordedSession(name.split(".nii")[0], rows[end - count : end], partial(_iter_volumes, [path], grid, chosen))
        for name, path, end, count in zip(names, files, ends, counts, strict=True)
    )


def _iter_volumes(files: list[Path], grid: Grid, chosen: IntArray) -> Iterator[npt.NDArray[np.float32]]:
    """The trials of files one after another; one that is 0 in every voxel was censored and has no values."""
    for path in files:
        for block in iter_trials(path, grid, chosen):
            block[(block == 0).all(axis=1)] = np.nan
            yield block
