"""What an encoder card may hold beyond its held-out scores, as frozen records, and their place in a file.

Intervals over images, scores on images unlike the training images, the scores of the other layers. Never computes them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatVector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RoiInterval:
    """Bootstrap interval over images of the median r of an ROI's voxels: low to high at the card's confidence."""

    roi: str
    r_low: float
    r_high: float


@dataclass(frozen=True, slots=True)
class LayerScore:
    """One point of the curve over layers: the median cross-validated r of an ROI's voxels at a layer."""

    layer: str
    roi: str
    cv_r_median: float


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


OPTIONAL_VECTORS = ("r_low", "r_high", "nested_r", "sparsity")
"""Arrays (n_voxels,) a card may lack."""


def pack_extra_arrays(card: Any) -> dict[str, FloatVector]:
    """The optional arrays of a card by the names they have in a file."""
    arrays = {name: getattr(card, name) for name in OPTIONAL_VECTORS if getattr(card, name) is not None}
    for number, outside in enumerate(card.outside):
        arrays |= {f"outside.{number}.r": outside.r, f"outside.{number}.r_within": outside.r_within}
    return arrays


def describe_extra(card: Any) -> dict[str, Any]:
    """The optional header entries of a card; those at their defaults are left out."""
    entries: dict[str, Any] = {}
    if card.scored_on != "held-out":
        entries["scored_on"] = card.scored_on
    if card.n_bootstrap:
        entries |= {"n_bootstrap": card.n_bootstrap, "confidence": card.confidence}
    for name in ("roi_intervals", "layer_curve"):
        if rows := getattr(card, name):
            entries[name] = [dataclasses.asdict(row) for row in rows]
    if card.outside:
        names = ("kind", "name", "n_images", "n_within", "rois")
        entries["outside"] = [{name: getattr(one, name) for name in names} for one in card.outside]
    return entries


def read_extra(header: Mapping[str, Any], arrays: Mapping[str, FloatVector]) -> dict[str, Any]:
    """The keyword arguments of a card from a header and arrays. Raises KeyError or TypeError for a damaged file."""
    found: dict[str, Any] = {name: arrays[name] for name in OPTIONAL_VECTORS if name in arrays}
    found |= {name: header[name] for name in ("scored_on", "n_bootstrap", "confidence") if name in header}
    found["roi_intervals"] = tuple(RoiInterval(**row) for row in header.get("roi_intervals", ()))
    found["layer_curve"] = tuple(LayerScore(**row) for row in header.get("layer_curve", ()))
    found["outside"] = tuple(
        OutsideScore(
            **(row | {"rois": tuple(row["rois"])}),
            r=arrays[f"outside.{number}.r"],
            r_within=arrays[f"outside.{number}.r_within"],
        )
        for number, row in enumerate(header.get("outside", ()))
    )
    return found
