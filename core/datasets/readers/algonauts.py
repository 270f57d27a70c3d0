"""Reads the training set of the Algonauts Project 2023 challenge, one subject. Never reads its withheld responses.

    subjAA/training_split/training_images/train-0001_nsd-00013.png ...    in the order of the rows
    subjAA/training_split/training_fmri/{lh,rh}_training_fmri.npy         float32 (n_images, n_vertices)
    subjAA/roi_masks/{lh,rh}.all-vertices_fsaverage_space.npy             (163842,): which vertices they are
    subjAA/roi_masks/{lh,rh}.NAME_challenge_space.npy, mapping_NAME.npy   codes of each vertex, {code: name}

After Gifford et al. 2023 (arXiv:2301.03198). The mappings are pickles; they are read without running any code.
"""

from __future__ import annotations

import re
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.checks import refusal
from core.datasets.array_files import ArrayFile, cut_rows, open_array, read_dictionary
from core.datasets.import_options import ImportOptions, choose_participant
from core.datasets.readers.roi_labels import NSD_CODES, keep_rois, name_voxels
from core.datasets.recording import Recording, VoxelPlan
from core.datasets.subject import ImageSource
from core.datasets.voxel_places import N_FSAVERAGE, place_fsaverage
from core.types import IntArray

SIDES = ("lh", "rh")
IMAGE = re.compile(r"train-(\d+)_(nsd-\d+)\.(?:png|jpg|jpeg)$")


def detect(source: Path) -> bool:
    """Whether this is a subject's folder of the challenge, or the folder of all of them."""
    return bool(_people(source))


def _people(source: Path) -> dict[str, Path]:
    inside = "training_split/training_fmri"
    found = {path.parents[1].name: path.parents[1] for path in sorted(source.glob(f"*/{inside}")) if path.is_dir()}
    return found or ({source.name: source} if (source / inside).is_dir() else {})


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at shapes, file names and ROI masks of one subject; reads no response."""
    people = _people(source)
    allowed = "a folder with training_split/training_fmri"
    participant = choose_participant(options, people, source=source, allowed=allowed)
    folder = people[participant]
    arrays = [open_array(folder / "training_split" / "training_fmri" / f"{side}_training_fmri.npy") for side in SIDES]
    images = options.images or folder / "training_split" / "training_images"
    files, ids = list_training_images(images)
    _check_counts(arrays, files)
    hemisphere, vertex = _read_vertices(folder / "roi_masks", arrays)
    named = _read_rois(folder / "roi_masks", arrays)
    kept = keep_rois(named, options.rois)
    places = place_fsaverage(hemisphere[kept], vertex[kept], surface=options.surface)
    unknown = "Responses are means over up to three trials; the noise ceiling is not part of the challenge's files."
    return Recording(
        kind="algonauts2023",
        source=source,
        participant=participant,
        people=tuple(people),
        title=f"Algonauts 2023 {participant}",
        note="7T fMRI of one participant (NSD), z-scored, from the 2023 challenge's training set.",
        response_unit="z",
        voxels=VoxelPlan(places, tuple(compress(named, kept))),
        sessions=cut_rows(arrays, np.arange(len(files)), kept=kept),
        zscore=False,
        image_ids=ids,
        categories=("",) * len(ids),
        images=ImageSource("files", images.absolute(), files),
        remarks=(unknown,),
    )


def list_training_images(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """File names and ids ("nsd-00013") in the order of the responses. Raises BadInputError for gaps and copies."""
    matches = [match for entry in sorted(folder.glob("*")) if (match := IMAGE.match(entry.name))]
    if not matches:
        raise refusal("images", allowed="a folder of train-0001_nsd-00013.png, ...", got=str(folder))
    matches.sort(key=lambda match: int(match[1]))
    return tuple(match[0] for match in matches), tuple(match[2] for match in matches)


def _check_counts(arrays: list[ArrayFile], files: tuple[str, ...]) -> None:
    for array in arrays:
        if len(array.shape) != 2:
            raise refusal("responses", allowed="(n_images, n_vertices)", got=array.shape)
        n_rows = array.shape[0]
        if n_rows == len(files):
            continue
        numbers = [int(IMAGE.match(name)[1]) for name in files]  # type: ignore[index]  # every name has matched
        absent = sorted(set(range(1, n_rows + 1)) - set(numbers))
        surplus = [number for number in numbers if number > n_rows]
        which = f"train-{absent[0]:04d} is missing" if absent else f"train-{min(surplus or [0]):04d} has no response"
        got = f"{len(files):,} images and {n_rows:,} rows in {array.path.name}"
        raise refusal("images", allowed="one a row of responses", got=got, advice=f"{which}.")


def _read_vertices(folder: Path, arrays: list[ArrayFile]) -> tuple[IntArray, IntArray]:
    """Hemisphere and fsaverage vertex of every column."""
    vertices: list[npt.NDArray[np.int64]] = []
    for side, array in zip(SIDES, arrays, strict=True):
        mask = _read_mask(folder / f"{side}.all-vertices_fsaverage_space.npy", N_FSAVERAGE)
        vertices.append(np.flatnonzero(mask))
        if len(vertices[-1]) != array.shape[1]:
            got = f"{len(vertices[-1]):,} in {side}.all-vertices_fsaverage_space.npy"
            raise refusal("roi_masks", allowed=f"{array.shape[1]:,} vertices, as {array.path.name} has", got=got)
    return np.repeat((0, 1), [len(part) for part in vertices]), np.concatenate(vertices)


def _read_rois(folder: Path, arrays: list[ArrayFile]) -> tuple[str, ...]:
    labels, codes = {}, {}
    for name in NSD_CODES:
        paths = [folder / f"{side}.{name}_challenge_space.npy" for side in SIDES]
        if not all(path.is_file() for path in paths):
            continue
        parts = [_read_mask(path, array.shape[1]) for path, array in zip(paths, arrays, strict=True)]
        labels[name] = np.concatenate(parts)
        codes[name] = read_mapping(folder / f"mapping_{name}.npy", name)
    return name_voxels(labels, codes, sum(array.shape[1] for array in arrays))


def _read_mask(path: Path, length: int) -> npt.NDArray[np.int64]:
    values = open_array(path)
    if values.shape != (length,):
        advice = "It belongs to another space or subject."
        raise refusal(path.name, allowed=f"{length:,} numbers", got=values.shape, advice=advice)
    return np.rint(values.read(0, length)).astype(np.int64)


def read_mapping(path: Path, name: str) -> dict[int, str]:
    """Names by code of one mapping file; the usual names if it is missing. Never runs what it holds."""
    if not path.is_file():
        return NSD_CODES[name]
    return {int(code): str(text) for code, text in read_dictionary(path).items() if int(code) > 0}
