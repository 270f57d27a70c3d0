"""What an encoder card may hold beyond its held-out scores, as frozen records.

Intervals over images, scores on images unlike the training images, the scores of the other layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.types import MaybeNan

ALL_VOXELS = "(all)"
"""Names the median over all voxels in the curve over layers; the choice where a subject has no ROI."""
FloatVector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RoiInterval:
    """Bootstrap interval over images of the median r of an ROI's voxels: low to high at the card's confidence."""

    roi: str
    r_low: MaybeNan
    r_high: MaybeNan


@dataclass(frozen=True, slots=True)
class LayerScore:
    """One point of the curve over layers: the median cross-validated r of an ROI's voxels at a layer."""

    layer: str
    roi: str
    cv_r_median: MaybeNan


@dataclass(frozen=True, slots=True)
class BestLayer:
    """The layer chosen for an ROI, its median cross-validated r there, and the saved encoder."""

    roi: str
    layer: str
    cv_r_median: MaybeNan
    file: str


@dataclass(frozen=True, slots=True)
class LayerTable:
    """What a search over the layers of a network found for a subject: the best one by ROI, and the whole curve."""

    subject: str
    network: str
    best: tuple[BestLayer, ...]
    curve: tuple[LayerScore, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OutsideScore:
    """How well responses to images unlike the training images are predicted, beside images like them.

    Parameters
    ----------
    kind : str
        "category": the readout was fitted again without that category. "second-set": the encoder as it is, on the
        images of another record.
    name : str
        The category, or the other record's id.
    n_images, n_within : int
        Images outside, and the held-out images inside that they are compared with.
    rois : tuple of str
        Empty: `r` has one value a voxel. Else the ROIs whose mean responses were correlated, one value each.
    r, r_within : (n_voxels,) or (n_rois,)
        Pearson r on the outside images, and on held-out images of the training kind by the same fit.
    """

    kind: str
    name: str
    n_images: int
    n_within: int
    rois: tuple[str, ...]
    r: FloatVector
    r_within: FloatVector
