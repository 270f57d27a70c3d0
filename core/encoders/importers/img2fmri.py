"""Reads the encoders of img2fmri 1.0 (Bennett & Baldassano, MIT): BOLD5000 subjects CSI1 to CSI3, five ROIs each.

A subject's encoder is five scikit-learn ridges on the 512 average-pooled features of torchvision's ResNet-18. Its wheel
(or its installed folder) also holds the ROI masks in the subject's and in MNI space, from which voxels are placed on
fsaverage5: one affine a subject, fitted to the centres of its ten masks in both spaces; then the nearest voxel of the
same mask in MNI space; then MNI152 to MNI305; then the nearest vertex of that hemisphere. That is approximate, within
several mm, and the subject says so. Never runs code from the files.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from core.checks import refusal
from core.containers import inflate, reading
from core.encoders.importers.estimators import build_estimator
from core.encoders.importers.readout import Readout, check_readout
from core.encoders.importers.voxel_tables import make_table
from core.errors import WeightsError
from core.pickled_values import Inert
from core.surfaces.mapping import middle_of_sheet, scanner_points
from core.surfaces.store import load_surface
from core.types import IntArray
from core.unpickle import read_pickle

KIND = "img2fmri"
OTHER = "Give the wheel img2fmri-1.0 of PyPI, or the folder of the installed package."
ROIS = ("EarlyVis", "OPA", "LOC", "RSC", "PPA")
SUBJECTS = ("CSI1", "CSI2", "CSI3")
NETWORK, LAYER = "resnet18", "avgpool"
SOURCE = "Bennett & Baldassano, img2fmri 1.0 (github.com/dpmlab/img2fmri), fitted to BOLD5000 (Chang et al. 2019)"
NOTE = (
    "Voxels are placed on fsaverage5 approximately, within several mm: one affine from ten ROI centres, then the "
    "nearest vertex. Responses are in the unit of BOLD5000's betas as img2fmri was fitted to them."
)
MNI305_TO_MNI152 = np.array(
    [[0.9975, -0.0073, 0.0176, -0.0429], [0.0146, 1.0009, -0.0024, 1.5496], [-0.0130, -0.0093, 0.9971, 1.1840]]
)
"""FreeSurfer's affine between the two template spaces (Wu et al. 2018, doi:10.1002/hbm.24213, after FreeSurfer)."""

Points = npt.NDArray[np.float64]


def _read(package: Path, member: str) -> bytes:
    """One file of the package, in its wheel or in its folder. Raises WeightsError if it is missing or damaged."""
    with reading(package, f"package with {member}", error=WeightsError, advice=OTHER):
        if package.is_dir():
            return (package / member).read_bytes()
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(f"img2fmri/{member}")


def _read_mask(package: Path, member: str) -> Points:
    """Centres (n, 3), in mm, of the voxels inside a mask, in the order numpy selects them."""
    from nibabel.nifti1 import Nifti1Image

    content = _read(package, member)
    with reading(member, "NIfTI mask", error=WeightsError, advice=OTHER):
        image = Nifti1Image.from_bytes(inflate(content))
        inside = np.argwhere(np.asanyarray(image.dataobj) > 0)
    return scanner_points(inside, np.asarray(image.affine))


def is_img2fmri(path: Path) -> bool:
    """Whether a path is the package's wheel or folder, by name and content."""
    if path.is_dir():
        return (path / "models" / "subj1_PPA_model.pkl").is_file()
    return path.suffix == ".whl" and path.name.startswith("img2fmri")


