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
from core.experiments.measured.planned import PlannedProbe, Scale
from core.statistics import mean_over_known
from core.types import FloatArray


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
    measured: FloatArray
    error: FloatArray
    predicted: dict[str, FloatArray]
    noise: FloatArray
    counts: npt.NDArray[np.int64]
    resampled: FloatArray


def measure_shifts(measured: Measured, *, control: str, scale: Scale, count: int, seed: int) -> Shifts:
    """The shifts of every probe of the set.

    Parameters
    ----------
    control : Role of the control to compare with.
    scale : Unit of the predicted shifts.
    count : Resamples of the repeats.
    """
    probes = measured.plan.probes
    shown = [[probe.original, probe.perturbed, probe.controls.get(control)] for probe in probes]
    # A row of the repeats each; the last one, of a stimulus that the set lacks, is empty.
    places = np.asarray([[-1 if one is None else measured.picture_of[one.id] for one in row] for row in shown]).T
    means, resampled = np.full(places.shape, np.nan), np.full((count, *places.shape), np.nan)
    counts, noise = np.zeros(places.shape, dtype=np.int64), np.full(len(probes), np.nan)
    for number, (target, measurement) in enumerate(measured.repeats.items()):
        own = np.asarray([probe.perturbed.target == target for probe in probes])
        repeats = np.vstack([measurement, np.full_like(measurement[:1], np.nan)])
        mean, n_repeats = mean_over_known(repeats, axis=1), np.isfinite(repeats).sum(axis=1)
        means[:, own], counts[:, own], noise[own] = mean[places[:, own]], n_repeats[places[:, own]], noise_sd(repeats)
        if not (residuals := pool_residuals(repeats)).size:
            resampled = resampled[:0]
        if len(resampled):  # each picture once, so that probes that share an original share its noise too
            pictures = np.unique(places[:, own])
            pictures = pictures[n_repeats[pictures] > 0]
            drawn, table = np.stack([mean, n_repeats], axis=1)[pictures], np.full((count, len(repeats)), np.nan)
            table[:, pictures] = resample_means(drawn, residuals, count=count, seed=seed, what=str(number))
            resampled[:, :, own] = table[:, places[:, own]]
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
        resampled=_subtract(resampled),
    )


def _subtract(means: FloatArray) -> FloatArray:
    """Shift, control and contrast of means (..., 3, n_probes) of original, perturbed and control."""
    original, perturbed, control = means[..., 0, :], means[..., 1, :], means[..., 2, :]
    return np.stack([perturbed - original, control - original, perturbed - control], axis=-2)


def _predict(probes: Sequence[PlannedProbe], network: str, *, control: str, scale: Scale) -> FloatArray:
    nothing, place = (np.nan, np.nan), 0 if scale is Scale.UNIT else 1
    shown = [(probe.perturbed, probe.controls.get(control)) for probe in probes]
    moved = [[nothing if one is None else one.shifts.get(network, nothing) for one in pair] for pair in shown]
    perturbed, other = np.asarray(moved)[:, :, place].T
    return _subtract(np.stack([np.zeros(len(probes)), perturbed, other]))
