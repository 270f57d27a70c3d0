"""Reads the table format of THINGS-fMRI, one subject (Hebart et al. 2023). Never loads the whole response table.

    sub-01_ResponseData.h5       a pandas table, voxels x trials, stored as /ResponseData/blockN_values
    sub-01_StimulusMetadata.csv  trial_type (train, test), session, run, subject_id, trial_id, stimulus
    sub-01_VoxelMetadata.csv     voxel_id, voxel_x/y/z, nc_singletrial, nc_testset (%), V1 ... rLOC (0 or 1)

The table's file is plain HDF5 (pandas, fixed format), so it is read by h5py, a session and some voxels at a time.
Images are THINGS pictures in folders by concept: dog/dog_12s.jpg.
"""

from __future__ import annotations

import re
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.checks import check_choice, refusal
from core.containers import reading
from core.datasets.array_files import refuse_reordered
from core.datasets.image_files import find_folder, match_pictures
from core.datasets.import_options import ImportOptions, choose_participant
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.recording import Recording, VoxelPlan, split_sessions
from core.datasets.tables import Table, read_table, to_integers, to_numbers
from core.datasets.voxel_places import place_nowhere, place_volume
from core.errors import StorageError
from core.surfaces.paint import Places
from core.surfaces.volumes import grid_of
from core.types import NO_SIDE, BoolArray, IntArray

TABLE = re.compile(r"(sub-\d+)_ResponseData\.h5$")
RETINOTOPIC = ("V1", "V2", "V3", "hV4", "VO1", "VO2", "LO1 (prf)", "LO2 (prf)", "TO1", "TO2", "V3b", "V3a")
CATEGORY = ("EBA", "FFA", "OFA", "STS", "PPA", "RSC", "TOS", "LOC")
"""Each a column with l and one with r before it. A voxel in several ROIs takes the first, retinotopic ones before."""
ROI_COLUMNS = (*RETINOTOPIC, *(f"{side}{roi}" for roi in CATEGORY for side in "lr"))
VOXELS_AT_ONCE = 4096
IMAGE_FOLDERS = ("object_images", "images_THINGS", "THINGS", "images", "_images")


def detect(source: Path) -> bool:
    """Whether response tables lie in the folder."""
    return bool(_people(source))