def read_img2fmri(path: Path, subject: str = "CSI1") -> Readout:
    """The encoder of one subject.

    `path`: the wheel, or the folder `img2fmri` of the installed package. `subject`: CSI1, CSI2 or CSI3.

    Raises BadInputError if there is no such subject; WeightsError if a file is missing or truncated, holds code, or
    does not fit the masks.
    """
    if subject not in SUBJECTS:
        raise refusal("member", allowed=f"one of {', '.join(SUBJECTS)}", got=subject)
    number = SUBJECTS.index(subject) + 1
    models = [_read_model(path, number, roi) for roi in ROIS]
    # Voxels (left, right) of every ROI of every subject, in the order of `ROIS`.
    content = _read(path, "derivatives/shape_array.npy")
    with reading("shape_array.npy", "array", error=WeightsError, advice=OTHER):
        sizes = np.load(io.BytesIO(content), allow_pickle=False)[number - 1]
    for roi, model, size in zip(ROIS, models, sizes, strict=True):
        if model.n_voxels != sum(size):
            raise WeightsError(f"{path.name}: the model of {roi} has {model.n_voxels} voxels, its masks {sum(size)}.")
    roi_names, side, vertex = _place(path, number)
    readout = Readout(
        kind=KIND,
        steps=(),
        weights=np.concatenate([model.weights for model in models], axis=1),
        intercept=np.concatenate([model.intercept for model in models]),
        title=f"img2fmri 1.0, {subject}",
        source=SOURCE,
        licence="MIT",
        note=NOTE,
        network=NETWORK,
        layer=LAYER,
        pool=0,
        voxels=make_table(len(vertex), roi=roi_names, vertex=vertex, hemisphere=side),
        scores={"alpha": np.concatenate([model.scores["alpha"] for model in models])},
    )
    return check_readout(readout, path.name)


def _read_model(package: Path, number: int, roi: str) -> Readout:
    member = f"models/subj{number}_{roi}_model.pkl"
    estimator = read_pickle(_read(package, member), allowed=("sklearn.*",), name=member)
    if not isinstance(estimator, Inert):
        raise WeightsError(f"{member} holds no estimator. Give the wheel img2fmri-1.0 of PyPI.")
    return build_estimator(estimator, member)


def _place(package: Path, number: int) -> tuple[tuple[str, ...], IntArray, IntArray]:
    """ROI, side and vertex of every voxel, ROI by ROI and left before right, as the models order them."""
    name = f"derivatives/bool_masks/derivatives_spm_sub-CSI{number}_sub-CSI{number}_mask-"
    keys = [(roi, side) for roi in ROIS for side in (0, 1)]
    own = [_read_mask(package, f"{name}{'LR'[side]}H{roi}.nii.gz") for roi, side in keys]
    mni = [
        _read_mask(package, f"derivatives/mni_bool_masks/sub{number}_{'LR'[side]}H{roi}_MNI.nii.gz")
        for roi, side in keys
    ]
    affine = fit_affine(*(np.stack([points.mean(axis=0) for points in masks]) for masks in (own, mni)))
    surface = load_surface("fsaverage5")
    sheets = [cKDTree(middle_of_sheet(surface, side)) for side in (0, 1)]
    vertices = [
        _nearest_vertex(points @ affine[:3] + affine[3], mask, sheets[side])
        for (_, side), points, mask in zip(keys, own, mni, strict=True)
    ]
    counts = [len(points) for points in own]
    names = tuple(roi for (roi, _), count in zip(keys, counts, strict=True) for _ in range(count))
    return names, np.repeat([side for _, side in keys], counts), np.concatenate(vertices)


def fit_affine(points: Points, targets: Points) -> Points:
    """The affine (4, 3) that brings points (n, 3) nearest to targets (n, 3): [points, 1] @ affine, least squares."""
    padded = np.column_stack([points, np.ones(len(points))])
    return np.asarray(np.linalg.lstsq(padded, targets, rcond=None)[0])


def _nearest_vertex(points: Points, mask: Points, sheet: cKDTree) -> IntArray:
    snapped = mask[np.asarray(cKDTree(mask).query(points)[1])]
    template = (snapped - MNI305_TO_MNI152[:, 3]) @ np.linalg.inv(MNI305_TO_MNI152[:, :3]).T
    return np.asarray(sheet.query(template)[1], dtype=np.int64)
