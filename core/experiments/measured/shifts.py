"""Measured and predicted shifts of every probe, side by side, with the noise of the repeats. No test, no interval.

shift     perturbed minus its own original
control   control of equal realised norm minus the same original
contrast  perturbed minus control
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.experiments.measured.bootstrap import noise_sd, pool_residuals, resample_means
from core.experiments.measured.measured import Measured
from core.experiments.measured.planned import PlannedProbe, PlannedStimulus, Scale
from core.probes.target import Target

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """Every probe's shifts.

    Parameters
    ----------
    probes : tuple of PlannedProbe, n_probes long
    control : Role of the control; "" if there is none.
    measured : (3, n_probes). In the measured unit; NaN where a stimulus was not measured.
    error : (3, n_probes). Their standard errors from the repeats; NaN without repeats.
    predicted : dict of str to (3, n_probes). By network; NaN where it made no prediction.
    noise : (n_probes,). SD of one measured response of the probe's target, from repeats.
    counts : (3, n_probes) int. Repeats of original, perturbed, control.
    resampled : (n_resamples, 3, n_probes)
        The measured shifts as other repeats might have given them; no rows without repeats.
    """

    probes: tuple[PlannedProbe, ...]
    control: str
    measured: Floats
    error: Floats
    predicted: dict[str, Floats]
    noise: Floats
    counts: npt.NDArray[np.int64]
    resampled: Floats


def measure_shifts(measured: Measured, *, control: str, scale: Scale, count: int, seed: int) -> Shifts:
    """The shifts of every probe of the set.

    Parameters
    ----------
    control : Role of the control to compare with.
    scale : Unit of the predicted shifts.
    count : Resamples of the repeats.
    """
    probes = measured.plan.probes
    means = np.full((3, len(probes)), np.nan)
    counts = np.zeros((3, len(probes)), dtype=np.int64)
    for number, probe in enumerate(probes):
        for part, stimulus in enumerate(_parts(probe, control)):
            if stimulus is not None:
                values = measured.repeats[probe.perturbed.target][measured.picture_of[stimulus.id]]
                known = values[np.isfinite(values)]
                counts[part, number] = known.size
                means[part, number] = known.mean() if known.size else np.nan
    noise_of = {target: noise_sd(repeats) for target, repeats in measured.repeats.items()}
    noise = np.asarray([noise_of[probe.perturbed.target] for probe in probes])
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(counts > 0, noise**2 / counts, np.nan)
    return Shifts(
        probes=probes,
        control=control,
        measured=_subtract(means),
        error=np.sqrt(np.stack([variance[1] + variance[0], variance[2] + variance[0], variance[1] + variance[2]])),
        predicted={name: _predict(probes, name, control=control, scale=scale) for name in measured.plan.networks},
        noise=noise,
        counts=counts,
        resampled=_resample(measured, probes, control=control, count=count, seed=seed),
    )


def _parts(probe: PlannedProbe, control: str) -> tuple[PlannedStimulus, PlannedStimulus, PlannedStimulus | None]:
    return probe.original, probe.perturbed, probe.controls.get(control)


def _subtract(means: Floats) -> Floats:
    """Shift, control and contrast of means (..., 3, n_probes) of original, perturbed and control."""
    original, perturbed, control = means[..., 0, :], means[..., 1, :], means[..., 2, :]
    return np.stack([perturbed - original, control - original, perturbed - control], axis=-2)


def _predict(probes: Sequence[PlannedProbe], network: str, *, control: str, scale: Scale) -> Floats:
    place = 0 if scale is Scale.UNIT else 1
    nothing = (np.nan, np.nan)
    values = np.zeros((3, len(probes)))
    for number, probe in enumerate(probes):
        other = probe.controls.get(control)
        values[1, number] = probe.perturbed.shifts.get(network, nothing)[place]
        values[2, number] = nothing[0] if other is None else other.shifts.get(network, nothing)[place]
    return _subtract(values)


def _resample(measured: Measured, probes: Sequence[PlannedProbe], *, control: str, count: int, seed: int) -> Floats:
    """Every mean is drawn once a resample, so that probes that share an original share its noise too."""
    keys = [
        [
            None if one is None else (probe.perturbed.target, measured.picture_of[one.id])
            for one in _parts(probe, control)
        ]
        for probe in probes
    ]
    drawn: dict[tuple[Target, int], Floats] = {}
    for place, (target, repeats) in enumerate(measured.repeats.items()):
        residuals = pool_residuals(repeats)
        if not residuals.size:
            return np.empty((0, 3, len(probes)))
        counts = np.isfinite(repeats).sum(axis=1)
        needed = sorted({key[1] for row in keys for key in row if key is not None and key[0] == target})
        pictures = np.asarray([picture for picture in needed if counts[picture]], dtype=np.int64)
        means = np.stack([np.nanmean(repeats[pictures], axis=1), counts[pictures]], axis=1)
        values = resample_means(means, residuals, count=count, seed=seed, what=str(place))
        drawn |= {(target, int(picture)): values[:, number] for number, picture in enumerate(pictures)}
    unknown = np.full(count, np.nan)
    stacked = np.full((count, 3, len(probes)), np.nan)
    for number, row in enumerate(keys):
        for part, key in enumerate(row):
            stacked[:, part, number] = unknown if key is None else drawn.get(key, unknown)
    return _subtract(stacked)
