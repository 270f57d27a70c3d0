"""Whether measured responses move as predicted: effect sizes, sign tests, slopes, by network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from core.experiments.measured.bootstrap import bootstrap_summary, count_signs, find_ceiling, number_names, sign_test
from core.experiments.measured.compare_config import Cluster, CompareConfig
from core.experiments.measured.control import ControlDifference, ControlScore, score_control
from core.experiments.measured.measured import Measured
from core.experiments.measured.planned import Measure, PlannedProbe, choose_control
from core.experiments.measured.population import OnTarget, score_population
from core.experiments.measured.shifts import Shifts, measure_shifts
from core.experiments.measured.winner import Winner, check_subjects, find_winners
from core.progress import Progress, ShouldStop, check_stop, never_stop
from core.statistics import Interval, interval_of
from core.sweeps.statistics import holm
from core.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from pandas import DataFrame


LEAST_FOR_TEST = 6
"""2 (1/2)^5 is above 0.05, 2 (1/2)^6 below."""
LEAST_FOR_INTERVALS = 10
"""From fewer probes or images, bootstrap intervals are not to be relied on."""

OWN = "own network of each probe"
"""The predictor that takes each probe's prediction from the network it was made on."""


class Cut(StrEnum):
    """What distinguishes probes."""

    ALL = "all"
    SOURCE = "source network"
    ROI = "roi"
    DIRECTION = "direction"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Row:
    """One network's predictions against what was measured, for one measure and one cut of the probes.

    `shift_repeats` and `slope_repeats` are the intervals over the repeats of the same stimuli; `p_holm` is corrected
    over the networks of the same measure and cut.
    """

    network: str
    measure: Measure
    cut: Cut
    value: str
    n_probes: int
    n_images: int
    shift: Interval
    shift_repeats: Interval
    dz: Interval
    in_noise: Interval
    n_agree: int
    n_signed: int
    share: Interval
    p_sign: float
    p_holm: float
    r: Interval
    slope: Interval
    slope_repeats: Interval
    intercept: float
    ceiling: float
    r2_ceiling: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The answer: rows of every network, measure and cut, and what they were made of."""

    measured: Measured
    config: CompareConfig
    shifts: Shifts
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    levels: DataFrame
    control: tuple[ControlScore, ...]
    control_differences: tuple[ControlDifference, ...]
    winners: tuple[Winner, ...]
    population: tuple[OnTarget, ...]

    def select(self, *, measure: Measure, cut: Cut = Cut.ALL) -> tuple[Row, ...]:
        """The rows of one measure and cut, networks in the set's order."""
        return tuple(row for row in self.rows if row.measure is measure and row.cut is cut)

    @property
    def networks(self) -> tuple[str, ...]:
        """The predictors with a row."""
        return tuple(dict.fromkeys(row.network for row in self.rows))


def iter_compare(
    measured: Measured, config: CompareConfig, *, should_stop: ShouldStop = never_stop
) -> Iterator[Progress[Comparison]]:
    """Compare measured with predicted shifts, a record a row.

    Raises BadInputError if the requested control is not in the set, or its level sets or controversial probes are of
    several subjects; Cancelled as soon as `should_stop()` is true.
    """
    made = (one.perturbed.row for one in measured.plan.probes)
    check_subjects([row.subject for row in made if row.against or row.level is not None])
    control = choose_control(measured.plan, config.control)
    resolved = replace(config, control=control)
    shifts = measure_shifts(measured, control=control, scale=config.scale, count=config.n_bootstrap, seed=config.seed)
    is_several = len({probe.perturbed.network for probe in shifts.probes}) > 1
    wanted = [
        (network, measure, cut, value, chosen)
        for cut, value, chosen in _cut_probes(shifts.probes)
        for measure in Measure
        for network in ([OWN] * is_several + [*shifts.predicted])
    ]
    rows: list[Row] = []
    for number, (network, measure, cut, value, chosen) in enumerate(wanted):
        check_stop(should_stop)
        row = _compare(shifts, network, measure, (cut, value), chosen=chosen, config=resolved)
        rows += [] if row is None else [row]
        yield Progress(number + 1, len(wanted))
    levels, scores, differences, of_levels = score_control(measured, resolved)
    winners, of_rivals = find_winners(measured, shifts, resolved)
    population, of_patterns = score_population(measured, resolved)
    warnings = (*_warn(shifts, resolved), *of_levels, *of_rivals, *of_patterns)
    result = Comparison(
        measured, resolved, shifts, _correct(rows), warnings, levels, scores, differences, winners, population
    )
    yield Progress(len(wanted), len(wanted), result=result)


def predict_shifts(shifts: Shifts, network: str) -> FloatArray:
    """Predicted shifts by one predictor, (3, n_probes)."""
    if network != OWN:
        return shifts.predicted[network]
    columns = [shifts.predicted[probe.perturbed.network][:, number] for number, probe in enumerate(shifts.probes)]
    return np.stack(columns, axis=1)


def describe_budget(probe: PlannedProbe) -> str:
    """Norm and epsilon: "l2 3"."""
    return f"{probe.perturbed.row.norm} {probe.perturbed.row.epsilon:.6g}"


