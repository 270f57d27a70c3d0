"""Writes an answered sweep beside its cells, and one page of several.

FOLDER/sweep.json   settings, hashes, versions     FOLDER/tables/*.csv (.parquet)
FOLDER/cells/       the finished cells             FOLDER/figures/*.svg, *.png, *.pdf
FOLDER/result.json  formulas, settings, summary    FOLDER/report.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.attacks.config import StepRule, describe_steps, format_epsilon
from core.checks import refusal
from core.datasets.subject import load_subject
from core.files import check_file, replace_file
from core.headers import plain, unstructure, write_json
from core.networks.catalog import find_network
from core.reports.analysis_figures import draw_figures
from core.reports.analysis_tables import tabulate
from core.reports.draw_plot import inline_svg, write_figures
from core.reports.table import Table, make_table, write_tables
from core.sweeps.answer import answer_sweep
from core.sweeps.cells import CellStore
from core.sweeps.config import AttackKind, SweepConfig
from core.sweeps.gather import Sweep, load_sweep
from core.templates import fill_template, read_formulas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES, FIGURES, RESULT_NAME, REPORT_NAME = "tables", "figures", "result.json", "report.html"
TITLE = "<title>Probescope report</title>"
"""By it a page is known as one of the program's."""
TOLERANCE = (
    "Rounding sends attacks slightly other ways there, so that differences of up to 1 % of a shift mean nothing "
    "(measured: 0.4 % at most between AVX-512 and SSE arithmetic, AlexNet, L2 epsilon 3; GPUs were not measured)."
)


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisReport:
    """What was found; `files` is what was written."""

    sweep: Sweep
    tables: tuple[Table, ...]
    figures: dict[str, Figure]
    files: tuple[Path, ...] = ()


def answer_folder(folder: Path) -> AnalysisReport:
    """Answer the finished sweep of a folder, which is only read. Raises BadInputError if it holds none."""
    sweep = load_sweep(folder)
    answer = answer_sweep(sweep)
    tables = (*tabulate(answer, sweep), tabulate_computed(sweep.store))
    return AnalysisReport(sweep, tables, draw_figures(answer, sweep))


def write_analysis(folder: Path) -> AnalysisReport:
    """Answer the sweep of a folder and write tables, figures and the result there.

    They replace those of before; other files stay.

    Raises BadInputError if the folder holds no finished sweep; StorageError if it cannot be written.
    """
    found = answer_folder(folder)
    files = (*write_tables(found.tables, folder / TABLES), *write_figures(found.figures, folder / FIGURES))
    write_json(folder / RESULT_NAME, describe_result(found.sweep, found.tables))
    return replace(found, files=(*files, folder / RESULT_NAME))


def describe_result(sweep: Sweep, tables: Sequence[Table]) -> dict[str, Any]:
    """The JSON of an answer: question, formulas, settings, facts and the summary table."""
    first = tables[0]
    return {
        "question": str(sweep.config.question),
        "formulas": read_formulas(sweep.config.question),
        "settings": unstructure(sweep.config),
        "facts": sweep.facts,
        "computed": describe_computed(tables[-1]),
        "share_not_converged": plain(sweep.share_not_converged),
        "unit_of_epsilon": "[0, 1] pixel units at the network's input size",
        "summary": [dict(zip(first.columns, map(plain, row), strict=True)) for row in first.rows],
    }


def write_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Answer the finished sweeps of `folders` again and write one page that needs nothing else; returns its path.

    By default the page lies in the first folder, and each folder's tables and figures are written anew; with `out` the
    folders are only read. Raises as `write_analysis` does.
    """
    path = folders[0] / REPORT_NAME if out is None else out
    if path.is_file() and TITLE not in path.read_text(encoding="utf-8", errors="replace"):
        advice = "The program did not write it, and nothing is overwritten. Choose another --out."
        raise refusal("out", allowed="a new file or an earlier report", got=str(path), advice=advice)
    check_file(path)
    reports = [write_analysis(folder) if out is None else answer_folder(folder) for folder in folders]
    text = fill_template("report.html", sections=[_describe(report) for report in reports])
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def tabulate_computed(store: CellStore[Any, Any]) -> Table:
    """Computers, devices and versions, with how many cells each computed and in what time."""
    rows = (
        {"computer": made.host, "device": made.device, "versions": made.circumstances[1], "cells": n_cells}
        | {"hours": made.seconds / 3600}
        for made, n_cells in store.count_made()
    )
    return make_table("computed", "Where it was computed", rows)


def describe_computed(computed: Table) -> str:
    """One or two sentences: the device and versions, or that there are several and how far numbers may differ."""
    devices, versions = (list(dict.fromkeys(computed.frame[name])) for name in ("device", "versions"))
    told = f"Device {' and '.join(devices)}; {' and '.join(versions)}."
    if len(devices) == len(versions) == 1:
        return told
    return f"{told} The cells are of several devices or versions, as the last table says. {TOLERANCE}"


def _describe(report: AnalysisReport) -> dict[str, Any]:
    """What the page says of one analysis, methods with every setting among it."""
    config, facts = report.sweep.config, report.sweep.facts
    subjects = [load_subject(name) for name in config.subjects]
    side = config.reference_side
    sides = {find_network(encoder.network).input_size for encoder in config.encoders}
    kinds = (("re-fitted copies", config.refitted), ("untrained networks", config.untrained))
    return {
        "config": config,
        "question": str(config.question),
        "simulated": [one.title for one in subjects if one.kind == "simulated"],
        "labels": report.sweep.labels,
        "subjects": [one.title for one in subjects],
        "search": _describe_search(config),
        "attacks": [kind.words for kind in config.attacks],
        "not_converged": f"{report.sweep.share_not_converged:.0%}" if report.sweep.share_not_converged > 0 else "",
        "budgets": [format_epsilon(epsilon, config.norms[0]) for epsilon in config.ladder],
        "grey": f"{255 * config.ladder[-1] / np.sqrt(3 * side * side):.2f}",
        "other_sides": sorted(sides - {side}),
        "copies": [(what, [report.sweep.labels[one] for one in which]) for what, which in kinds],
        "computed": describe_computed(report.tables[-1]),
        "hashes": facts["encoder_sha256"],
        "without_copy": facts.get("no_copy", []),
        "formulas": read_formulas(config.question).items(),
        "figures": [inline_svg(figure) for figure in report.figures.values()],
        "tables": report.tables,
    }


def _describe_search(config: SweepConfig) -> list[str]:
    words = []
    if any(kind is not AttackKind.SQUARE for kind in config.attacks):
        fixed = f"{config.n_steps} steps of 2.5 epsilon / {config.n_steps}"
        steps = describe_steps(config.n_steps) if config.step_rule is StepRule.FALLING else fixed
        words.append(f"projected gradient ascent ({steps})")
    if AttackKind.SQUARE in config.attacks:
        words.append(f"random squares ({config.n_queries:,} forward passes, no gradient)")
    return words
