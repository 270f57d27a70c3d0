"""Writes an answered sweep beside its cells: tables, figures, one JSON with every setting. Never runs a sweep.

FOLDER/sweep.json   settings, hashes, versions     FOLDER/tables/*.csv (.parquet)
FOLDER/cells/       the finished cells             FOLDER/figures/*.svg, *.png, *.pdf
FOLDER/result.json  formulas, settings, summary
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.files import replace_file
from core.reports.analysis_figures import draw_figures
from core.reports.analysis_tables import Table, tabulate, write_tables
from core.sweeps.answer import FORMULAS, Answer, answer_sweep
from core.sweeps.gather import Sweep, load_sweep
from core.sweeps.store import pack_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLES, FIGURES, RESULT_NAME = "tables", "figures", "result.json"
DOTS_PER_INCH = 150


@dataclass(frozen=True, slots=True, eq=False)
class AnalysisReport:
    """What was found and written."""

    folder: Path
    sweep: Sweep
    answer: Answer
    tables: tuple[Table, ...]
    figures: dict[str, Figure]
    files: tuple[Path, ...]


def write_analysis(folder: Path) -> AnalysisReport:
    """Answer the sweep of a folder and write tables, figures and the result there.

    Tables and figures are made again from the cells, so earlier ones are replaced.

    Raises
    ------
    BadInputError
        If the folder holds no finished sweep.
    StorageError
        If it cannot be written.
    """
    sweep = load_sweep(folder)
    answer = answer_sweep(sweep)
    tables, figures = tabulate(answer, sweep), draw_figures(answer, sweep)
    result = describe_result(sweep, tables)
    text = json.dumps(result, indent=1) + "\n"
    files = (*write_folder(folder / TABLES, tables), *draw_folder(folder / FIGURES, figures))
    replace_file(folder / RESULT_NAME, lambda partial: partial.write_text(text, encoding="utf-8"))
    return AnalysisReport(folder, sweep, answer, tables, figures, (*files, folder / RESULT_NAME))


def describe_result(sweep: Sweep, tables: Iterable[Table]) -> dict[str, Any]:
    """The JSON of an answer: question, formulas, settings, facts and the summary table."""
    first = next(iter(tables))
    return {
        "question": str(sweep.config.question),
        "formulas": dict(FORMULAS[sweep.config.question]),
        "settings": pack_config(sweep.config),
        "facts": sweep.facts,
        "unit_of_epsilon": "[0, 1] pixel units at the network's input size",
        "summary": [dict(zip(first.columns, map(_plain, row), strict=True)) for row in first.rows],
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def write_folder(folder: Path, tables: tuple[Table, ...]) -> tuple[Path, ...]:
    """Write the tables into a folder made anew; returns the files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return write_tables(tables, folder)


def draw_folder(folder: Path, figures: dict[str, Figure]) -> tuple[Path, ...]:
    """Write every figure as SVG, PNG and PDF into a folder made anew; returns the files."""
    import matplotlib as mpl

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = []
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "probescope"}):
        for name, figure in figures.items():
            for suffix in ("svg", "png", "pdf"):
                path = folder / f"{name}.{suffix}"
                stamp = {"png": None, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[suffix]
                figure.savefig(path, dpi=DOTS_PER_INCH, metadata=stamp)
                written.append(path)
    return tuple(written)
