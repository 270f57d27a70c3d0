"""Writes a study: its tables, its figure and one honest page. Never runs it."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.export.analysis_figures import colour_of, make_figure
from core.export.analysis_tables import Table, write_tables
from core.export.report import STYLE, format_table, inline_svg
from core.files import new_folder
from core.sweeps.study import StudyConfig, StudyRow, Verdict, judge_study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = (
    "Everything here is simulated. The shipped simulated subject's teacher (a ResNet-50) is not shipped, so this "
    "study makes subjects of its own: the true axis of every voxel is a random mixture of the main components of an "
    "embedded network's averaged features, and that network is then not offered as a candidate. Noise is Gaussian. "
    "Candidates are fitted by ridge to noisy responses. With few networks and one way of simulating, this tests the "
    "method's logic, not its power on brains; a candidate that shares its architecture with the teacher has an "
    "advantage that real encoders need not have."
)


def write_study(config: StudyConfig, rows: Sequence[StudyRow], versions: dict[str, str], folder: Path) -> Path:
    """Write tables, figure, settings and the page into a new folder; returns the page.

    Raises BadInputError or StorageError if the folder is not free or cannot be written.
    """
    verdicts = judge_study(rows)
    tables = tabulate_study(rows, verdicts)
    figure = draw_study(rows)
    page = compose_study(config, tables, figure, versions=versions)
    with new_folder(folder) as partial:
        write_tables(tables, partial)
        figure.savefig(partial / "study.svg", metadata={"Date": None})
        figure.savefig(partial / "study.png", dpi=150)
        settings = {"settings": asdict(config), "versions": versions, "verdicts": [asdict(one) for one in verdicts]}
        (partial / "study.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        (partial / "report.html").write_text(page, encoding="utf-8")
    return folder / "report.html"


def tabulate_study(rows: Sequence[StudyRow], verdicts: Sequence[Verdict]) -> tuple[Table, ...]:
    """Candidates, and which measure picked the nearest."""
    columns = ("truth in", "noise (signal SD)", "candidate", "held-out r", "r with the noiseless truth")
    columns_all = (*columns, "sensitivity (SD)", "T(candidate -> true voxel)", "random control")
    names = ("truth in", "noise (signal SD)", "nearest to the truth", "chosen by r", "chosen by low sensitivity")
    names_all = (*names, "rank correlation of T with r", "rank correlation of T with low sensitivity")
    return (
        Table(
            "verdicts",
            "Which measure picks the candidate whose probes move the true voxel most",
            names_all,
            tuple(map(astuple, verdicts)),
        ),
        Table("candidates", "Candidates", columns_all, tuple(map(astuple, rows))),
    )


def draw_study(rows: Sequence[StudyRow]) -> Figure:
    """T to the true voxel against sensitivity and against predictivity; a row a teacher."""
    teachers, networks = (list(dict.fromkeys(getattr(row, name) for row in rows)) for name in ("teacher", "network"))
    figure, axes = make_figure(len(teachers), 2, width=4.4)
    for line, teacher in enumerate(teachers):
        own = [row for row in rows if row.teacher == teacher]
        levels = sorted({row.noise for row in own})
        for row in own:
            size = 30 + 50 * levels.index(row.noise)
            for axis, value in zip(axes[line], (row.r, row.sensitivity), strict=True):
                axis.scatter(value, row.truth, s=size, color=colour_of(networks.index(row.network)), alpha=0.8, lw=0)
        axes[line][0].set(xlabel="held-out r", ylabel=f"T to the true voxel, in {teacher}")
        axes[line][1].set(xlabel="sensitivity (SD)")
    for index, name in enumerate(networks):
        axes[0][1].scatter([], [], color=colour_of(index), label=name)
    axes[0][1].legend(fontsize=7, frameon=False)
    figure.suptitle("larger dots: more noise", fontsize=8)
    return figure


def compose_study(config: StudyConfig, tables: Sequence[Table], figure: Figure, *, versions: dict[str, str]) -> str:
    """The page."""
    picked = tables[0].rows
    by_r = np.mean([row[3] == row[2] for row in picked])
    by_sensitivity = np.mean([row[4] == row[2] for row in picked])
    found = (
        f"In {len(picked)} simulated recordings, predictivity picked the candidate nearest to the truth in {by_r:.0%}, "
        f"low sensitivity in {by_sensitivity:.0%}."
    )
    settings = ", ".join(f"{one.name} {getattr(config, one.name)}" for one in fields(config))
    shown = ", ".join(f"{name} {value}" for name, value in versions.items())
    body = "".join(format_table(table) for table in tables)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Probescope study</title>'
        f"<style>{STYLE}</style></head><body><h1>A test of the method on known axes</h1>"
        f'<p class="warning">{html.escape(ABOUT)}</p>'
        f"<p><b>{html.escape(found)}</b></p><p>T(A → true) = shift_true(δ_A) / shift_true(δ_true), same image, voxel, "
        f"ε; shifts summed before dividing; the control is a random direction of equal norm.</p>"
        f"<figure>{inline_svg(figure)}</figure>{body}"
        f'<p class="note">{html.escape(settings)}. {html.escape(shown)}.</p></body></html>\n'
    )
