"""Reads the Natural Scenes Dataset (Allen et al. 2022): volumes or fsaverage, one subject. Never ships its data.

Betas are z-scored per voxel within each session and averaged over an image's repeats; the noise ceiling comes from the
published ncsnr with the number of repeats that were really averaged; held out are the images all subjects saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.import_options import ImportOptions
from core.datasets.readers.nsd_layout import NsdDesign, NsdFiles, find_files, find_root, read_design
from core.datasets.readers.roi_labels import NSD_CODES, keep_rois, name_voxels
from core.datasets.recording import RecordedSession, Recording, VoxelPlan
from core.datasets.subject import ImageSource
from core.datasets.voxel_places import N_FSAVERAGE, Places, place_fsaverage, place_volume
from core.errors import StorageError
from core.surfaces.volumes import TRIALS_AT_ONCE, count_trials, grid_of, iter_trials, read_labels, read_map
from core.types import FloatArray, IntArray

SCALE = 1 / 300
"""Volume betas are stored as 300 times % signal change; those on fsaverage are not."""
GENERAL = "nsdgeneral"
SIDES = ("lh", "rh")
CITATION = (
    "Allen EJ, St-Yves G, Wu Y, et al. (2022). A massive 7T fMRI dataset to bridge cognitive neuroscience and "
    "artificial intelligence. Nature Neuroscience 25:116-126. doi:10.1038/s41593-021-00962-x"
)


def detect(source: Path) -> bool:
    """Whether this is a copy of the dataset, or a folder inside one."""
    return source.is_dir() and find_root(source) is not None


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at headers, design and label maps of one subject; reads no response."""
    files = find_files(source, options)
    design = read_design(files.root, files.number)
    images = _find_images(files, options)
    numbers = np.unique(np.concatenate([design.of_session(number) for number in files.sessions]))
    rows = {number: np.searchsorted(numbers, design.of_session(number)) for number in files.sessions}
    chosen, places, roi = _choose_voxels(files, options)
    voxels = VoxelPlan(places, roi, ncsnr=_read_ncsnr(files, chosen))
    sessions = tuple(
        RecordedSession(f"session {number:02d}", rows[number], partial(_read, files, path, chosen))
        for number, path in files.sessions.items()
    )
    _check_first(files, design)
    return Recording(
        kind="nsd",
        source=source,
        participant=files.participant,
        people=files.people,
        title=f"NSD {files.participant}",
        note=f"7T fMRI of one participant, {files.space}, {files.betas.name}.",
        citation=CITATION,
        licence="NSD terms: not to be passed on",
        response_unit="z (of the session)",
        voxels=voxels,
        sessions=sessions,
        missing=files.missing,
        zscore=True,
        image_ids=tuple(f"nsd-{number:05d}" for number in numbers),
        categories=("",) * len(numbers),
        images=replace(images, members=tuple(str(number) for number in numbers)),
        held_out=np.isin(numbers, design.shared),
        held_out_name="the images all subjects saw",
    )


def _check_first(files: NsdFiles, design: NsdDesign) -> None:
    """Refuse a design and betas that cannot belong together before reading any."""
    number, path = next(iter(files.sessions.items()))
    held = _count_betas(path)
    if held != len(design.of_session(number)):
        raise refusal("responses", allowed=f"{len(design.of_session(number))} trials in {path.name}", got=held)


def _count_betas(path: Path) -> int:
    if path.suffix != ".hdf5":
        return count_trials(path)
    file, betas = _open_hdf5(path)
    with file:
        return int(betas.shape[0])


def _find_images(files: NsdFiles, options: ImportOptions) -> ImageSource:
    file = options.images or files.root / "nsddata_stimuli" / "stimuli" / "nsd" / "nsd_stimuli.hdf5"
    if not file.is_file():
        advice = "Copy nsd_stimuli.hdf5 there, or name it with --images."
        raise refusal("images", allowed="nsd_stimuli.hdf5", got=str(file), advice=advice)
    return ImageSource("hdf5", file.absolute(), (), key="imgBrick")


