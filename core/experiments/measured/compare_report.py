"""Writes a comparison: one page that needs nothing else, tables, figures, JSON. Never computes a statistic.

FOLDER/report.html   FOLDER/comparison.json   FOLDER/tables/*.csv   FOLDER/figures/*.svg, *.png
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.experiments.measured.compare import FORMULAS, Comparison, Cut, Row, predict_shifts
from core.experiments.measured.compare_rows import HEADER, lay_out_row
from core.experiments.measured.compare_tables import (
    SIMULATED_WARNING,
    describe_comparison,
    pack_comparison,
    predicted_unit,
    tabulate_comparison,
)
from core.experiments.measured.planned import Measure
from core.files import new_folder
from core.reports.analysis_figures import colour_of, make_figure
from core.reports.analysis_tables import Table, write_tables
from core.reports.report import STYLE, format_table, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MORE = "The files in tables/ hold every digit, and the intervals over repeats."
REPORT, RESULT = "report.html", "comparison.json"
DOTS_PER_INCH = 150
ROLES = (("raise", 0, "^"), ("lower", 1, "v"), ("control", 8, "x"))
"""Role, colour and marker: never told apart by colour alone."""

CITATIONS = (
    "Efron 1987, doi:10.1080/01621459.1987.10478410: BCa intervals.",
    "Hesterberg 2015, doi:10.1080/00031305.2015.1089789: the expanded level.",
    "Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404: the interval of a share. Holm 1979, Scandinavian Journal of "
    "Statistics 6:65.",
    "Allen et al. 2022, doi:10.1038/s41593-021-00962-x: noise ceilings from repeats.",
)


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
    with new_folder(folder) as partial:
        for name in ("tables", "figures"):
            (partial / name).mkdir()
        write_tables(tables, partial / "tables")
        for name, figure in figures.items():
            figure.savefig(partial / "figures" / f"{name}.svg", metadata={"Date": None})
            figure.savefig(partial / "figures" / f"{name}.png", dpi=DOTS_PER_INCH)
        packed = json.dumps(pack_comparison(comparison), indent=1, ensure_ascii=False, allow_nan=False)
        (partial / RESULT).write_text(packed + "\n", encoding="utf-8")
        (partial / REPORT).write_text(page, encoding="utf-8")
    return Path(folder).expanduser().absolute() / REPORT


def compose_comparison(comparison: Comparison, tables: Sequence[Table], figures: dict[str, Figure]) -> str:
    """The page."""
    plan, findings = comparison.measured.plan, comparison.measured.findings
    loud = f'<p class="warning">{html.escape(SIMULATED_WARNING)}</p>' if findings.is_simulated else ""
    said = "".join(f"<p><b>{html.escape(line)}</b></p>" for line in describe_comparison(comparison)[bool(loud) :])
    warned = "".join(f'<p class="warning">{html.escape(line)}</p>' for line in comparison.warnings)
    found = "".join(f"<li>{html.escape(line)}</li>" for line in findings.describe())
    formulas = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in FORMULAS)
    shown = "".join(f"<figure>{inline_svg(figure)}</figure>" for figure in figures.values())
    shown_tables = (*_shorten(comparison), *(table for table in tables if table.name == "probes"))
    body = "".join(format_table(table) for table in shown_tables)
    cited = "".join(f"<li>{html.escape(line)}</li>" for line in CITATIONS)
    title = f"Measured against predicted: {plan.name}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1>{loud}"
        f'<p class="note">Predictions of subject {html.escape(", ".join(plan.subjects))}; '
        f"{len(plan.probes)} probes, {len(plan.stimuli)} stimuli; {html.escape(comparison.config.describe())}.</p>"
        f"<h2>Does the target move as predicted?</h2>{said}{warned}{shown}"
        f"<h2>What was measured</h2><ul>{found}</ul><h2>Definitions</h2><dl>{formulas}</dl>"
        f"<h2>Numbers</h2><p>{MORE}</p>{body}<h2>Sources</h2><ul>{cited}</ul></body></html>\n"
    )


def _shorten(comparison: Comparison) -> tuple[Table, ...]:
    """The rows for reading: value and interval in one cell."""
    columns = tuple(HEADER)
    rows = [(row.cut, tuple(lay_out_row(row).values())) for row in comparison.rows]
    everything = tuple(cells for cut, cells in rows if cut is Cut.ALL)
    tables = [Table("networks", f"By network (unit {comparison.measured.unit})", columns, everything)]
    for cut in dict.fromkeys(cut for cut, _ in rows if cut is not Cut.ALL):
        tables.append(Table("cuts", f"By {cut}", columns, tuple(cells for one, cells in rows if one is cut)))
    return tuple(tables)


def draw_comparison(comparison: Comparison) -> dict[str, Figure]:
    """Every figure by name."""
    return {"scatter": draw_scatter(comparison), "effects": draw_effects(comparison)}


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
    axes.ravel()[0].legend(fontsize=7, frameon=False)
    figure.supxlabel(_whose(comparison), fontsize=7, color="#666666", x=0.01, ha="left")
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
    axes[0][0].legend(fontsize=7, frameon=False)
    figure.supxlabel(_whose(comparison), fontsize=7, color="#666666", x=0.01, ha="left")
    return figure


def _scatter(axis: Axes, comparison: Comparison, network: str) -> None:
    shifts, predicted = comparison.shifts, predict_shifts(comparison.shifts, network)
    directions = np.asarray([probe.perturbed.role for probe in shifts.probes])
    everyone = np.ones(len(directions), dtype=bool)
    axis.axhline(0, color="#cccccc", lw=0.8)
    axis.axvline(0, color="#cccccc", lw=0.8)
    for role, colour, marker in ROLES:
        place, chosen = (1, everyone) if role == "control" else (0, directions == role)
        known = chosen & np.isfinite(predicted[place]) & np.isfinite(shifts.measured[place])
        if known.any():
            error = shifts.error[place][known] if np.isfinite(shifts.error[place][known]).all() else None
            looks: dict[str, Any] = {
                "color": colour_of(colour),
                "label": role,
                "alpha": 0.8,
                "elinewidth": 0.7,
                "ms": 5,
            }
            axis.errorbar(predicted[place][known], shifts.measured[place][known], error, fmt=marker, **looks)
    row = next((one for one in comparison.select(measure=Measure.SHIFT) if one.network == network), None)
    if row is not None and np.isfinite(row.slope.value):
        ends = np.asarray([np.nanmin(predicted[0]), np.nanmax(predicted[0])])
        axis.plot(ends, row.intercept + row.slope.value * ends, color="#333333", lw=1)
        axis.text(0.02, 0.98, f"slope {row.slope.describe()}", transform=axis.transAxes, fontsize=7, va="top")


def _reach(axis: Axes, row: Row, name: str, *, at: float, index: int, label: str) -> None:
    """A value with its interval as a point and a line."""
    interval = getattr(row, name)
    axis.plot([interval.low, interval.high], [at, at], color=colour_of(index), lw=1.6)
    axis.plot([interval.value], [at], color=colour_of(index), marker="osD"[index], ms=5, ls="", label=label or None)


def _whose(comparison: Comparison) -> str:
    simulated = "SIMULATED responses; " if comparison.measured.findings.is_simulated else ""
    return f"{simulated}set {comparison.measured.plan.name}; bars: {comparison.config.confidence:.0%} intervals or SE"
