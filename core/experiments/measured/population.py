"""How far a measured population moved towards a wished pattern, and across it (Gaziv, DiCarlo & others 2025).

    along = (d . u) / s,   orthogonal = |d - (d . u) u| / s,   d the displacement of the voxels, u the wished direction

s is the SD of u . m over the natural images. Noise counts as displacement across, so its square is taken between halves
of the repeats, where it averages to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import ProbeError
from core.experiments.measured.bootstrap import LEAST_ITEMS, bootstrap_rows, known_spread, number_names
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.experiments.measured.planned import MeasuredPlan, PlannedProbe
from core.probes.files import HEADER_ENDING, load_probe
from core.probes.target import Target, TargetKind
from core.statistics import Interval, mean_over_known
from core.types import FloatArray


@dataclass(frozen=True, slots=True)
class OnTarget:
    """The population of one pattern target, probes of one encoder: mean displacements, in SDs along the direction.

    Predicted ones are means too; `predicted_orthogonal` is NaN unless the set holds its probes (NAME.json).
    """

    network: str
    target: str
    n_probes: int
    n_images: int
    n_voxels: int
    along: Interval
    orthogonal: Interval
    predicted_along: float
    predicted_orthogonal: float


def score_population(measured: Measured, config: CompareConfig) -> tuple[tuple[OnTarget, ...], tuple[str, ...]]:
    """The displacement of every pattern target whose voxels were measured, and a sentence on each that has none."""
    groups: dict[tuple[str, Target], list[PlannedProbe]] = {}
    for probe in measured.plan.probes:
        if probe.perturbed.target.kind is TargetKind.PATTERN:
            groups.setdefault((probe.perturbed.network, probe.perturbed.target), []).append(probe)
    found = {key: _score(measured, *key, probes, config) for key, probes in groups.items()}
    notes = [
        f"Displacement on {target.label} is unknown: it takes a measured column for each of its voxels, every stimulus "
        "at least twice, and 3 originals that differ."
        for (_, target), one in found.items()
        if one is None
    ]
    return tuple(one for one in found.values() if one is not None), tuple(notes)


def split_displacement(first: FloatArray, second: FloatArray, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Displacement along a direction of length 1, and the square of that across it, (n_probes,) each.

    `first`, `second` (n_probes, n_voxels): the displacements in both halves of the repeats. `direction` (n_voxels,).
    """
    along = np.stack([first @ direction, second @ direction])
    across = (first * second).sum(axis=1) - along[0] * along[1]
    return along.mean(axis=0), across


def _score(
    measured: Measured, network: str, target: Target, probes: Sequence[PlannedProbe], config: CompareConfig
) -> OnTarget | None:
    """Of the probes measured in both halves; None where there is none, or the natural images have no spread."""
    voxels = measured.voxels.get(target, ())
    halves = [np.asarray([mean_over_known(voxel[:, start::2], axis=1) for voxel in voxels]) for start in (0, 1)]
    if not voxels:
        return None
    pairs = np.asarray([[measured.picture_of[one.id] for one in (probe.perturbed, probe.original)] for probe in probes])
    first, second = (half[:, pairs[:, 0]].T - half[:, pairs[:, 1]].T for half in halves)
    direction = np.asarray(target.weights) / np.linalg.norm(target.weights)
    natural = direction @ np.mean(halves, axis=0)[:, np.unique(pairs[:, 1])]
    natural = natural[np.isfinite(natural)]
    known = np.isfinite(first + second).all(axis=1)
    if len(natural) < LEAST_ITEMS or not known_spread(natural.var(keepdims=True), natural)[0] > 0 or not known.any():
        return None
    used = [probe for probe, keep in zip(probes, known, strict=True) if keep]
    signs = np.asarray([1 if probe.perturbed.row.direction == "raise" else -1 for probe in used])
    along, across = split_displacement(first[known], second[known], direction)
    images, sd = number_names([one.perturbed.row.source_image for one in used]), natural.std(ddof=1)

    def summarise(weights: FloatArray) -> FloatArray:
        moved = np.stack([signs * along / sd, across / sd**2])
        return np.asarray(moved @ (weights / weights.sum(axis=1, keepdims=True)).T)

    n_images = int(images.max()) + 1
    moved, squared = bootstrap_rows(summarise, images, config, key=("population", n_images))
    return OnTarget(
        network=network,
        target=target.label,
        n_probes=len(used),
        n_images=n_images,
        n_voxels=len(target.voxels),
        along=moved,
        orthogonal=Interval(*np.sqrt(np.maximum([squared.value, squared.low, squared.high], 0)).tolist()),
        predicted_along=float(np.mean(signs * [one.perturbed.shifts[network][1] for one in used])),
        predicted_orthogonal=float(np.sqrt(np.mean([_across(measured.plan, one, direction) ** 2 for one in used]))),
    )


def _across(plan: MeasuredPlan, probe: PlannedProbe, direction: FloatArray) -> float:
    """Predicted displacement across, in SDs along, from the probe that lies in the set; NaN where it does not."""
    path = plan.folder / f"{probe.perturbed.row.pair_id}{HEADER_ENDING}"
    try:
        made = load_probe(path) if path.is_file() else None
    except ProbeError:
        made = None
    if made is None or not made.target_sd:
        return float("nan")
    shift = made.shift[list(probe.perturbed.target.voxels)].astype(np.float64)
    return float(np.linalg.norm(shift - (shift @ direction) * direction) / made.target_sd)
