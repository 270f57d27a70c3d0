"""Reads the ROI betas of BOLD5000, release 2, one subject (Chang et al. 2019). Never reads its whole-brain volumes.

    CSI1_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_allses_LHEarlyVis.npy ...   (n_trials, n_voxels), one a side and ROI
    CSI1_imgnames.txt                                                    one file name a trial
    Stimuli_Presentation_Lists/CSI1/CSI1_sess01/*run*.txt                37 trials a run: where sessions end
    Presented_Stimuli/{COCO,ImageNet,Scene}/                             the images

As its readme advises, betas are z-scored within each session; without the presentation lists over all trials.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np

from core.checks import refusal
from core.datasets.array_files import ArrayFile, gather_rows, open_array
from core.datasets.image_files import find_folder, match_pictures
from core.datasets.import_options import ImportOptions, choose_participant
from core.datasets.readers.roi_labels import keep_rois
from core.datasets.recording import Recording, VoxelPlan, split_sessions
from core.datasets.tables import read_text
from core.datasets.voxel_places import place_nowhere
from core.words import natural_order

BETAS = re.compile(r"(CSI\d)_GLMbetas-(TYPE[A-D][A-Z-]*)_allses_(LH|RH)(\w+)\.npy$")
TRIALS_A_RUN = 37
DEPTH = 4
REPEATED_PREFIX = "rep_"
IMAGE_FOLDERS = ("Presented_Stimuli", "Scene_Stimuli", "BOLD5000_Stimuli")


def detect(source: Path) -> bool:
    """Whether ROI betas of the release lie in the folder or not far below."""
    return source.is_dir() and bool(_find(source, "CSI?_GLMbetas-*_allses_*.npy"))


def plan(source: Path, options: ImportOptions) -> Recording:
    """Look at shapes, names and presentation lists of one subject; reads no response."""
    matches = [(match, path) for path in _find(source, "*_allses_*.npy") if (match := BETAS.match(path.name))]
    people = tuple(sorted({match[1] for match, _ in matches}))
    participant = choose_participant(options, people, source=source, allowed="a folder of CSI1_GLMbetas-...npy")
    kind = max(match[2] for match, _ in matches if match[1] == participant)  # TYPED is the recommended one
    own = [(match, open_array(path)) for match, path in matches if (match[1], match[2]) == (participant, kind)]
    names = _read_names(source, participant)
    arrays = [array for _, array in own]
    _check_rows(arrays, names)
    side = np.concatenate([np.full(array.shape[1], int(match[3] == "RH"), dtype=np.int8) for match, array in own])
    named = tuple(match[4] for match, array in own for _ in range(array.shape[1]))
    kept = keep_rois(named, options.rois)
    folder = options.images or find_folder(source, IMAGE_FOLDERS) or source
    ids, rows = np.unique(names, return_inverse=True)
    lengths, remark = _session_lengths(source, participant, len(names))
    labels = [f"{number:02d}" for number, length in enumerate(lengths, start=1) for _ in range(length)]
    places = place_nowhere(side[kept])
    roi = tuple(compress(named, kept))
    return Recording(
        kind="bold5000",
        source=source,
        participant=participant,
        people=people,
        title=f"BOLD5000 {participant}",
        note=f"3T fMRI of one participant, ROI voxels, {kind}.",
        response_unit="z (of the session)" if not remark else "z",
        voxels=VoxelPlan(places, roi),
        sessions=split_sessions(labels, rows, partial(gather_rows, arrays, kept=kept)),
        zscore=True,
        image_ids=tuple(Path(name).stem for name in ids),
        categories=tuple("" if _is_photo(name) else "place" for name in ids),
        images=match_pictures(folder, ids.tolist()),
        held_out=np.bincount(rows) > 1,
        held_out_name="the repeated images",
        remarks=(remark,),
    )


def _find(source: Path, pattern: str) -> list[Path]:
    found = [path for depth in range(DEPTH) for path in source.glob("*/" * depth + pattern)]
    return sorted(found, key=lambda path: path.name)


def _read_names(source: Path, participant: str) -> list[str]:
    """The image of every trial; repeats of an image are written as rep_NAME in some lists."""
    lists = _find(source, f"{participant}_imgnames.txt") or _find(source.parent, f"{participant}_imgnames.txt")
    if not lists:
        raise refusal("source", allowed=f"one with {participant}_imgnames.txt", got=str(source))
    lines = read_text(lists[0], "text file of names").splitlines()
    return [line.strip().removeprefix(REPEATED_PREFIX) for line in lines if line.strip()]


def _check_rows(arrays: list[ArrayFile], names: list[str]) -> None:
    for array in arrays:
        if len(array.shape) != 2 or array.shape[0] != len(names):
            got = f"{array.shape} in {array.path.name}"
            advice = "Names and betas belong to different subjects or releases."
            raise refusal("responses", allowed=f"{len(names):,} trials", got=got, advice=advice)


def _session_lengths(source: Path, participant: str, n_trials: int) -> tuple[list[int], str]:
    """Trials of each session by the presentation lists; one session, and why, if they are not there."""
    folder = find_folder(source, (f"Stimuli_Presentation_Lists/{participant}",))
    if folder is not None:
        sessions = [entry for entry in folder.glob(f"{participant}_sess*") if entry.is_dir()]
        sessions.sort(key=lambda entry: natural_order(entry.name))
        lengths = [TRIALS_A_RUN * len(list(session.glob("*run*.txt"))) for session in sessions]
        if sum(lengths) == n_trials and all(lengths):
            return lengths, ""
    return [n_trials], "Without Stimuli_Presentation_Lists betas are z-scored over all trials, not within sessions."


def _is_photo(name: str) -> bool:
    """Whether an image is of COCO or ImageNet; the others are scenes."""
    return name.startswith("COCO_") or re.match(r"n\d{8}_", name) is not None
