"""What the figures of a comparison show, as plots that the report and the window both draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.experiments.measured.compare import Comparison, Row, predict_shifts
from core.experiments.measured.compare_tables import predicted_unit
from core.experiments.measured.planned import Measure
from core.reports.plot import Plot, Series
from core.types import BoolArray

ROLES = {"raise": ("warm", "^"), "lower": ("cool", "v"), "control": ("muted", "x")}
"""Ink and marker: never distinguished by colour alone."""
WANTED = {Measure.SHIFT: tuple(ROLES), Measure.CONTROL: ("control",), Measure.CONTRAST: ("raise", "lower")}
"""Whose points are drawn; beside shifts those of their controls."""
MOST_BARS = 300
"""With more points than this, bars of standard errors would hide them."""
MEASURE_INKS = dict(zip(Measure, (0, 1, 2), strict=True))


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
        for measure, ink in MEASURE_INKS.items():
            rows = [row for row in comparison.select(measure=measure) if row.network in networks]
            found, y = [getattr(row, name) for row in rows], [_place(networks, row, ink) for row in rows]
            values, left, right = ([getattr(one, part) for one in found] for part in ("value", "low", "high"))
            series.append(Series(values, y, ink, measure.words, left=left, right=right, size=5))
        ticks = [(float(-number), network) for number, network in enumerate(networks)]
        ends = (-len(networks) + 0.5, 0.5)
        plots.append(
            Plot(title, "", tuple(series), upright=(zero,), y_ticks=ticks, y_range=ends, legend=None if plots else "")
        )
    return plots


def _place(networks: tuple[str, ...], row: Row, measure: int) -> float:
    return 0.22 * (1 - measure) - networks.index(row.network)