def _choose_voxels(files: NsdFiles, options: ImportOptions) -> tuple[IntArray, Places, tuple[str, ...]]:
    """C-order indices of the chosen voxels (on fsaverage: left, then right), where they lie and their ROI names."""
    if files.space == "fsaverage":
        labels = {name: found for name in NSD_CODES if (found := _surface_labels(files, name)) is not None}
        n_all, mask = 2 * N_FSAVERAGE, _surface_labels(files, options.mask or GENERAL)
    else:
        shape, affine = grid_of(_grid_file(files))
        labels = {name: found for name in NSD_CODES if (found := _volume_labels(files, name, shape)) is not None}
        n_all, mask = int(np.prod(shape)), _volume_labels(files, options.mask or GENERAL, shape)
    named = name_voxels(labels, NSD_CODES, n_all)
    inside = _inside(mask, labels, options, files)
    inside &= keep_rois(named, options.rois)
    chosen = np.flatnonzero(inside)
    roi = tuple(named[index] for index in chosen)
    if files.space == "fsaverage":
        places = place_fsaverage(chosen // N_FSAVERAGE, chosen % N_FSAVERAGE, surface=options.surface)
    else:
        indices = np.stack(np.unravel_index(chosen, shape), axis=1)
        places = place_volume(indices, affine, surface=options.surface)
    return chosen, places, roi


def _inside(
    mask: IntArray | None, labels: dict[str, IntArray], options: ImportOptions, files: NsdFiles
) -> npt.NDArray[np.bool_]:
    if options.mask == "all":
        ncsnr = _read_ncsnr(files, None)
        if ncsnr is None:
            advice = "ncsnr is missing, so the brain cannot be separated from its surroundings. Name a mask."
            raise refusal("mask", allowed="the name of a mask", got="all", advice=advice)
        return np.asarray(np.isfinite(ncsnr) & (ncsnr > 0))
    if mask is not None:
        return np.asarray(mask > 0)
    if options.mask or not labels:
        advice = "Choose another with --mask, or all."
        raise refusal("mask", allowed=f"a map in {files.roi_folder}", got=options.mask or GENERAL, advice=advice)
    return np.asarray(np.any([values > 0 for values in labels.values()], axis=0))


def _grid_file(files: NsdFiles) -> Path:
    for path in (files.betas / "ncsnr.nii.gz", *sorted(files.roi_folder.glob("*.nii.gz")), *files.sessions.values()):
        if path.is_file() and path.suffix != ".hdf5":
            return path
    raise refusal("source", allowed=f"one with a volume in {files.roi_folder} or ncsnr.nii.gz", got=str(files.root))


def _volume_labels(files: NsdFiles, name: str, shape: tuple[int, ...]) -> IntArray | None:
    path = files.roi_folder / f"{name}.nii.gz"
    return read_labels(path, shape=shape) if path.is_file() else None


def _surface_labels(files: NsdFiles, name: str) -> IntArray | None:
    paths = [files.roi_folder / f"{side}.{name}.mgz" for side in SIDES]
    if not all(path.is_file() for path in paths):
        return None
    return np.concatenate([read_labels(path, shape=(N_FSAVERAGE, 1, 1)) for path in paths])


def _read_ncsnr(files: NsdFiles, chosen: IntArray | None) -> FloatArray | None:
    if files.space == "fsaverage":
        shape: tuple[int, ...] = (N_FSAVERAGE, 1, 1)
        paths = [files.betas / f"{side}.ncsnr.mgh" for side in SIDES]
    else:
        paths = [files.betas / "ncsnr.nii.gz"]
        shape = grid_of(_grid_file(files))[0]
    if not all(path.is_file() for path in paths):
        return None
    values = np.concatenate([read_map(path, shape=shape) for path in paths])
    return values if chosen is None else values[chosen]


def _read(files: NsdFiles, path: Path, chosen: IntArray) -> Iterator[npt.NDArray[np.float32]]:
    """The betas of a session, in blocks of trials (n, n_voxels)."""
    if files.space == "fsaverage":
        left = iter_trials(path, chosen[chosen < N_FSAVERAGE])
        right = iter_trials(path.with_name("rh" + path.name[2:]), chosen[chosen >= N_FSAVERAGE] - N_FSAVERAGE)
        return (np.concatenate(both, axis=1) for both in zip(left, right, strict=True))
    if path.suffix == ".hdf5":
        return _iter_hdf5(path, chosen)
    return iter_trials(path, chosen, scale=SCALE)


def _open_hdf5(path: Path) -> tuple[Any, Any]:
    import h5py

    try:
        file = h5py.File(path, "r")
        return file, file["betas"]
    except (OSError, KeyError) as error:
        raise StorageError(f"{path} cannot be read ({error}). Copy the file again.") from error


def _iter_hdf5(path: Path, chosen: IntArray) -> Iterator[npt.NDArray[np.float32]]:
    """MATLAB wrote (x, y, z, trial); HDF5 reads it backwards, (trial, z, y, x)."""
    file, betas = _open_hdf5(path)
    with file:
        n_trials, depth, height, width = betas.shape
        x, y, z = np.unravel_index(chosen, (width, height, depth))
        at = np.ravel_multi_index((z, y, x), (depth, height, width))
        for start in range(0, n_trials, TRIALS_AT_ONCE):
            block = betas[start : start + TRIALS_AT_ONCE]
            yield block.reshape(len(block), -1)[:, at].astype(np.float32) * np.float32(SCALE)
