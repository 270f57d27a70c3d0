"""What the figures of a comparison show, as plots that the report and the window both draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.experiments.measured.compare import Comparison, Row, predict_shifts
from core.experiments.measured.compare_tables import predicted_unit
from core.experiments.measured.planned import Measure
from core.experiments.measured.population import OnTarget
from core.experiments.measured.winner import Winner
from core.reports.plot import Ink, Plot, Series, Values, curve, point
from core.statistics import Interval
from core.types import BoolArray

ROLES = {"raise": ("warm", "^"), "lower": ("cool", "v"), "control": ("muted", "x")}
"""Ink and marker: never distinguished by colour alone."""
WANTED = {Measure.SHIFT: tuple(ROLES), Measure.CONTROL: ("control",), Measure.CONTRAST: ("raise", "lower")}
"""Whose points are drawn; beside shifts those of their controls."""
MOST_BARS = 300
"""With more points than this, bars of standard errors would hide them."""


def plot_shifts(comparison: Comparison, row: Row, chosen: BoolArray) -> Plot:
    """Measured against predicted shifts with standard errors, and the fitted slope; a point means its probe's number.

    `chosen` (n_probes,) are those of the row's cut.
    """
    shifts, predicted = comparison.shifts, predict_shifts(comparison.shifts, row.network)
    directions = np.asarray([probe.perturbed.row.role for probe in shifts.probes])
    unit, series, ends = predicted_unit(comparison), [], [0.0]
    for role in WANTED[row.measure]:
        place = (Measure.CONTROL if role == "control" else row.measure).index
        x, y, own = predicted[place], shifts.measured[place], (directions == role) | (role == "control")
        numbers = np.flatnonzero(chosen & own & np.isfinite(x) & np.isfinite(y))
        error = shifts.error[place][numbers]
        known = len(numbers) <= MOST_BARS and np.isfinite(error).any()
        low, high = (y[numbers] - error, y[numbers] + error) if known else (None, None)
        ink, marker = ROLES[role]
        looks: dict[str, Any] = {"ink": ink, "marker": marker, "size": 6, "alpha": 0.85, "name": role}
        series.append(Series(x[numbers], y[numbers], low=low, high=high, keys=numbers.tolist(), **looks))
        ends += x[numbers].tolist()
    span = np.asarray([min(ends), max(ends)])
    title = row.network
    if np.isfinite(row.slope.value):
        series.insert(0, Series(span, row.intercept + row.slope.value * span, "accent", line="-"))
        title += f" · slope {row.slope.describe()}"
    if unit == comparison.measured.unit:
        series.insert(0, Series(span, span, "faint", line="--", width=1))
    words = row.measure.words
    axes = f"predicted {words} ({unit})", f"measured {words} ({comparison.measured.unit})"
    return Plot(*axes, tuple(series), title, across=(0,), upright=(0,))


def plot_effects(comparison: Comparison) -> list[Plot]:
    """Effect size and share that moved as predicted, a row a network, for the three measures."""
    networks, plots = comparison.networks, list[Plot]()
    for name, title, zero in (("dz", "dz", 0.0), ("share", "share of probes moved as predicted", 0.5)):
        series = []
        for ink, measure in enumerate(Measure):
            rows = [row for row in comparison.select(measure=measure) if row.network in networks]
            y = [0.22 * (1 - ink) - networks.index(row.network) for row in rows]
            series.append(_rows([getattr(row, name) for row in rows], y, ink, measure.words))
        ticks = [(float(-number), network) for number, network in enumerate(networks)]
        ends = (-len(networks) + 0.5, 0.5)
        plots.append(
            Plot(title, "", tuple(series), upright=(zero,), y_ticks=ticks, y_range=ends, legend=None if plots else "")
        )
    return plots


def _rows(found: list[Interval], y: Values, ink: Ink, name: str) -> Series:
    value, low, high = ([getattr(one, part) for one in found] for part in ("value", "low", "high"))
    return Series(value, y, ink, name, left=low, right=high, size=6)


def plot_judgement(comparison: Comparison) -> dict[str, list[Plot]]:
    """Plots by the name of their figure: control, a plot a target; winners, how many probes and which r."""
    winners, population = plot_winners(comparison.winners), plot_population(comparison.population)
    found = {"control": plot_control(comparison), "winners": winners, "population": population}
    return {name: plots for name, plots in found.items() if plots}


def plot_control(comparison: Comparison) -> list[Plot]:
    """Measured response against wanted level, a plot a target: mean and standard error over seeds of each encoder."""
    inks = {network: ink for ink, network in enumerate(comparison.levels.network.unique())}
    plots = []
    for target, found in comparison.levels.groupby("target", sort=False):
        series = []
        for network, own in found.dropna(subset="measured").groupby("network", sort=False):
            levels = own.groupby("level").measured.agg(["mean", "sem"]).fillna(0)  # a single seed has no error
            shown = [Interval(mean, mean - error, mean + error) for mean, error in levels.to_numpy().tolist()]
            series.append(curve(levels.index.to_numpy(), shown, inks[network], network))
        axes = "wanted level (SD of predicted responses)", f"measured response ({comparison.measured.unit})"
        plots.append(Plot(*axes, tuple(series), target.label, "mean ± standard error over seed images"))
    return plots


def plot_winners(winners: tuple[Winner, ...]) -> list[Plot]:
    """Share of images that move as the first predicts, and r with either's predictions, a row a pair."""
    if not winners:
        return []
    places = -np.arange(len(winners), dtype=np.float64)
    ticks = [(float(at), f"{one.first}\nor {one.second}") for at, one in zip(places, winners, strict=True)]
    ends = (float(places[-1]) - 0.5, 0.5)
    share = _rows([one.share for one in winners], places, "accent", "")
    first = _rows([one.r_first for one in winners], places + 0.12, "warm", "with the first")
    second = _rows([one.r_second for one in winners], places - 0.12, "cool", "with the second")
    return [
        Plot(title, "", series, upright=(zero,), y_ticks=ticks, y_range=ends, x_range=bounds)
        for title, series, zero, bounds in (
            ("share of images moved\nas the first predicts", (share,), 0.5, (0.0, 1.0)),
            ("r of measured with\npredicted shifts", (first, second), 0.0, (-1.0, 1.0)),
        )
    ]


def plot_population(found: tuple[OnTarget, ...]) -> list[Plot]:
    """Displacement across against along the wished direction, a point a pattern and encoder; crosses: predicted."""
    if not found:
        return []
    points = [point(one.along, one.orthogonal, ink, f"{one.network}, {one.target}") for ink, one in enumerate(found)]
    along, across = ([getattr(one, f"predicted_{name}") for one in found] for name in ("along", "orthogonal"))
    predicted = Series(along, across, "muted", "predicted", size=6, marker="x")
    axes = "displacement the wished way (SD)", "displacement across (SD)"
    return [Plot(*axes, (*points, predicted), "population on target", across=(0.0,), upright=(0.0,))]
