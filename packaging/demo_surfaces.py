"""Makes the shipped cortex: the fsaverage5 surfaces and a visual atlas without overlaps. Never downloads its sources.

Sources are two: a folder of GIFTI files as in nilearn's `datasets/data/fsaverage5` (BSD package, FreeSurfer data), and
an array file of published atlases on the vertices of fsaverage5 (see resources/surfaces/LICENCES.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Arrays = dict[str, npt.NDArray[Any]]
SIDES = ("left", "right")
GIFTI_NAMES = {"pial": "pial", "white": "white", "inflated": "infl", "sphere": "sphere", "flat": "flat"}

BENSON_AREAS = {"V1": (1,), "V2": (2,), "V3": (3,), "hV4": (4,), "VO": (5, 6), "LO": (7, 8)}
VISFATLAS_PARCELS = {
    "OFA": ("IOG-faces",),
    "FFA": ("pFus-faces", "mFus-faces"),
    "EBA": ("LOS-bodies", "ITG-bodies", "MTG-bodies"),
    "FBA": ("OTS-bodies",),
    "OPA": ("TOS-places",),
    "PPA": ("CoS-places",),
    "VWFA": ("pOTS-characters",),
}
GLASSER_OPA = (143, 146, 158)
"""PGp, IP0, V3CD: where the right TOS-places of visfAtlas lies; visfAtlas has none on the left."""
GLASSER_RSC = (31, 121, 142)
"""POS1, ProS, DVT: the part of the wide scene-selective search space that is retrosplenial."""

NAMES = ("V1", "V2", "V3", "hV4", "VO", "LO", "OFA", "FFA", "EBA", "FBA", "OPA", "PPA", "RSC", "VWFA")
PRECEDENCE = ("V1", "V2", "V3", "OFA", "FFA", "EBA", "FBA", "OPA", "PPA", "RSC", "VWFA", "hV4", "VO", "LO")
"""Who keeps a vertex that several claim: maps with a known retinotopy, then category parcels, then the rest."""

LEAST_ISLAND = 6
"""Patches of fewer vertices are crumbs of the projection and are dropped."""

TITLE = "Visual ROIs (Benson14 + visfAtlas)"
SOURCE = (
    "V1-V3, hV4, VO, LO: Benson et al. 2014, 2018. OFA, FFA, EBA, FBA, PPA, VWFA, right OPA: visfAtlas, "
    "Rosenke et al. 2021. Left OPA, RSC: scene-selective search spaces (Julian et al. 2012) within parcels of "
    "Glasser et al. 2016."
)


def build_colormaps(out: Path) -> None:
    """Write the tables (256, 3) uint8 of the colour maps that others publish, by name."""
    import matplotlib as mpl

    names = "coolwarm", "RdBu_r", "PuOr_r", "berlin", "hot", "viridis", "magma", "inferno", "cividis", "Blues_r"
    tables = {name: mpl.colormaps[name](np.linspace(0, 1, 256))[:, :3] for name in names}
    rounded = {name: np.round(255 * table).astype(np.uint8) for name, table in tables.items()}
    half = rounded.pop("hot")[1::2]  # nilearn's cold_hot: hot, and mirrored below zero with red and blue exchanged
    rounded["cold_hot"] = np.concatenate([half[::-1, ::-1], half])
    np.savez_compressed(out, allow_pickle=False, **rounded)


def build_surfaces(gifti: Path, out: Path) -> None:
    """Write fsaverage5.npz from a folder of GIFTI files."""
    arrays: Arrays = {}
    for side in SIDES:
        arrays |= {f"{side}_{name}": values for name, values in _read_side(gifti, side).items()}
    np.savez_compressed(out, allow_pickle=False, **arrays)


def build_atlas(sources: Path, surfaces: Path, *, out: Path) -> dict[str, tuple[int, int]]:
    """Write the visual atlas; returns the number of vertices of each ROI, left and right."""
    given, shapes = np.load(sources, allow_pickle=False), np.load(surfaces, allow_pickle=False)
    arrays: Arrays = {"name": np.array(TITLE), "source": np.array(SOURCE), "names": np.array(NAMES)}
    for side in SIDES:
        labels = _label_side(given, f"{side[0]}h")
        arrays[f"labels_{side}"] = drop_islands(labels, shapes[f"{side}_faces"])
        for ours, theirs in (("angle", "angle"), ("eccentricity", "eccen"), ("sigma", "sigma")):
            arrays[f"{ours}_{side}"] = given[f"benson14_{theirs}_{side[0]}h"].astype(np.float32)
    np.savez_compressed(out, allow_pickle=False, **arrays)
    counts = [np.bincount(arrays[f"labels_{side}"], minlength=len(NAMES) + 1) for side in SIDES]
    return {name: (int(counts[0][i + 1]), int(counts[1][i + 1])) for i, name in enumerate(NAMES)}


def drop_islands(labels: npt.NDArray[np.int16], faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int16]:
    """Labels (n_vertices,) without connected patches of fewer than `LEAST_ISLAND` vertices."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = ends[labels[ends[:, 0]] == labels[ends[:, 1]]]
    links = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(labels), len(labels)))
    _, patches = connected_components(links, directed=False)
    return np.where(np.bincount(patches)[patches] < LEAST_ISLAND, 0, labels).astype(np.int16)


def _read(path: Path) -> Any:
    return nibabel.load(path)


def _read_side(gifti: Path, side: str) -> Arrays:
    arrays: Arrays = {}
    for ours, theirs in GIFTI_NAMES.items():
        points, faces = (part.data for part in _read(gifti / f"{theirs}_{side}.gii.gz").darrays)
        arrays[ours] = points.astype(np.float32)
        arrays["flat_faces" if ours == "flat" else "faces"] = faces.astype(np.int32)
    arrays["flat"] = place_cut_vertices(arrays["flat"], arrays["flat_faces"], sphere=arrays["sphere"])
    for ours, theirs in (("curvature", "curv"), ("sulc", "sulc")):
        arrays[ours] = _read(gifti / f"{theirs}_{side}.gii.gz").darrays[0].data.astype(np.float32)
    return arrays


def place_cut_vertices(
    flat: npt.NDArray[np.float32], faces: npt.NDArray[np.int32], *, sphere: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Put vertices outside the flat patch where their nearest neighbour on the sphere lies."""
    kept = np.unique(faces)
    nearest = cKDTree(sphere[kept]).query(sphere)[1]
    return np.ascontiguousarray(flat[kept][nearest])


def _label_side(given: Any, code: str) -> npt.NDArray[np.int16]:
    claims = {name: np.isin(given[f"benson14_varea_{code}"], areas) for name, areas in BENSON_AREAS.items()}
    parcels = given[f"visfatlas_names_{code}"][given[f"visfatlas_{code}"]]
    claims |= {name: np.isin(parcels, members) for name, members in VISFATLAS_PARCELS.items()}
    glasser = given[f"glasser16_{code}"]
    if not claims["OPA"].any():
        claims["OPA"] = given[f"jin_opa_{code}"] & np.isin(glasser, GLASSER_OPA)
    claims["RSC"] = given[f"jin_rsc_{code}"] & np.isin(glasser, GLASSER_RSC)
    labels = np.zeros(len(glasser), dtype=np.int16)
    for name in reversed(PRECEDENCE):
        labels[claims[name]] = NAMES.index(name) + 1
    return labels
