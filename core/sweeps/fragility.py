"""Fragility: how far predicted responses swing under small perturbations, against how well they predict. Pure numbers.

S_v(epsilon) = |f_v(x + delta*) - f_v(x)| / sigma_v, interpolated linearly between budgets, and between 0 and the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.networks.catalog import find_network
from core.sweeps.gather import ALL, Sweep, group_targets
from core.sweeps.plan import N_PATH
from core.sweeps.predictivity import Predictivity, interval_of_r, measure_predictivity
from core.sweeps.statistics import (
    Interval,
    correlate_pairs,
    count_draws,
    draw_resamples,
    interval_of_mean,
    interval_of_rows,
    mean_over_known,
)
from core.types import BoolArray, FloatArray

ONE_SD = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class EncoderFragility:
    """One encoder's fragility and predictivity, over a set of targets.

    `sensitivity` and `control` hold an interval a budget (SD); `area` is the integral of S over log10 epsilon (SD
    decades); `epsilon_1sd` the median over images and targets (infinite where fewer than half get there), `share_1sd`
    the share that gets there within the epsilon grid; `r` and `r2_ceiling` are means over targets.
    """

    label: str
    roi: str
    n_targets: int
    sensitivity: tuple[Interval, ...]
    control: tuple[Interval, ...]
    area: Interval
    epsilon_1sd: float
    share_1sd: float
    r: Interval
    r2_ceiling: float


@dataclass(frozen=True, slots=True)
class FragilityParts:
    """The shift taken apart at the highest budget, means over images and targets of one encoder.

    shift = (`feature_change` ||phi||) `weight_size` `alignment`, in SDs `sensitivity`; `linearity` has an interval a
    budget, `control_linearity` the same mean of a random control; `curvature` is in degrees, and `angles` the same at
    every inner point of the straight path to the highest budget, at the budgets `path`.
    """

    label: str
    feature_change: float
    weight_size_sd: float
    alignment: float
    sensitivity: float
    linearity: tuple[Interval, ...]
    control_linearity: tuple[float, ...]
    curvature: Interval
    path: tuple[float, ...]
    angles: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fragility:
    """The answer to the first question.

    Parameters
    ----------
    rows : Of every encoder, over all targets (ROI "all") and by ROI.
    norm_agreement : Pearson r of the sensitivities under the two norms (mean over images, highest budget): over the
        targets of each encoder, and last over all encoders and targets; empty under one norm.
    predictivity_correlation : Over encoders, Pearson r of mean sensitivity (highest budget) and mean predictivity; NaN
        below three encoders.
    roi_of : tuple of str, n_targets long
    """

    rows: tuple[EncoderFragility, ...]
    parts: tuple[FragilityParts, ...]
    norm_agreement: tuple[Interval, ...]
    predictivity_correlation: float
    n_test: tuple[int, ...]
    roi_of: tuple[str, ...]

    @property
    def overall(self) -> tuple[EncoderFragility, ...]:
        """The rows over all targets."""
        return tuple(row for row in self.rows if row.roi == ALL)


def area_under(sensitivity: FloatArray, epsilons: FloatArray) -> FloatArray:
    """Trapezoid integral of S (..., n_budgets) over log10 epsilon, in SD decades.

    Examples
    --------
    >>> float(area_under(np.array([2.0, 2.0]), epsilons=np.array([1.0, 10.0])))  # 2 SD over one decade
    2.0
    """
    return np.asarray(np.trapezoid(sensitivity, np.log10(epsilons), axis=-1))


def epsilon_at(sensitivity: FloatArray, epsilons: FloatArray, level: float = ONE_SD) -> FloatArray:
    """The smallest epsilon at which S (..., n_budgets) reaches `level`; infinite where the epsilon grid ends before.

    Examples
    --------
    >>> float(epsilon_at(np.array([0.5, 2.0]), epsilons=np.array([1.0, 4.0]), level=1.0))  # 1 + 3 x 0.5 / 1.5
    2.0
    """
    budgets = np.concatenate([[0.0], np.asarray(epsilons, dtype=np.float64)])
    curve = np.concatenate([np.zeros((*sensitivity.shape[:-1], 1)), sensitivity], axis=-1)
    reached = curve >= level
    upper = np.maximum(reached.argmax(axis=-1), 1)
    high = np.take_along_axis(curve, upper[..., np.newaxis], axis=-1)[..., 0]
    low = np.take_along_axis(curve, upper[..., np.newaxis] - 1, axis=-1)[..., 0]
    rise = np.where(high > low, high - low, 1.0)
    found = budgets[upper - 1] + (budgets[upper] - budgets[upper - 1]) * (level - low) / rise
    return np.where(reached.any(axis=-1), found, np.inf)


def measure_linearity(shift: FloatArray, dual_size: FloatArray, epsilons: FloatArray) -> FloatArray:
    """|shift| / (epsilon ||grad||_dual), (..., n_budgets), of shift (..., n_budgets) and dual_size (...)."""
    predicted = np.asarray(epsilons) * np.asarray(dual_size)[..., np.newaxis]
    return np.asarray(np.divide(np.abs(shift), predicted, out=np.full_like(predicted, np.nan), where=predicted > 0))


def analyse_fragility(sweep: Sweep, roi_of: tuple[str, ...]) -> Fragility:
    """Answer the question from a finished sweep.

    `roi_of` (tuple of str, n_targets long): the ROI of each target; "" for none.
    """
    predictivity = measure_predictivity(sweep)
    rows = [
        _summarise(sweep, predictivity, encoder, roi=roi, chosen=chosen)
        for roi, chosen in group_targets(roi_of).items()
        for encoder in range(len(sweep.labels))
    ]
    overall = [row for row in rows if row.roi == ALL]
    return Fragility(
        rows=tuple(rows),
        parts=tuple(_take_apart(sweep, encoder) for encoder in range(len(sweep.labels))),
        norm_agreement=agree_norms(sweep),
        predictivity_correlation=correlate_pairs(
            np.asarray([row.sensitivity[-1].value for row in overall]), np.asarray([row.r.value for row in overall])
        ),
        n_test=predictivity.n_test,
        roi_of=roi_of,
    )


def _summarise(
    sweep: Sweep, predictivity: Predictivity, encoder: int, *, roi: str, chosen: BoolArray
) -> EncoderFragility:
    confidence, epsilons = sweep.config.confidence, np.asarray(sweep.config.ladder)
    values = sweep.sensitivity()[encoder, chosen]
    controls = sweep.random_sensitivity()[encoder, chosen]
    reached = epsilon_at(values, epsilons)
    return EncoderFragility(
        label=sweep.labels[encoder],
        roi=roi,
        n_targets=int(chosen.sum()),
        sensitivity=_by_budget(values, confidence, least=0.0),
        control=_by_budget(controls, confidence, least=0.0),
        area=interval_of_mean(area_under(values, epsilons), confidence, least=0.0),
        epsilon_1sd=middle_of(reached),
        share_1sd=float(np.isfinite(reached).mean()),
        r=interval_of_r(predictivity.by_image[encoder][chosen], confidence),
        r2_ceiling=float(mean_over_known(predictivity.r2_ceiling[encoder, chosen], axis=0)),
    )


def middle_of(values: FloatArray) -> float:
    """The median of numbers some of which may be infinite: infinite where one of the two middle ones is."""
    ordered = np.sort(values, axis=None)
    low, high = ordered[(ordered.size - 1) // 2], ordered[ordered.size // 2]
    return float(low if low == high else (low + high) / 2)


def _by_budget(values: FloatArray, confidence: float, *, least: float = -np.inf) -> tuple[Interval, ...]:
    """The interval of the mean of values (n_targets, n_images, n_budgets) at every budget."""
    return tuple(interval_of_mean(one, confidence, least=least) for one in np.moveaxis(values, -1, 0))


def _take_apart(sweep: Sweep, encoder: int) -> FragilityParts:
    config, norm = sweep.config, 0
    side = find_network(config.encoders[encoder].network).input_size
    budgets = np.asarray(config.budgets(config.norms[norm], side))
    linear, random = (
        mean_over_known(
            measure_linearity(one[encoder, :, :, norm], sweep.dual_size[encoder, :, :, norm], budgets), axis=1
        )
        for one in (sweep.shift, sweep.control)
    )  # without directions: targets, images, budgets
    bend = sweep.curvature[encoder, :, :, norm].mean(axis=1)
    angles = mean_over_known(sweep.angles[encoder, :, :, norm], axis=(0, 1, 2))
    return FragilityParts(
        label=sweep.labels[encoder],
        feature_change=float(sweep.feature_change[encoder, :, :, norm, :, -1].mean()),
        weight_size_sd=float((sweep.weight_size[encoder, :, :, norm] / sweep.sd[encoder, :, :, norm]).mean()),
        alignment=float(np.abs(sweep.alignment[encoder, :, :, norm, :, -1]).mean()),
        sensitivity=float(sweep.sensitivity(norm)[encoder, :, :, -1].mean()),
        linearity=_by_budget(linear, config.confidence, least=0.0),
        control_linearity=tuple(mean_over_known(random, axis=(0, 1)).tolist()),
        curvature=interval_of_mean(bend, config.confidence, least=0.0),
        path=tuple(float(config.ladder[-1] * share) for share in np.linspace(0, 1, N_PATH)[1:-1]),
        angles=tuple(float(angle) for angle in angles),
    )


def agree_norms(sweep: Sweep) -> tuple[Interval, ...]:
    """r of the sensitivities under two norms over the targets of each encoder, last over all; empty under one norm."""
    config = sweep.config
    if len(config.norms) < 2:
        return ()
    n_images, n_targets = len(config.images), len(config.targets)
    values = np.stack([sweep.sensitivity(norm)[..., -1] for norm in (0, 1)])
    images, targets = draw_resamples(n_images, n_targets, count=config.n_bootstrap, seed=config.seed)
    spread = np.einsum("neti,bi->bnet", values, count_draws(images, n_images) / n_images)
    spread = np.take_along_axis(spread, targets[:, np.newaxis, np.newaxis, :], axis=3)
    rows, found = [values.mean(axis=3), *spread], []
    for chosen in (*([encoder] for encoder in range(len(sweep.labels))), list(range(len(sweep.labels)))):
        r = np.asarray([correlate_pairs(one[0, chosen].ravel(), one[1, chosen].ravel()) for one in rows])
        found.append(interval_of_rows(r, min(n_images, n_targets), config.confidence))
    return tuple(found)
