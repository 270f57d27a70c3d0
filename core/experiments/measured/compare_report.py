"""Writes a comparison: one page that needs nothing else, tables, figures, JSON.

FOLDER/report.html   FOLDER/comparison.json   FOLDER/tables/*.csv   FOLDER/figures/*.svg, *.png
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.experiments.measured.compare import Comparison, Cut, Row, predict_shifts
from core.experiments.measured.compare_tables import (
    SIMULATED_WARNING,
    describe_comparison,
    lay_out_row,
    pack_comparison,
    predicted_unit,
    tabulate_comparison,
)
from core.experiments.measured.planned import Measure
from core.files import new_folder
from core.reports.figure_parts import (
    colour_of,
    figure_style,
    inline_svg,
    make_figure,
    mark_level,
    marker_of,
    say_whose,
    write_figures,
)
from core.reports.table import Table, make_table, write_tables
from core.templates import fill_template, read_formulas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REPORT, RESULT = "report.html", "comparison.json"
ROLES = (("raise", 0, "^"), ("lower", 1, "v"), ("control", 8, "x"))
"""Role, colour and marker: never distinguished by colour alone."""


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write everything into a new folder; returns the page.

    Raises
    ------
    BadInputError
        If the folder holds something.
    StorageError
        If it cannot be written; nothing half-written stays.
    """
    tables, figures = tabulate_comparison(comparison), draw_comparison(comparison)
    page = compose_comparison(comparison, tables, figures)
    packed = json.dumps(pack_comparison(comparison), indent=1, ensure_ascii=False, allow_nan=False)
    with new_folder(folder) as partial:
        write_tables(tables, partial / "tables")
        write_figures(figures, partial / "figures", ("svg", "png"))
        (partial / RESULT).write_text(packed + "\n", encoding="utf-8")
        (partial / REPORT).write_text(page, encoding="utf-8")
    return Path(folder).expanduser().absolute() / REPORT


def compose_comparison(comparison: Comparison, tables: Sequence[Table], figures: dict[str, Figure]) -> str:
    """The page."""
    findings = comparison.measured.findings
    return fill_template(
        "comparison.html",
        plan=comparison.measured.plan,
        simulated=SIMULATED_WARNING if findings.is_simulated else "",
        settings=comparison.config.describe(),
        answer=describe_comparison(comparison)[findings.is_simulated :],
        warnings=comparison.warnings,
        figures=[inline_svg(figure) for figure in figures.values()],
        found=findings.describe(),
        formulas=read_formulas("comparison").items(),
        tables=(*_shorten(comparison), *(table for table in tables if table.name == "probes")),
    )


def _shorten(comparison: Comparison) -> tuple[Table, ...]:
    """The rows for reading: value and interval in one cell."""
    rows: dict[Cut, list[dict[str, str]]] = {Cut.ALL: []}
    for row in comparison.rows:
        rows.setdefault(row.cut, []).append(lay_out_row(row))
    everything = make_table("networks", f"By network (unit {comparison.measured.unit})", rows.pop(Cut.ALL))
    return (everything, *(make_table("cuts", f"By {cut}", cells) for cut, cells in rows.items()))


def draw_comparison(comparison: Comparison) -> dict[str, Figure]:
    """Every figure by name."""
    with figure_style():
        figures = {"scatter": draw_scatter(comparison), "effects": draw_effects(comparison)}
        for figure in figures.values():
            say_whose(figure, _whose(comparison))
    return figures


def draw_scatter(comparison: Comparison) -> Figure:
    """Measured against predicted shifts, a panel a network: raise, lower and controls, with their standard errors."""
    networks = comparison.networks
    across = min(len(networks), 3)
    down = -(-len(networks) // across)
    figure, axes = make_figure(down, across, width=3.8, height=3.4)
    unit, predicted = comparison.measured.unit, predicted_unit(comparison)
    for axis in axes.ravel()[len(networks) :]:
        axis.set_visible(False)
    for axis, network in zip(axes.ravel(), networks, strict=False):
        _scatter(axis, comparison, network)
        axis.set_title(network, fontsize=9)
        axis.set(xlabel=f"predicted shift ({predicted})", ylabel=f"measured shift ({unit})")
    axes.ravel()[0].legend()
    return figure


def draw_effects(comparison: Comparison) -> Figure:
    """Effect size and share that moved as predicted, a row a network, for the three measures."""
    networks = comparison.networks
    figure, axes = make_figure(1, 2, width=4.4, height=1.4 + 0.5 * len(networks))
    for index, measure in enumerate(Measure):
        place = 0.22 * (1 - index)
        rows = {row.network: row for row in comparison.select(measure=measure)}
        for number, network in enumerate(networks):
            if network in rows:
                label = measure.words if number == 0 else ""
                _reach(axes[0][0], rows[network], "dz", at=place - number, index=index, label=label)
                _reach(axes[0][1], rows[network], "share", at=place - number, index=index, label="")
    for axis, title, zero in zip(axes[0], ("dz", "share of probes moved as predicted"), (0, 0.5), strict=True):
        axis.axvline(zero, color="#999999", lw=0.8, ls="--")
        axis.set(xlabel=title, ylim=(-len(networks) + 0.5, 0.5))
        axis.set_yticks([-number for number in range(len(networks))], networks if axis is axes[0][0] else [])
    axes[0][0].legend()
    return figure


def _scatter(axis: Axes, comparison: Comparison, network: str) -> None:
    shifts, predicted = comparison.shifts, predict_shifts(comparison.shifts, network)
    directions = np.asarray([probe.perturbed.role for probe in shifts.probes])
    everyone = np.ones(len(directions), dtype=bool)
    mark_level(axis, 0, ls="-", color="#cccccc")
    axis.axvline(0, color="#cccccc", lw=0.8)
    for role, colour, marker in ROLES:
        place, chosen = (1, everyone) if role == "control" else (0, directions == role)
        known = chosen & np.isfinite(predicted[place]) & np.isfinite(shifts.measured[place])
        if known.any():
            error = shifts.error[place][known] if np.isfinite(shifts.error[place][known]).all() else None
            style: dict[str, Any] = {"color": colour_of(colour), "label": role, "alpha": 0.8, "elinewidth": 0.7}
            axis.errorbar(predicted[place][known], shifts.measured[place][known], error, fmt=marker, ms=5, **style)
    row = next((one for one in comparison.select(measure=Measure.SHIFT) if one.network == network), None)
    if row is not None and np.isfinite(row.slope.value):
        ends = np.asarray([np.nanmin(predicted[0]), np.nanmax(predicted[0])])
        axis.plot(ends, row.intercept + row.slope.value * ends, color="#333333", lw=1)
        axis.text(0.02, 0.98, f"slope {row.slope.describe()}", transform=axis.transAxes, fontsize=7, va="top")


def _reach(axis: Axes, row: Row, name: str, *, at: float, index: int, label: str) -> None:
    """A value with its interval as a point and a line."""
    interval = getattr(row, name)
    axis.plot([interval.low, interval.high], [at, at], color=colour_of(index), lw=1.6)
    axis.plot([interval.value], [at], color=colour_of(index), marker=marker_of(index), ms=5, ls="", label=label or None)


def _whose(comparison: Comparison) -> str:
    simulated = "SIMULATED responses; " if comparison.measured.findings.is_simulated else ""
    return f"{simulated}set {comparison.measured.plan.name}; bars: {comparison.config.confidence:.0%} intervals or SE"
