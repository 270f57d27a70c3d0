"""Makes the measured subject from experiment 2 of Kay and Yeatman (2017). Never alters a response.

The noise ceiling is the part of the variance of the betas that is not measurement error:
    NC = max(0, (var(beta) - mean(SE^2)) / var(beta)), over the 114 stimuli, SE of each beta from bootstraps over runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from demo_subject_files import write_subject
from demo_tiles import GROUP_OF_LETTER
from PIL import Image

from core.surfaces.atlas import load_atlas
from core.surfaces.store import load_fsaverage5
from core.types import VoxelTable

IDENTITY = "kay2017"
CROP, SIZE, QUALITY = 400, 224, 92
"""Beyond the central 400 of 750 pixels there is only background."""

ROIS = (("FFA", 1), ("VWFA", 0))
"""Each ROI and the side its voxel is placed on: FFA is larger on the right, VWFA is a left region."""

PHOTO_GROUPS = "BBBBVVVVVVVBVVVVVAAAAABAAAAAAAAAABAAAAAAAAAFFFFOFFFFOFFBFPOFFFPOFFBFPPOOOOPOOBOPPOOOPPOOBPOO"
"""Group of each of the 92 photographs, judged by eye, in the letters of the mosaic."""

TEST_SHARE, SPLIT_SEED = 0.25, 17
"""A quarter of the photographs is a fifth of all stimuli; the 22 designed ones, variants of few, stay in training."""

HEADER = {
    "id": IDENTITY,
    "title": "Kay & Yeatman 2017, one subject (measured)",
    "kind": "measured",
    "note": "Real fMRI of one person, averaged over two ROIs (FFA, VWFA), 114 grey images. Each ROI is one 'voxel', "
    "painted on the whole group parcel of the template; it says nothing about single vertices. One average a "
    "stimulus, no repeats.",
    "citation": "Kay KN, Yeatman JD (2017). Bottom-up and top-down computations in word- and face-selective cortex. "
    "eLife 6:e22341. doi:10.7554/eLife.22341",
    "licence": "CC BY 3.0",
    "surface": "fsaverage5",
    "response_unit": "% signal change",
}


def build_kay(source: Path, *, photos: Path, subjects: Path) -> npt.NDArray[np.float32]:
    """Write images, catalogue and subject; returns the noise ceilings."""
    measured = np.load(source / "kay_yeatman2017_exp2.npz", allow_pickle=False)
    shown = np.flatnonzero(measured["labels"] != "BLANK")
    labels = [str(measured["labels"][index]) for index in shown]
    columns = [measured["rois"].tolist().index(roi) for roi, _ in ROIS]
    betas, errors = (measured[name][np.ix_(shown, columns)].astype(np.float64) for name in ("beta", "beta_se"))
    test = split_photos(labels)
    rows = [
        write_image(source / "stimuli" / f"stimulus{index + 1:03d}_01.png", label, out=photos, held=bool(held))
        for index, label, held in zip(shown, labels, test, strict=True)
    ]
    (photos / "photos.json").write_text(json.dumps({"images": rows}, indent=0) + "\n", encoding="utf-8")
    ceiling: npt.NDArray[np.float32] = np.maximum(0, 1 - (errors**2).mean(axis=0) / betas.var(axis=0, ddof=1)).astype(
        np.float32
    )
    header = HEADER | {"images": [row["id"] for row in rows]}
    responses = {"responses": betas[:, np.newaxis].astype(np.float32)}
    write_subject(subjects / IDENTITY, header, voxels=place_voxels(ceiling), test=test, responses=responses)
    return ceiling


def write_image(file: Path, label: str, *, out: Path, held: bool) -> dict[str, Any]:
    """Crop, resize and encode one stimulus; returns its row of the catalogue."""
    out.mkdir(parents=True, exist_ok=True)
    with Image.open(file) as opened:
        whole = opened.convert("L")
    margin = (whole.width - CROP) // 2
    levels = np.asarray(whole).copy()
    ground = levels[0, 0]
    levels[margin : margin + CROP, margin : margin + CROP] = ground
    assert (levels == ground).all(), f"{file.name} reaches beyond the crop"
    box = (margin, margin, margin + CROP, margin + CROP)
    identity = f"kay_{label.lower()}"
    picture = whole.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box).convert("RGB")
    picture.save(out / f"{identity}.webp", quality=QUALITY, method=6)
    return {
        "id": identity,
        "category": label.lower(),
        "group": find_group(label),
        "original": f"kay2017/{file.name} ({label})",
        "licence": "CC BY 3.0",
        "file": f"{identity}.webp",
        "curated": False,
        "split": "test" if held else "train",
    }


def find_group(label: str) -> str:
    """The group of a stimulus by its label: "NIKO05", "FACECON4", "HOUSE"."""
    if label.startswith("NIKO"):
        return GROUP_OF_LETTER[PHOTO_GROUPS[int(label[4:]) - 1]]
    starts = {"FACE": "face", "WORD": "word", "HOUSE": "place"}
    return next((group for start, group in starts.items() if label.startswith(start)), "other")


def split_photos(labels: list[str]) -> npt.NDArray[np.bool_]:
    """Hold out a quarter of each group of photographs, (n_images,) bool."""
    draw = np.random.default_rng(SPLIT_SEED)
    photographs = np.array([label.startswith("NIKO") for label in labels])
    groups = np.array([find_group(label) for label in labels])
    test = np.zeros(len(labels), dtype=bool)
    for group in np.unique(groups[photographs]):
        members = np.flatnonzero(photographs & (groups == group))
        test[draw.permutation(members)[: round(TEST_SHARE * len(members))]] = True
    return test


def place_voxels(ceiling: npt.NDArray[np.float32]) -> VoxelTable:
    """One voxel for each ROI, painted on its whole parcel of both hemispheres."""
    atlas, surface = load_atlas(), load_fsaverage5()
    paint, vertices = [], []
    for voxel, (roi, home) in enumerate(ROIS):
        members = atlas.vertices_in(home, roi)
        points = surface.side(home).geometries["inflated"][members]
        vertices.append(members[np.argmin(((points - points.mean(axis=0)) ** 2).sum(axis=1))])
        paint += [(side, int(vertex), voxel) for side in (0, 1) for vertex in atlas.vertices_in(side, roi)]
    return VoxelTable(
        hemisphere=np.array([home for _, home in ROIS], dtype=np.int8),
        vertex=np.array(vertices, dtype=np.int32),
        roi=tuple(roi for roi, _ in ROIS),
        noise_ceiling=ceiling,
        paint=np.array(paint, dtype=np.int32),
    )
