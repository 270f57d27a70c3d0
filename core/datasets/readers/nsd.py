"""Reads the Natural Scenes Dataset (Allen et al. 2022): volumes or fsaverage, one subject. Never ships its data.

Betas are z-scored per voxel within each session and averaged over an image's repeats; the noise ceiling comes from the
published ncsnr with the number of repeats that were really averaged; held out are the images all subjects saw.

nsddata/experiments/nsd/nsd_expdesign.mat                 masterordering, subjectim, sharedix (all 1-based)
nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5              imgBrick (73000, 425, 425, 3) uint8
nsddata_betas/ppdata/subjAA/func1pt8mm/BETAS/             betas_sessionBB.hdf5 or .nii.gz, ncsnr.nii.gz
nsddata_betas/ppdata/subjAA/fsaverage/BETAS/              lh.betas_sessionBB.mgh, rh. ..., lh.ncsnr.mgh, rh. ...
nsddata/ppdata/subjAA/func1pt8mm/roi/NAME.nii.gz          prf-visualrois, floc-*, streams, nsdgeneral
nsddata/freesurfer/fsaverage/label/lh.NAME.mgz            of the group, or of the subject in subjAA/label_fsaverage
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal
from core.containers import reading
from core.datasets.import_options import ImportOptions
from core.datasets.matlab import read_matlab
from core.datasets.readers.roi_labels import NSD_CODES, keep_rois, name_voxels
from core.datasets.recording import RecordedSession, Recording, VoxelPlan
from core.datasets.subject import ImageSource
from core.datasets.voxel_places import N_FSAVERAGE, place_fsaverage, place_volume
from core.device import iter_chunks
from core.errors import StorageError
from core.surfaces.paint import Places
from core.surfaces.volumes import (
    NOWHERE,
    TRIALS_AT_ONCE,
    Grid,
    check_grid,
    count_trials,
    iter_trials,
    order_voxels,
    read_labels,
    read_map,
    shared_grid,
)
from core.types import FloatArray, IntArray

TRIALS_A_SESSION = 750
N_SESSIONS = {1: 40, 2: 40, 3: 32, 4: 30, 5: 40, 6: 32, 7: 40, 8: 30}
"""Sessions each subject took part in."""
SPACES = ("func1pt8mm", "func1mm", "fsaverage")
BETAS = ("betas_fithrf_GLMdenoise_RR", "betas_fithrf", "betas_assumehrf")
"""Best first."""
SESSION = re.compile(r"(?:lh\.)?betas_session(\d{2})\.(?:hdf5|nii\.gz|nii|mgh)$")
SCALE = 1 / 300
"""Volume betas are stored as 300 times % signal change; those on fsaverage are not."""
HEMISPHERE = Grid((N_FSAVERAGE, 1, 1), NOWHERE)
GENERAL = "nsdgeneral"
Number = TypeVar("Number", np.int64, np.float64)


def detect(source: Path) -> bool:
    """Whether this is a copy of the dataset, or a folder inside one."""
    return source.is_dir() and find_root(source) is not None


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at headers, design and label maps of one subject; reads no response."""
    files = find_files(source, options)
    order, shared = read_design(files.root, files.number)
    images = _find_images(files, options)
    starts = {number: (number - 1) * TRIALS_A_SESSION for number in files.sessions}
    shown = {number: order[start : start + TRIALS_A_SESSION] for number, start in starts.items()}
    numbers = np.unique(np.concatenate(list(shown.values())))
    chosen, places, roi = _choose_voxels(files, options)
    ncsnr = _read_ncsnr(files)
    voxels = VoxelPlan(places, roi, ncsnr=None if ncsnr is None else ncsnr[chosen])
    sessions = tuple(
        RecordedSession(
            f"session {number:02d}", np.searchsorted(numbers, shown[number]), partial(_read, files, path, chosen)
        )
        for number, path in files.sessions.items()
    )
    _check_first(files, n_trials=len(next(iter(shown.values()))))
    remarks = tuple(files.grid.resampled or ())
    return Recording(
        kind="nsd",
        source=source,
        participant=files.participant,
        people=files.people,
        title=f"NSD {files.participant}",
        note=f"7T fMRI of one participant, {files.space}, {files.betas.name}.",
        response_unit="z (of the session)",
        voxels=voxels,
        sessions=sessions,
        missing=files.missing,
        zscore=True,
        image_ids=tuple(f"nsd-{number:05d}" for number in numbers),
        categories=("",) * len(numbers),
        images=replace(images, members=tuple(str(number) for number in numbers)),
        held_out=np.isin(numbers, shared),
        held_out_name="the images all subjects saw",
        remarks=remarks,
    )


