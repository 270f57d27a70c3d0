"""Reads the ROI averages of Ratan Murty et al. (2021): four ROIs, 185 photographs. Never ships its photographs.

    murty2021_roi_activations.tsv    image, ffa, eba, ppa, ofa
    stimuli/                         main_body_1.webp ...

The responses are the mean over participants, one number a photograph, so there is no noise ceiling; each ROI is one
voxel, painted on its parcel of the template's atlas.
"""

from __future__ import annotations

from itertools import compress
from pathlib import Path

import numpy as np

from core.checks import refusal
from core.datasets.image_files import match_pictures
from core.datasets.import_options import ImportOptions
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.recording import RecordedSession, Recording, VoxelPlan
from core.datasets.tables import read_table, to_numbers
from core.datasets.voxel_places import place_rois

TABLE = "murty2021_roi_activations.tsv"
ROIS = ("FFA", "EBA", "PPA", "OFA")
GROUPS = {"body": "body", "face": "face", "object": "object", "scene": "place"}


def detect(source: Path) -> bool:
    """Whether the folder holds the table of responses."""
    return (source / TABLE).is_file()


def plan(source: Path, options: ImportOptions) -> Recording:
    """Read the table, which is small."""
    if not detect(source):
        raise refusal("source", allowed=f"a folder with {TABLE}", got=str(source))
    table = read_table(source / TABLE, needs=("image", *(roi.lower() for roi in ROIS)))
    values = np.stack([to_numbers(table[roi.lower()], roi) for roi in ROIS], axis=1).astype(np.float32)
    kept = keep_rois(ROIS, options.rois)
    rois = tuple(compress(ROIS, kept))
    places = place_rois(rois, surface=options.surface)
    names = table["image"]
    chosen = values[:, kept]
    return Recording(
        kind="murty2021",
        source=source,
        title="Ratan Murty et al. 2021, mean of participants",
        note="Real fMRI averaged over participants and over four ROIs; each ROI is one 'voxel', painted on the whole "
        "group parcel of the template. One average a photograph, no repeats.",
        response_unit="beta (mean over participants)",
        voxels=VoxelPlan(places, rois),
        sessions=(RecordedSession("all images", np.arange(len(names)), chosen.copy),),
        zscore=False,
        image_ids=tuple(names),
        categories=tuple(GROUPS.get("".join(name.split("_")[1:2]), "") for name in names),
        images=match_pictures(options.images or source / "stimuli", names),
    )
