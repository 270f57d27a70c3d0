"""What a probe moves: a voxel, an ROI mean, a set, a contrast, any weighting or a pattern. Never unpickles a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from core.checks import check_choice, check_positive, refusal
from core.containers import reading
from core.errors import BadInputError
from core.types import FloatArray, IntArray, VoxelTable, split_side
from core.words import count

CONTRAST_SIGN = " − "
"""Between the raised and the subtracted part in a contrast's label."""


class TargetKind(StrEnum):
    """What the user picked."""

    VOXEL = "voxel"
    ROI = "roi"
    SET = "set"
    WEIGHTS = "weights"
    CONTRAST = "contrast"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True)
class Target:
    """A weighting c of voxels; a probe raises or lowers c . f(x). A pattern t is approached instead.

    Parameters
    ----------
    label : How the interface names it: "voxel 812 (left V1)", "ROI FFA (214 voxels)".
    voxels : Indices of the voxels with a weight.
    weights : Their weights, same length; they sum to 1 for voxels, ROIs and sets. Of a pattern the wanted responses.
    roi : The ROI it is, or that its voxel lies in; "" for all others, and for a voxel in none.
    name : Its label without counts and places: "FFA", "voxel 812", "FFA − 0.5 × PPA".
    """

    kind: TargetKind
    label: str
    voxels: tuple[int, ...]
    weights: tuple[float, ...]
    roi: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            roi, name = _read_label(self.kind, self.label)
            object.__setattr__(self, "roi", self.roi or roi)
            object.__setattr__(self, "name", name)
        if not self.voxels or len(self.voxels) != len(self.weights):
            allowed = "at least one voxel with one weight each"
            raise refusal("target", allowed=allowed, got=(len(self.voxels), len(self.weights)))
        if not np.isfinite(self.weights).all() or not np.any(self.weights):
            raise refusal("weights", allowed="finite and not all zero", got=self.label)

    def vector(self, n_voxels: int) -> FloatArray:
        """The target direction, (n_voxels,) float32: the weight of every voxel; of a pattern, with length 1."""
        direction: FloatArray = self.pattern(n_voxels).astype(np.float32)
        if self.kind is TargetKind.PATTERN:
            direction /= np.float32(np.linalg.norm(np.asarray(self.weights)))
        return direction

    def pattern(self, n_voxels: int) -> FloatArray:
        """The wanted responses, (n_voxels,) float64; 0 for voxels that are no part of the pattern."""
        wanted = np.zeros(n_voxels)
        wanted[list(self.voxels)] = self.weights
        return wanted


def target_voxel(table: VoxelTable, voxel: int) -> Target:
    """The response of one voxel. Raises BadInputError if there is no such voxel.

    Examples
    --------
    >>> from core.datasets.subject import load_subject
    >>> target_voxel(load_subject("simulated").voxels, 812).label
    'voxel 812 (left FFA)'
    """
    if not 0 <= voxel < table.n_voxels:
        allowed = f"a voxel from 0 to {table.n_voxels - 1}"
        raise refusal("voxel", allowed=allowed, got=voxel, advice="`list rois` shows the voxels of each ROI.")
    roi = str(table.roi[voxel])
    where = f"{table.side_of(voxel)} {roi}".strip()
    label = f"voxel {voxel} ({where})" if where else f"voxel {voxel}"
    return Target(TargetKind.VOXEL, label, (int(voxel),), (1.0,), roi, f"voxel {voxel}")


def resolve_roi(table: VoxelTable, roi: str) -> tuple[str, IntArray]:
    """Name and voxels, ascending, of an ROI or a set the user keeps, or of its part in one hemisphere ("left FFA").

    Raises BadInputError if there is no such ROI, or none of its voxels is known to lie in that hemisphere alone.
    """
    sets = dict(table.sets)
    known = (*table.roi_names, *sets)
    side, name = ("", roi) if roi in known else split_side(roi)
    check_choice("roi", name, known)
    voxels = np.asarray(sets[name]) if name in sets else table.voxels_in(name)
    if not side:
        return name, voxels
    here = voxels[table.sides[voxels] == side]
    if not len(here):
        found = " and ".join(sorted(set(table.sides[voxels]) - {""})) or "no known hemisphere"
        advice = f"The voxels of {name} lie in {found}. Name {name} for all of them."
        raise refusal("roi", allowed="an ROI with voxels in that hemisphere", got=roi, advice=advice)
    return f"{side} {name}", here


def list_rois(table: VoxelTable) -> tuple[str, ...]:
    """Every name `resolve_roi` takes: the ROIs, the user's sets, then those of two hemispheres by hemisphere."""
    known, sides = (*table.roi_names, *dict(table.sets)), table.sides
    lies = {roi: set(sides[resolve_roi(table, roi)[1]]) for roi in known}
    both = [roi for roi, found in lies.items() if {"left", "right"} <= found]
    return (*known, *(f"{side} {roi}" for roi in both for side in ("left", "right")))


def target_roi(table: VoxelTable, roi: str) -> Target:
    """The mean response of one ROI, or of its part in one hemisphere; see `resolve_roi`.

    Examples
    --------
    >>> from core.datasets.subject import load_subject
    >>> target_roi(load_subject("simulated").voxels, "FFA").label
    'ROI FFA (119 voxels)'
    """
    name, voxels = resolve_roi(table, roi)
    label = f"ROI {name} ({count(len(voxels), 'voxel')})"
    return replace(_mean_of(TargetKind.ROI, label, voxels.tolist()), roi=name, name=name)


