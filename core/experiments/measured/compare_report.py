"""Writes a comparison: one page that needs nothing else, tables, figures, JSON.

FOLDER/report.html   FOLDER/comparison.json   FOLDER/tables/*.csv   FOLDER/figures/*.svg, *.png
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.experiments.measured.compare import Comparison, Cut
from core.experiments.measured.compare_plots import plot_effects, plot_judgement, plot_shifts
from core.experiments.measured.compare_tables import (
    SIMULATED_WARNING,
    describe_comparison,
    lay_out_row,
    pack_comparison,
    tabulate_comparison,
)
from core.experiments.measured.planned import Measure
from core.files import new_folder
from core.headers import plain, write_json
from core.reports.draw_plot import draw_grid, inline_svg, say_whose, write_figures
from core.reports.inks import house_style
from core.reports.table import Table, make_table, write_tables
from core.templates import fill_template, read_formulas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT, RESULT = "report.html", "comparison.json"


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write everything into a new folder; returns the page.

    Raises BadInputError if the folder holds something; StorageError if it cannot be written, and nothing half-written
    stays.
    """
    tables, figures = tabulate_comparison(comparison), draw_comparison(comparison)
    page = compose_comparison(comparison, tables, figures)
    with new_folder(folder) as partial:
        write_tables(tables, partial / "tables")
        write_figures(figures, partial / "figures", ("svg", "png"))
        write_json(partial / RESULT, plain(pack_comparison(comparison)))
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
        tables=(*_shorten(comparison), *(table for table in tables if table.name not in ("networks", "cuts"))),
    )


def _shorten(comparison: Comparison) -> tuple[Table, ...]:
    """The rows for reading: value and interval in one cell."""
    rows: dict[Cut, list[dict[str, str]]] = {Cut.ALL: []}
    for row in comparison.rows:
        rows.setdefault(row.cut, []).append(lay_out_row(row))
    everything = make_table("networks", f"By network (unit {comparison.measured.unit})", rows.pop(Cut.ALL))
    return (everything, *(make_table("cuts", f"By {cut}", cells) for cut, cells in rows.items()))


def draw_comparison(comparison: Comparison) -> dict[str, Figure]:
    """Every figure by name: the scatter, a panel a network, and the effects."""
    everyone = np.ones(len(comparison.shifts.probes), dtype=bool)
    rows = comparison.select(measure=Measure.SHIFT)
    panels = [plot_shifts(comparison, row, everyone) for row in rows]
    with house_style():
        effects = draw_grid(plot_effects(comparison), width=4.4, height=1.4 + 0.5 * len(comparison.networks))
        scatter = draw_grid(panels, across=min(len(panels), 3), width=3.8, height=3.4)
        figures = {"scatter": scatter, "effects": effects}
        for name, plots in plot_judgement(comparison).items():
            figures[name] = draw_grid(plots, across=min(len(plots), 3), width=4.4)
        simulated = "SIMULATED responses; " if comparison.measured.findings.is_simulated else ""
        bars = f"bars: {comparison.config.confidence:.0%} intervals or SE"
        for figure in figures.values():
            say_whose(figure, f"{simulated}set {comparison.measured.plan.name}; {bars}")
    return figures