def _people(source: Path) -> dict[str, Path]:
    places = (source, source / "betas_csv") if source.is_dir() else ()
    entries = [(place, TABLE.match(entry.name)) for place in places for entry in sorted(place.glob("*.h5"))]
    return {match[1]: place for place, match in entries if match}


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at the metadata and the shape of the table of one subject; reads no response."""
    people = _people(source)
    participant = choose_participant(options, people, source=source, allowed="a folder with sub-01_ResponseData.h5")
    folder = people[participant]
    trials = read_table(folder / f"{participant}_StimulusMetadata.csv", needs=("trial_type", "session", "stimulus"))
    needed = ("voxel_x", "voxel_y", "voxel_z", "nc_singletrial")
    voxels = read_table(folder / f"{participant}_VoxelMetadata.csv", needs=needed, only=set(ROI_COLUMNS).__contains__)
    file = folder / f"{participant}_ResponseData.h5"
    block, skipped = find_block(file, n_voxels=len(voxels["voxel_x"]), n_trials=len(trials["stimulus"]))
    named, kept = _choose(voxels, options)
    places = _place(voxels, kept, folder=folder, options=options)
    ids, rows = np.unique(trials["stimulus"], return_inverse=True)
    session = [f"{number:02d}" for number in to_integers(trials["session"], "session").tolist()]
    pictures = options.images or find_folder(source, IMAGE_FOLDERS) or source
    tested = np.zeros(len(ids), dtype=bool)
    tested[rows[np.asarray(trials["trial_type"]) == "test"]] = True
    single = np.clip(to_numbers(voxels["nc_singletrial"], "nc_singletrial")[kept] / 100, 0, 0.999999)
    concepts = [name.rpartition("_")[0] for name in ids.tolist()]
    return Recording(
        kind="things",
        source=source,
        participant=participant,
        people=tuple(people),
        title=f"THINGS-fMRI {participant}",
        note="3T fMRI of one participant, single-trial responses in table format.",
        response_unit="beta",
        voxels=VoxelPlan(places, tuple(compress(named, kept)), ncsnr=np.sqrt(single / (1 - single))),
        sessions=split_sessions(session, rows, lambda at: read_columns(file, block, at + skipped, kept=kept)),
        zscore=False,
        image_ids=tuple(Path(name).stem for name in ids.tolist()),
        categories=tuple(concepts),
        images=match_pictures(pictures, ids.tolist()),
        held_out=tested,
        held_out_name="the test images",
    )


def find_block(file: Path, *, n_voxels: int, n_trials: int) -> tuple[str, int]:
    """The HDF5 array that holds the responses, and how many columns (the voxel's number) come first.

    pandas keeps columns of one type together: voxel_id, a whole number, usually stands in a block of its own.

    Raises BadInputError if no block has a row a voxel and a column a trial.
    """
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and re.search(r"block\d+_values$", name) and item.dtype.kind == "f":
            shapes[name] = item.shape

    with reading(file, "HDF5 file", error=StorageError, advice="Copy it again."), h5py.File(file, "r") as opened:
        opened.visititems(note)
        for name in shapes:
            refuse_reordered(file, opened[name])
    for name, shape in shapes.items():
        if shape[:1] == (n_voxels,) and shape[1:] in ((n_trials,), (n_trials + 1,)):
            return name, shape[1] - n_trials
    allowed = f"a table of {n_voxels:,} voxels and {n_trials:,} trials"
    raise refusal("responses", allowed=allowed, got=f"{file.name} with {shapes or 'none'}")


def read_columns(file: Path, block: str, columns: IntArray, *, kept: BoolArray) -> npt.NDArray[np.float32]:
    """Chosen trials of the kept voxels, (n_trials, n_voxels)."""
    import h5py

    first, last = int(columns.min()), int(columns.max()) + 1
    values = np.empty((len(columns), int(kept.sum())), dtype=np.float32)
    done = 0
    with h5py.File(file, "r") as opened:
        for start in range(0, len(kept), VOXELS_AT_ONCE):
            inside = kept[start : start + VOXELS_AT_ONCE]
            if inside.any():
                part = opened[block][start : start + len(inside), first:last][inside]
                values[:, done : done + len(part)] = part[:, columns - first].T
                done += len(part)
    return values


def _choose(voxels: Table, options: ImportOptions) -> tuple[tuple[str, ...], BoolArray]:
    named = np.full(len(voxels["voxel_x"]), "", dtype=object)
    for column in ROI_COLUMNS:
        if column in voxels:
            inside = to_numbers(voxels[column], column) == 1
            name = column.removesuffix(" (prf)")
            named[(named == "") & inside] = name[1:] if name[:1] in "lr" and name[1:] in CATEGORY else name
    everything = options.mask == "all" or not (named != "").any()
    if options.mask not in ("", "all", "rois"):
        check_choice("mask", options.mask, ("rois", "all"))
    roi = tuple(named.tolist())
    return roi, keep_rois(roi, options.rois) & (everything | (named != ""))


def _place(voxels: Table, kept: BoolArray, *, folder: Path, options: ImportOptions) -> Places:
    indices = np.stack([to_integers(voxels[f"voxel_{axis}"], axis) for axis in "xyz"], axis=1)[kept]
    masks = [path for place in (folder, *folder.parents[:2]) for path in sorted(place.glob("**/*brainmask.nii.gz"))[:1]]
    if masks:
        return place_volume(indices, grid_of(masks[0]).affine, surface=options.surface)
    if options.surface:
        advice = "Put the subject's brainmask.nii.gz beside the tables: it says where voxels lie."
        raise refusal("surface", allowed="none", got=options.surface, advice=advice)
    return place_nowhere(_sides(voxels)[kept])


def _sides(voxels: Table) -> npt.NDArray[np.int8]:
    """The side of voxels in an ROI of one hemisphere; the tables say no more about it."""
    sides = np.full(len(voxels["voxel_x"]), NO_SIDE, dtype=np.int8)
    for side, letter in enumerate("lr"):
        for column in (f"{letter}{roi}" for roi in CATEGORY if f"{letter}{roi}" in voxels):
            sides[to_numbers(voxels[column], column) == 1] = side
    return sides
