"""How far a probe of one target moves every ROI, as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.probes.probe import Probe, in_reference_sds
from core.types import FloatArray, VoxelTable

LEAST_OTHER_ROIS = 2
"""A spread over other ROIs needs at least two of them."""


@dataclass(frozen=True, slots=True)
class SpillRow:
    """One ROI, both hemispheres pooled.

    `shift`, `absolute_shift` and `control_shift` are means over the ROI's voxels in the response's unit; `shift_sd` and
    `control_shift_sd` are means of the voxels' shifts, each in SDs of its clean reference responses. A control that
    was not run is NaN. `is_target` marks the ROI that holds most of the target's positive weight.
    """

    roi: str
    n_voxels: int
    shift: float
    shift_sd: float
    absolute_shift: float
    control_shift: float
    control_shift_sd: float
    is_target: bool


@dataclass(frozen=True, slots=True)
class SpillOver:
    """The table and its one summary number.

    `selectivity` is z = (target ROI's mean shift in SDs - mean over the other ROIs) / SD over the other ROIs, signed
    as the shift is. NaN without a target ROI, with fewer than two others, or where the others do not differ.
    """

    rows: tuple[SpillRow, ...]
    selectivity: float

    @property
    def target_roi(self) -> str | None:
        """Name of the target's ROI, None where the target lies in none."""
        return next((row.roi for row in self.rows if row.is_target), None)


class RoiPool:
    """Means over the ROIs of a voxel table, both hemispheres pooled; made once a subject, cheap to ask.

    Voxels outside every ROI belong to no row.
    """

    def __init__(self, table: VoxelTable) -> None:
        self.names = table.roi_names
        codes = np.full(table.n_voxels, -1)
        for code, name in enumerate(self.names):
            codes[table.voxels_in(name)] = code
        self._inside = codes >= 0
        self._codes = codes[self._inside]
        self.n_voxels = np.bincount(self._codes, minlength=len(self.names))

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum of (n_voxels,) values over each ROI, (n_rois,)."""
        weights = np.asarray(values, dtype=np.float64)[self._inside]
        return np.bincount(self._codes, weights=weights, minlength=len(self.names)).astype(np.float64)

    def means(self, values: FloatArray) -> FloatArray:
        """Mean of (n_voxels,) values over each ROI, (n_rois,)."""
        return self.sums(values) / np.maximum(self.n_voxels, 1)

    def roi_with_most(self, weights: FloatArray) -> str | None:
        """The ROI that holds the largest summed |weight|; None where all weight lies outside."""
        held = self.sums(np.abs(weights))
        return self.names[int(np.argmax(held))] if held.size and held.max() > 0 else None


def tabulate_probe(probe: Probe, table: VoxelTable) -> dict[str, SpillOver]:
    """The spill-over table of a finished probe in each of its encoders, by their names, its own first."""
    pool, made = RoiPool(table), (probe, probe.second)
    return {
        name: tabulate_shift(
            one.perturbed - one.clean,
            pool,
            control=one.control - one.clean,
            reference_sd=one.reference_sd,
            target=probe.target_vector,
        )
        for name, one in zip(probe.config.encoder_names, made, strict=False)
        if one is not None
    }


def tabulate_shift(
    shift: FloatArray, pool: RoiPool, *, reference_sd: FloatArray, target: FloatArray, control: FloatArray | None = None
) -> SpillOver:
    """The spill-over table of any shift of all voxels.

    Parameters
    ----------
    shift : (n_voxels,) float. Perturbed minus clean response, in the response's unit.
    pool : The ROIs of the same voxels.
    reference_sd : (n_voxels,) float. SD of each voxel's clean reference responses, same unit.
    target : (n_voxels,) float. The target's weights.
    control : (n_voxels,) float or None. The control's shift; None where it was not run.
    """
    silent = np.full(len(shift), np.nan) if control is None else control
    target_roi = pool.roi_with_most(np.maximum(target, 0.0)) or pool.roi_with_most(target)  # of A − B it is A
    in_sds, control_in_sds = in_reference_sds(shift, reference_sd), in_reference_sds(silent, reference_sd)
    means = [pool.means(values).tolist() for values in (shift, in_sds, np.abs(shift), silent, control_in_sds)]
    counts, is_target = pool.n_voxels.tolist(), [name == target_roi for name in pool.names]
    rows = tuple(map(SpillRow, pool.names, counts, *means, is_target))
    of_target = [row.shift_sd for row in rows if row.is_target]
    others = np.asarray([row.shift_sd for row in rows if not row.is_target])
    return SpillOver(rows, stand_out(of_target[0], others) if of_target else float("nan"))


def stand_out(value: float, others: FloatArray) -> float:
    """z = (value - mean of the others) / their SD (ddof 1); NaN where they are fewer than two or all alike."""
    if len(others) < LEAST_OTHER_ROIS or np.ptp(others) == 0:
        return float("nan")
    return float((value - others.mean()) / others.std(ddof=1))