def choose_probes(probes: Sequence[PlannedProbe], cut: Cut, value: str) -> BoolArray:
    """The probes of one cut's value, (n_probes,) bool."""
    return next(chosen for one, name, chosen in _cut_probes(probes) if (one, name) == (cut, value))


def _cut_probes(probes: Sequence[PlannedProbe]) -> Iterator[tuple[Cut, str, BoolArray]]:
    """Every cut with more than one value, and all probes together first."""
    keys = {
        Cut.SOURCE: [probe.perturbed.network for probe in probes],
        Cut.ROI: [probe.perturbed.target.roi or probe.perturbed.target.label for probe in probes],
        Cut.DIRECTION: [probe.perturbed.row.role for probe in probes],
        Cut.BUDGET: [describe_budget(probe) for probe in probes if probe.perturbed.row.level is None],
    }
    yield Cut.ALL, "all", np.ones(len(probes), dtype=bool)
    for cut, values in keys.items():
        distinct = list(dict.fromkeys(values))
        if len(distinct) > 1 and len(values) == len(probes):  # each probe of a level set has a budget of its own
            for value in distinct:
                yield cut, value, np.asarray([one == value for one in values])


def _compare(
    shifts: Shifts, network: str, measure: Measure, cut: tuple[Cut, str], *, chosen: BoolArray, config: CompareConfig
) -> Row | None:
    """One row; None where nothing of it was measured and predicted."""
    predicted = predict_shifts(shifts, network)
    signs = np.sign(predicted[(Measure.SHIFT if measure is Measure.CONTROL else measure).index])
    x, y = predicted[measure.index], shifts.measured[measure.index]
    used = chosen & np.isfinite(x) & np.isfinite(y) & np.isfinite(signs)
    if not used.any():
        return None
    x, y, signs, noise = x[used], y[used], signs[used], shifts.noise[used]
    signed = signs * y
    images = number_names([shifts.probes[place].perturbed.row.source_image for place in np.flatnonzero(used)])
    clusters = images if config.cluster is Cluster.IMAGE else np.arange(len(x))
    found = bootstrap_summary(x, y, signed=signed, noise=noise, clusters=clusters, config=config)
    n_agree, n_signed = count_signs(signed, clusters)
    p_sign, share = sign_test(n_agree, n_signed, confidence=config.confidence)
    ceiling = find_ceiling(y, shifts.error[measure.index][used])
    again, centred = shifts.resampled[:, measure.index][:, used], x - x.mean()
    spread = centred @ centred or np.nan
    return Row(
        network=network,
        measure=measure,
        cut=cut[0],
        value=cut[1],
        n_probes=len(x),
        n_images=int(images.max()) + 1,
        **{name: found[name] for name in ("shift", "dz", "in_noise", "r", "slope")},
        shift_repeats=interval_of(found["shift"].value, (again * signs).mean(axis=1), config.confidence),
        n_agree=n_agree,
        n_signed=n_signed,
        share=share,
        p_sign=p_sign,
        p_holm=float("nan"),
        slope_repeats=interval_of(found["slope"].value, again @ centred / spread, config.confidence),
        intercept=found["intercept"].value,
        ceiling=ceiling,
        r2_ceiling=found["r"].value ** 2 / ceiling if ceiling > 0 else float("nan"),
    )


def _correct(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Holm's p over the named networks of each measure and cut; each probe's own network is a test of its own."""
    import pandas as pd  # kept from the window's start

    families = np.asarray([f"{row.measure} {row.cut} {row.network == OWN} {row.value}" for row in rows])
    p = pd.Series([row.p_sign for row in rows], dtype=float).groupby(families).transform(holm)
    return tuple(replace(row, p_holm=float(one)) for row, one in zip(rows, p, strict=True))


def _warn(shifts: Shifts, config: CompareConfig) -> tuple[str, ...]:
    """What a reader must know before believing a row."""
    measured, n_probes = np.isfinite(shifts.measured), len(shifts.probes)
    lost, bare = n_probes - int(measured[0].sum()), int((measured[0] & ~measured[2]).sum())
    n_images = len({probe.perturbed.row.source_image for probe in shifts.probes})
    counted = n_images if config.cluster is Cluster.IMAGE else n_probes
    lines = (
        (lost, f"{lost} of {n_probes} probes have no measured shift: the original or the perturbed is missing."),
        (bare, f"{bare} of {n_probes} probes have no measured control ({config.control or 'none in the set'})."),
        (
            n_images < counted,
            f"{n_probes} probes share {n_images} image(s). Probes of one image share its original and are not "
            "independent: count images instead of probes for intervals and a sign test that allow for it.",
        ),
        (
            not np.isfinite(shifts.noise).any(),
            "No stimulus was measured twice: noise, noise ceiling and intervals over repeats are unknown.",
        ),
        (
            counted < LEAST_FOR_TEST,
            f"With {counted} {config.cluster}s no exact two-sided sign test can reach p < 0.05; it takes 6.",
        ),
        (
            counted < LEAST_FOR_INTERVALS,
            f"Intervals over {counted} {config.cluster}s are rough: dz and r of so few say little.",
        ),
    )
    return tuple(line for is_so, line in lines if is_so)