def target_set(table: VoxelTable, voxels: Sequence[int]) -> Target:
    """The mean response of a drawn set of voxels, each counted once. Raises BadInputError if one does not exist."""
    chosen = sorted({int(voxel) for voxel in voxels})
    for voxel in chosen[:1] + chosen[-1:]:
        target_voxel(table, voxel)
    return _mean_of(TargetKind.SET, f"set of {len(chosen)} voxels", chosen)


def target_weights(table: VoxelTable, weights: FloatArray, *, label: str) -> Target:
    """Any weighting, (n_voxels,). Raises BadInputError if its length differs or it is not finite."""
    if weights.shape != (table.n_voxels,):
        raise refusal("weights", allowed=f"{table.n_voxels} numbers, one a voxel", got=weights.shape)
    if not np.any(weights):
        raise refusal("weights", allowed="not all zero", got=label)
    voxels = np.flatnonzero(weights)
    return Target(TargetKind.WEIGHTS, label, tuple(voxels.tolist()), tuple(weights[voxels].astype(float).tolist()))


def target_contrast(table: VoxelTable, raised: Target, roi: str, *, weight: float) -> Target:
    """What is raised less `weight` times the mean of another ROI: c = c_A - weight c_B.

    Raises BadInputError if there is no such ROI, the weight is not above 0, or the two cancel out.

    Examples
    --------
    >>> from core.datasets.subject import load_subject
    >>> table = load_subject("simulated").voxels
    >>> contrast = target_contrast(table, target_roi(table, "FFA"), "PPA", weight=0.5)
    >>> contrast.name, round(sum(contrast.weights), 6)
    ('FFA − 0.5 × PPA', 0.5)
    """
    other = target_roi(table, roi)
    check_positive("contrast weight", weight, advice="1 weighs both alike; leave the contrast out for none.")
    if raised.kind is TargetKind.PATTERN:
        advice = "Take the contrast into the pattern's own numbers."
        raise refusal("contrast", allowed="of a voxel, an ROI or weights", got="a pattern", advice=advice)
    weights = raised.vector(table.n_voxels).astype(np.float64) - weight * other.vector(table.n_voxels)
    if not np.any(weights):
        raise refusal("contrast", allowed="another ROI than the target", got=roi)
    label = f"{raised.label}{CONTRAST_SIGN}{weight:g} × {other.label}"
    name = f"{raised.name}{CONTRAST_SIGN}{weight:g} × {other.name}"
    voxels = np.flatnonzero(weights)
    return Target(TargetKind.CONTRAST, label, tuple(voxels.tolist()), tuple(weights[voxels].tolist()), name=name)


def target_pattern(table: VoxelTable, pattern: FloatArray, *, label: str) -> Target:
    """Wanted responses, (n_voxels,) in the response's unit; NaN for voxels that do not matter.

    Raises BadInputError if the length differs, or the numbers are infinite, all NaN or all 0.

    Examples
    --------
    >>> from core.datasets.subject import load_subject
    >>> table = load_subject("simulated").voxels
    >>> pattern = np.full(table.n_voxels, np.nan)
    >>> pattern[[2, 5]] = 1.0, -0.5
    >>> target_pattern(table, pattern, label="two voxels").weights
    (1.0, -0.5)
    """
    if pattern.shape != (table.n_voxels,):
        allowed = f"{table.n_voxels} numbers, one a voxel (nan where it does not matter)"
        raise refusal("pattern", allowed=allowed, got=pattern.shape)
    voxels = np.flatnonzero(~np.isnan(pattern))
    wanted = pattern[voxels].astype(float)
    if not np.isfinite(wanted).all() or not np.any(wanted):
        raise refusal("pattern", allowed="finite and not all zero", got=label)
    return Target(TargetKind.PATTERN, label, tuple(voxels.tolist()), tuple(wanted.tolist()))


def _mean_of(kind: TargetKind, label: str, voxels: list[int]) -> Target:
    share = 1.0 / len(voxels) if voxels else 0.0
    return Target(kind, label, tuple(voxels), (share,) * len(voxels))


def _read_label(kind: TargetKind, label: str) -> tuple[str, str]:
    """ROI and name of a target whose file, of version 0.3 or older, holds neither: its label was made of them."""
    parts = [part.split(" (")[0].removeprefix("ROI ").replace("× ROI ", "× ") for part in label.split(CONTRAST_SIGN)]
    place = label.partition(" (")[2].removesuffix(")").partition(" ")[2]
    roi = {TargetKind.ROI: parts[0], TargetKind.VOXEL: place}.get(kind, "")
    return roi, CONTRAST_SIGN.join(parts)


def read_numbers(name: str, path: Path) -> FloatArray:
    """The numbers of a .npy file or of a text file, float32. Raises BadInputError about `name` for any other."""
    try:
        with reading(path, "such file", advice="Check the path."):
            loaded = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, delimiter=None)
            return np.asarray(loaded, dtype=np.float32)
    except BadInputError as error:
        allowed = "a .npy file or a text file with one number a line"
        raise refusal(name, allowed=allowed, got=str(path), advice=str(error)) from error
