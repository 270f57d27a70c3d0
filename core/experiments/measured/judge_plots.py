"""What the figures of level sets and controversial probes show, as plots that the report and the window both draw."""

from __future__ import annotations

import numpy as np

from core.experiments.measured.compare import Comparison
from core.experiments.measured.control import Floats, Levels
from core.experiments.measured.population import OnTarget
from core.experiments.measured.winner import Winner
from core.reports.plot import Plot, Series, curve, point
from core.statistics import Interval


def plot_judgement(comparison: Comparison) -> dict[str, list[Plot]]:
    """Plots by the name of their figure: control, a plot a target; winners, how many probes and which r."""
    found = {"control": plot_control(comparison), "winners": plot_winners(comparison.winners)}
    found["population"] = plot_population(comparison.population)
    return {name: plots for name, plots in found.items() if plots}


def plot_control(comparison: Comparison) -> list[Plot]:
    """Measured response against wanted level, a plot a target: mean and standard error over seeds of each encoder."""
    networks = list(dict.fromkeys(network for network, _ in comparison.levels))
    plots = []
    for target in dict.fromkeys(target for _, target in comparison.levels):
        series = [
            curve(*_average(levels), networks.index(network), network)
            for (network, own), levels in comparison.levels.items()
            if own == target and len(levels.level)
        ]
        axes = "wanted level (SD of predicted responses)", f"measured response ({comparison.measured.unit})"
        plots.append(Plot(*axes, tuple(series), target.label, "mean ± standard error over seed images"))
    return plots


def _average(levels: Levels) -> tuple[Floats, list[Interval]]:
    """Each level once, and the mean over its seeds with its standard error, which is 0 of a single one."""
    means = []
    for level in (x := np.unique(levels.level)):
        y = levels.measured[levels.level == level]
        error = y.std(ddof=1) / np.sqrt(len(y)) if len(y) > 1 else 0.0
        means.append(Interval(float(y.mean()), float(y.mean() - error), float(y.mean() + error)))
    return x, means


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


def _rows(found: list[Interval], y: Floats, ink: str, name: str) -> Series:
    value, low, high = ([getattr(one, part) for one in found] for part in ("value", "low", "high"))
    return Series(value, y, ink, name, left=low, right=high, size=6)