def _check_first(files: NsdFiles, *, n_trials: int) -> None:
    """Refuse a design, betas and maps that cannot belong together before reading any."""
    path, grid = next(iter(files.sessions.values())), files.grid
    if path.suffix == ".hdf5":
        file, betas = _open_hdf5(path)
        with file:
            shape = tuple(int(side) for side in betas.shape)
        if shape[:0:-1] != grid.shape:
            raise refusal(path.name, allowed=f"(trials, z, y, x) of the maps, {grid.shape[::-1]}", got=shape)
        held = shape[0]
    else:
        check_grid(path, grid)
        held = count_trials(path)
    if held != n_trials:
        raise refusal("responses", allowed=f"{n_trials} trials in {path.name}", got=held)


def _find_images(files: NsdFiles, options: ImportOptions) -> ImageSource:
    file = options.images or files.root / "nsddata_stimuli" / "stimuli" / "nsd" / "nsd_stimuli.hdf5"
    if not file.is_file():
        advice = "Copy nsd_stimuli.hdf5 there, or name it with --images."
        raise refusal("images", allowed="nsd_stimuli.hdf5", got=str(file), advice=advice)
    return ImageSource("hdf5", file.absolute(), (), key="imgBrick")


def _choose_voxels(files: NsdFiles, options: ImportOptions) -> tuple[IntArray, Places, tuple[str, ...]]:
    """C-order indices of the chosen voxels in the order of the mask's own file, where they lie and their ROI names.

    On fsaverage: left, then right.
    """
    read = partial(_read_maps, files, ending="mgz", read=read_labels)
    found = {name: read(files.roi_folder / name) for name in NSD_CODES}
    labels = {name: values for name, values in found.items() if values is not None}
    mask = _read_maps(files, files.roi_folder / (options.mask or GENERAL), ending="mgz", read=_number)
    sides = 2 if files.space == "fsaverage" else 1
    named = name_voxels(labels, NSD_CODES, sides * int(np.prod(files.grid.shape)))
    chosen = order_voxels(_inside(mask, labels, options, files) * keep_rois(named, options.rois))
    roi = tuple(named[index] for index in chosen)
    if files.space == "fsaverage":
        return chosen, place_fsaverage(chosen // N_FSAVERAGE, chosen % N_FSAVERAGE, surface=options.surface), roi
    indices = np.stack(np.unravel_index(chosen, files.grid.shape), axis=1)
    return chosen, place_volume(indices, files.grid.affine, surface=options.surface), roi


def _number(path: Path, grid: Grid) -> npt.NDArray[np.float64]:
    """The voxels of a mask by their numbers in its own file; vertices, one side after the other, all by 1."""
    numbers = np.nan_to_num(read_map(path, grid, numbered=grid.is_placed))
    return numbers if grid.is_placed else (numbers > 0).astype(np.float64)


def _inside(
    mask: FloatArray | None, labels: Mapping[str, IntArray], options: ImportOptions, files: NsdFiles
) -> FloatArray:
    """Above 0 for voxels to keep, (n,): their order."""
    if options.mask == "all":
        ncsnr = _read_ncsnr(files)
        if ncsnr is None:
            advice = "ncsnr is missing, so the brain cannot be separated from its surroundings. Name a mask."
            raise refusal("mask", allowed="the name of a mask", got="all", advice=advice)
        return (np.isfinite(ncsnr) & (ncsnr > 0)).astype(np.float64)
    if mask is not None:
        return mask
    if options.mask or not labels:
        advice = "Choose another with --mask, or all."
        raise refusal("mask", allowed=f"a map in {files.roi_folder}", got=options.mask or GENERAL, advice=advice)
    return np.asarray(np.any([values > 0 for values in labels.values()], axis=0), dtype=np.float64)


def _find_grid(files: NsdFiles, *, resample: bool) -> Grid:
    """Of a map: of the volume, or of one hemisphere. HDF5 betas do not say where they lie, ncsnr beside them does."""
    if files.space == "fsaverage":
        return HEMISPHERE
    maps = [files.betas / "ncsnr.nii.gz", *sorted(files.roi_folder.glob("*.nii.gz"))]
    betas = [path for path in files.sessions.values() if path.suffix != ".hdf5"]
    present = [path for path in (*maps, *betas) if path.is_file()]
    if not present:
        allowed = f"one with a volume in {files.roi_folder} or ncsnr.nii.gz"
        raise refusal("source", allowed=allowed, got=str(files.root))
    return shared_grid(present[0], (betas or present)[0], resample=resample)


def _read_ncsnr(files: NsdFiles) -> FloatArray | None:
    return _read_maps(files, files.betas / "ncsnr", ending="mgh", read=partial(read_map, order=1))


def _read_maps(
    files: NsdFiles, map_: Path, *, ending: str, read: Callable[..., npt.NDArray[Number]]
) -> npt.NDArray[Number] | None:
    """A map of the volume, or of both hemispheres one after the other; None if it is not there."""
    paths = [map_.with_name(f"{map_.name}.nii.gz")]
    if files.space == "fsaverage":
        paths = [map_.with_name(f"{side}.{map_.name}.{ending}") for side in ("lh", "rh")]
    if not all(path.is_file() for path in paths):
        return None
    return np.concatenate([read(path, files.grid) for path in paths])


def _read(files: NsdFiles, path: Path, chosen: IntArray) -> Iterator[npt.NDArray[np.float32]]:
    """The betas of a session, in blocks of trials (n, n_voxels)."""
    if files.space == "fsaverage":
        left = iter_trials(path, HEMISPHERE, chosen[chosen < N_FSAVERAGE])
        other = path.with_name("rh" + path.name[2:])
        right = iter_trials(other, HEMISPHERE, chosen[chosen >= N_FSAVERAGE] - N_FSAVERAGE)
        return (np.concatenate(both, axis=1) for both in zip(left, right, strict=True))
    if path.suffix == ".hdf5":
        return _iter_hdf5(path, chosen)
    return iter_trials(path, files.grid, chosen, scale=SCALE)


def _open_hdf5(path: Path) -> tuple[Any, Any]:
    import h5py

    with reading(path, "HDF5 file of betas", error=StorageError, advice="Copy it again."):
        file = h5py.File(path, "r")
        return file, file["betas"]


def _iter_hdf5(path: Path, chosen: IntArray) -> Iterator[npt.NDArray[np.float32]]:
    """MATLAB wrote (x, y, z, trial); HDF5 reads it backwards, (trial, z, y, x)."""
    file, betas = _open_hdf5(path)
    with file:
        n_trials, depth, height, width = betas.shape
        x, y, z = np.unravel_index(chosen, (width, height, depth))
        at = np.ravel_multi_index((z, y, x), (depth, height, width))

        def read(start: int, stop: int) -> npt.NDArray[np.float32]:
            block = np.asarray(betas[start:stop]).reshape(stop - start, -1)
            return block[:, at].astype(np.float32) * np.float32(SCALE)

        yield from iter_chunks(read, n_trials, chunk=TRIALS_AT_ONCE, what="trial")


@dataclass(frozen=True, slots=True)
class NsdFiles:
    """The files of one subject in one space.

    `sessions` maps numbers to the file of the whole volume, or of the left hemisphere; `grid` is that of their maps.
    """

    root: Path
    participant: str
    people: tuple[str, ...]
    space: str
    betas: Path
    sessions: dict[int, Path]
    grid: Grid = HEMISPHERE

    @property
    def number(self) -> int:
        """The subject's number, 1 to 8."""
        return int(self.participant.removeprefix("subj"))

    @property
    def missing(self) -> tuple[str, ...]:
        """The sessions that are not there."""
        every = range(1, N_SESSIONS.get(self.number, max(self.sessions)) + 1)
        return tuple(f"session {number:02d}" for number in every if number not in self.sessions)

    @property
    def roi_folder(self) -> Path:
        """Where the ROI label maps lie."""
        data = self.root / "nsddata"
        if self.space == "fsaverage":
            own = data / "freesurfer" / self.participant / "label_fsaverage"
            return own if own.is_dir() else data / "freesurfer" / "fsaverage" / "label"
        return data / "ppdata" / self.participant / self.space / "roi"


def find_root(source: Path) -> Path | None:
    """The folder that holds nsddata_betas: the source or one above it; None if there is none."""
    for folder in (source, *source.parents):
        if (folder / "nsddata_betas" / "ppdata").is_dir():
            return folder
    return None


def find_files(source: Path, options: ImportOptions) -> NsdFiles:
    """The files of the chosen subject and space. Raises BadInputError if there are none."""
    root = find_root(source)
    if root is None:
        raise refusal("source", allowed="a folder with nsddata_betas/ppdata", got=str(source))
    ppdata = root / "nsddata_betas" / "ppdata"
    people = tuple(entry.name for entry in sorted(ppdata.iterdir()) if re.fullmatch(r"subj\d\d", entry.name))
    pointed = next((part for part in source.parts[len(root.parts) :] if part in people), "")
    participant = options.participant or pointed or next(iter(people), "")
    check_choice("participant", participant, people, advice="" if people else f"{ppdata} holds no subj01, subj02, ...")
    for space in [check_choice("space", options.space, SPACES)] if options.space else SPACES:
        for kind in [options.betas] if options.betas else BETAS:
            found = _sessions_in(ppdata / participant / space / kind)
            if found:
                files = NsdFiles(root, participant, people, space, ppdata / participant / space / kind, found)
                return replace(files, grid=_find_grid(files, resample=options.resample))
    wanted = f"{options.space or ' or '.join(SPACES)}, {options.betas or ' or '.join(BETAS)}"
    raise refusal("source", allowed=f"one with beta sessions ({wanted})", got=str(ppdata / participant))


def _sessions_in(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    # .hdf5 over .nii.gz (the last of a number stays): it is read in parts without unpacking what comes before.
    found = [(match, entry) for entry in sorted(folder.iterdir(), reverse=True) if (match := SESSION.match(entry.name))]
    chosen = {int(match[1]): entry for match, entry in found}
    return {number: chosen[number] for number in sorted(chosen)}


def read_design(root: Path, number: int) -> tuple[IntArray, IntArray]:
    """The rows of nsd_stimuli, from 0, shown in a subject's trials (n_trials,), and those all subjects saw.

    Raises BadInputError if nsd_expdesign.mat is missing or is another file."""
    file = root / "nsddata" / "experiments" / "nsd" / "nsd_expdesign.mat"
    if not file.is_file():
        raise refusal("source", allowed=f"one with {file.relative_to(root)}", got=str(root))
    with reading(file, "nsd_expdesign.mat"):
        content = read_matlab(file)
        master, shown, shared = (
            np.asarray(content[name], dtype=np.int64) for name in ("masterordering", "subjectim", "sharedix")
        )
    if shown.ndim != 2 or not 1 <= number <= len(shown) or master.min() < 1 or master.max() > shown.shape[1]:
        got = f"masterordering up to {master.max()}, subjectim {shown.shape}"
        raise refusal("design", allowed="1-based numbers into subjectim", got=got)
    return shown[number - 1][master.ravel() - 1] - 1, shared.ravel() - 1
