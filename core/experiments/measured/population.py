"""How far a measured population moved towards a wished pattern, and across it (Gaziv, DiCarlo & others 2025).

    along = (d . u) / s,   orthogonal = |d - (d . u) u| / s,   d the displacement of the voxels, u the wished direction

s is the SD of u . m over the natural images. Noise counts as displacement across, so its square is taken between halves
of the repeats, where it averages to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.errors import ProbeError
from core.experiments.measured.bootstrap import interval_t, mean_repeats, number_names, resample_rows
from core.experiments.measured.compare_config import CompareConfig
from core.experiments.measured.measured import Measured
from core.experiments.measured.planned import MeasuredPlan, PlannedProbe
from core.probes.files import HEADER_ENDING, load_probe
from core.probes.target import Target, TargetKind
from core.seeds import make_stream
from core.statistics import Interval
from core.types import IntArray

Floats = npt.NDArray[np.float64]
Moved = tuple[Floats, Floats, IntArray]


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
    found, notes = [], []
    for (network, target), probes in groups.items():
        moved = _displace(measured, target, probes)
        if moved is None:
            notes.append(
                f"Displacement on {target.label} is unknown: it takes a measured column for each of its voxels, every "
                "stimulus at least twice, and 3 originals."
            )
        else:
            found.append(_score(measured.plan, network, target, probes=probes, moved=moved, config=config))
    return tuple(found), tuple(notes)


def split_displacement(first: Floats, second: Floats, direction: Floats) -> tuple[Floats, Floats]:
    """Displacement along a direction of length 1, and the square of that across it, (n_probes,) each.

    `first`, `second` (n_probes, n_voxels): the displacements in both halves of the repeats. `direction` (n_voxels,).
    """
    along = np.stack([first @ direction, second @ direction])
    across = (first * second).sum(axis=1) - along[0] * along[1]
    return along.mean(axis=0), across


def _displace(measured: Measured, target: Target, probes: Sequence[PlannedProbe]) -> Moved | None:
    """Along, across squared (n_probes,) of what was measured in both halves, in SDs, and which probes these are."""
    if target not in measured.voxels:
        return None
    voxels = measured.voxels[target]
    halves = np.stack([[mean_repeats(voxel[:, start::2]) for voxel in voxels] for start in (0, 1)])
    places = [[measured.picture_of[one.id] for one in (probe.perturbed, probe.original)] for probe in probes]
    perturbed, original = np.asarray(places).T
    direction = np.asarray(target.weights) / np.linalg.norm(target.weights)
    natural = direction @ halves.mean(axis=0)[:, sorted(set(original))]
    natural = natural[np.isfinite(natural)]
    first, second = (half[:, perturbed].T - half[:, original].T for half in halves)
    known = np.isfinite(first + second).all(axis=1)
    if len(natural) < 3 or natural.std() == 0 or not known.any():
        return None
    along, across = split_displacement(first[known], second[known], direction)
    sd = natural.std(ddof=1)
    signs = np.asarray([1 if probe.perturbed.row.direction == "raise" else -1 for probe in probes])[known]
    return signs * along / sd, across / sd**2, np.flatnonzero(known)


def _score(
    plan: MeasuredPlan,
    network: str,
    target: Target,
    *,
    probes: Sequence[PlannedProbe],
    moved: Moved,
    config: CompareConfig,
) -> OnTarget:
    along, across, kept = moved
    used = [probes[int(place)] for place in kept]
    images = number_names([one.perturbed.row.source_image for one in used])
    n_images = int(images.max()) + 1

    def summarise(weights: Floats) -> Floats:
        counts = weights[:, images]
        total = counts.sum(axis=1)
        return np.stack([counts @ along / total, np.sqrt(np.maximum(counts @ across / total, 0))])

    stream = make_stream(config.seed, "population", n_images)
    rows = zip(*resample_rows(summarise, n_images, count=config.n_bootstrap, stream=stream), strict=True)
    moved_by, across_by = (
        interval_t(float(value), drawn, n_images, confidence=config.confidence) for value, drawn in rows
    )
    signs = [1 if one.perturbed.row.direction == "raise" else -1 for one in used]
    shifts = [sign * one.perturbed.shifts[network][1] for sign, one in zip(signs, used, strict=True)]
    return OnTarget(
        network=network,
        target=target.label,
        n_probes=len(used),
        n_images=n_images,
        n_voxels=len(target.voxels),
        along=moved_by,
        orthogonal=replace(across_by, low=max(across_by.low, 0.0) if np.isfinite(across_by.low) else np.nan),
        predicted_along=float(np.mean(shifts)),
        predicted_orthogonal=float(np.sqrt(np.mean([_predict_across(plan, one, target) ** 2 for one in used]))),
    )


def _predict_across(plan: MeasuredPlan, probe: PlannedProbe, target: Target) -> float:
    """Predicted displacement across, in SDs along, from the probe that lies in the set; NaN where it does not."""
    path = plan.folder / f"{probe.perturbed.row.pair_id}{HEADER_ENDING}"
    try:
        made = load_probe(path) if path.is_file() else None
    except ProbeError:
        made = None
    if made is None or not made.target_sd:
        return float("nan")
    shift = made.shift[list(target.voxels)].astype(np.float64)
    direction = np.asarray(target.weights) / np.linalg.norm(target.weights)
    return float(np.linalg.norm(shift - (shift @ direction) * direction) / made.target_sd)
