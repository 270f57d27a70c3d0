"""Reads the weights of BERG, the Brain Encoding Response Generator (Gifford et al., github.com/gifale95/BERG).

A file weights_subject-NN.npy is a pickled dictionary: `scaler_param` (mean_, scale_), `pca_param` (mean_, components_)
and one linear regression a hemisphere, `lh_reg_param` and `rh_reg_param` (coef_, intercept_), on the features of
several layers of a torchvision network, flattened and put one after the other. Its vertices are those of fsaverage; the
first 10,242 of each hemisphere are fsaverage5, and only these are kept, or, with the metadata file beside it, those of
them that lie in an ROI. Never runs code from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.encoders.importers.readout import Centre, Project, Readout, check_readout
from core.encoders.importers.voxel_tables import N_VERTICES, make_table
from core.errors import WeightsError
from core.types import IntArray
from core.unpickle import read_object_array

KIND = "berg"
SIDES = ("lh", "rh")
NEEDED = {
    "scaler_param": ("mean_", "scale_"),
    "pca_param": ("mean_", "components_"),
    **dict.fromkeys([f"{side}_reg_param" for side in SIDES], ("coef_", "intercept_")),
}
ALEXNET = "features.2+features.5+features.7+features.9+features.12+classifier.2+classifier.5+classifier.6"
VIT_B_32 = "+".join(f"encoder.layers.encoder_layer_{number}" for number in range(12))
NETWORKS = {205_672: ("torchvision:alexnet", ALEXNET), 12 * 50 * 768: ("torchvision:vit_b_32", VIT_B_32)}
"""The network and layers by the number of their features; BERG's files do not name them."""

SOURCE = "Gifford et al., Brain Encoding Response Generator, github.com/gifale95/BERG"
NOTE = (
    "Trained by BERG on the Natural Scenes Dataset. Its own preprocessing crops the central 224 of 256 pixels; here "
    "the stimulus is shown as it is."
)


def read_berg(path: Path, metadata: Path | None = None) -> Readout:
    """The encoder of a BERG weights file.

    `path`: weights_subject-NN.npy. `metadata`: metadata_subject-NN.npy, which names the vertices of every ROI.

    Raises WeightsError if a part is missing, the file is truncated, holds code, or its arrays do not fit or are not
    finite.
    """
    return build_berg(read_object_array(path), path.name, rois=None if metadata is None else read_rois(metadata))


def build_berg(content: Any, name: str, *, rois: dict[str, tuple[IntArray, IntArray]] | None = None) -> Readout:
    """The encoder of BERG's dictionary. Raises WeightsError as `read_berg` does."""
    parts = {key: _take(content, key, fields, name) for key, fields in NEEDED.items()}
    kept, coefs, intercepts = [], [], []
    for index, side in enumerate(SIDES):
        part = parts[f"{side}_reg_param"]
        vertices = _choose(len(part["intercept_"]), rois, index)
        kept.append(vertices)
        coefs.append(part["coef_"][vertices])
        intercepts.append(np.broadcast_to(part["intercept_"], (len(part["coef_"]),))[vertices])
    vertex = np.concatenate(kept)
    side_of = np.repeat([0, 1], [len(vertices) for vertices in kept])
    scaler, pca = parts["scaler_param"], parts["pca_param"]
    n_features = len(scaler["mean_"])
    network, layer = NETWORKS.get(n_features, ("", ""))
    readout = Readout(
        kind=KIND,
        steps=(Centre(scaler["mean_"], scaler["scale_"]), Centre(pca["mean_"]), Project(pca["components_"].T)),
        weights=np.concatenate(coefs).T,
        intercept=np.concatenate(intercepts),
        title="BERG weights",
        source=SOURCE,
        licence="",
        note=NOTE,
        network=network,
        layer=layer,
        pool=0,
        voxels=make_table(len(vertex), roi=_name_rois(vertex, side_of, rois), vertex=vertex, hemisphere=side_of),
    )
    return check_readout(readout, name)


def read_rois(path: Path) -> dict[str, tuple[IntArray, IntArray]]:
    """The vertices (left, right) of every ROI of a BERG metadata file. Raises WeightsError if it names none."""
    content = read_object_array(path)
    fmri = content.get("fmri", {}) if isinstance(content, Mapping) else {}
    left, right = (fmri.get(f"{side}_fsaverage_rois") for side in SIDES)
    if not isinstance(left, Mapping) or not isinstance(right, Mapping):
        raise WeightsError(f"{path.name} names no ROIs (fmri, lh_fsaverage_rois). Give BERG's metadata_subject file.")
    empty = np.zeros(0, dtype=np.int64)
    names = dict.fromkeys([*left, *right])
    return {
        str(name): (np.asarray(left.get(name, empty), np.int64), np.asarray(right.get(name, empty), np.int64))
        for name in names
    }


def _take(content: Any, key: str, fields: tuple[str, ...], name: str) -> dict[str, np.ndarray[Any, Any]]:
    if not isinstance(content, Mapping) or not isinstance(content.get(key), Mapping):
        raise WeightsError(f"{name} lacks {key}: BERG's weights have {', '.join(NEEDED)}. Get the file again.")
    part = content[key]
    for field in fields:
        if part.get(field) is None:
            raise WeightsError(f"{name} lacks {field} in {key}. Get the file again.")
    return {field: np.asarray(part[field]) for field in fields}


def _choose(n_vertices: int, rois: dict[str, tuple[IntArray, IntArray]] | None, index: int) -> IntArray:
    """The rows kept of one hemisphere: vertices of fsaverage5, and in an ROI where ROIs are known."""
    kept = np.arange(min(n_vertices, N_VERTICES))
    if rois is None:
        return kept
    wanted = np.unique(np.concatenate([sides[index] for sides in rois.values()] or [np.zeros(0, np.int64)]))
    return np.intersect1d(kept, wanted)


def _name_rois(vertex: IntArray, side: IntArray, rois: dict[str, tuple[IntArray, IntArray]] | None) -> tuple[str, ...]:
    """The first ROI that holds each vertex, "" for none."""
    names = np.full(len(vertex), "", dtype=object)
    for name, sides in reversed(list((rois or {}).items())):
        for index in (0, 1):
            names[(side == index) & np.isin(vertex, sides[index])] = name
    return tuple(str(name) for name in names)
