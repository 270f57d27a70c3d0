"""One self-contained HTML page of one or more analyses: methods, formulas, tables, figures, sources. Never computes."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.attacks.config import format_epsilon
from core.datasets.subject import load_subject
from core.files import replace_file
from core.networks.catalog import find_network
from core.reports.analysis_package import AnalysisReport, write_analysis
from core.reports.analysis_tables import Table, Value
from core.sweeps.answer import FORMULAS
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.config import SweepConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_NAME = "report.html"
MOST_ROWS = 60
"""Rows of a table on the page; the CSV file holds all."""

CITATIONS = (
    "McNeal & Ratan Murty 2025, arXiv 2509.23333: the questions. Definitions, layers, splits and budgets are this "
    "program's own; its numbers are not those of that paper.",
    "Madry et al. 2018, arXiv 1706.06083: projected gradient ascent.",
    "Hénaff, Goris & Simoncelli 2019, doi:10.1038/s41593-019-0377-4: curvature of a path.",
    "Treves & Rolls 1991, Network 2:371: sparseness. Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420: ICC.",
    "Dong et al. 2018, arXiv 1710.06081; Xie et al. 2019, arXiv 1803.06978; Dong et al. 2019, arXiv 1904.02884; Liu et "
    "al. 2017, arXiv 1611.02770: momentum, diverse inputs, translation, ensembles.",
    "Andriushchenko et al. 2020, arXiv 1912.00049: square search without gradients.",
    "Björck & Golub 1973, doi:10.2307/2005662: principal angles between subspaces.",
    "Holm 1979, Scandinavian Journal of Statistics 6:65; Efron & Tibshirani 1993: corrections and intervals.",
)

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #5d6670; --line: #d9dee4; --paper: #fff; --soft: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --muted: #9aa4af; --line: #343b44; --paper: #16191d;
 --soft: #1d2126; } figure svg { background: #fff; border-radius: 6px; } }
body { font: 15px/1.55 Inter, system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px;
 margin: 40px auto; padding: 0 24px; }
h1 { font-size: 26px; margin-bottom: 4px; }
h2 { margin-top: 44px; border-top: 1px solid var(--line); padding-top: 24px; }
h3 { font-size: 15px; margin: 26px 0 6px; } p.note { color: var(--muted); } code { font-size: 13px; }
p.warning { background: #fff3d6; color: #5b4300; padding: 8px 12px; border-radius: 6px; }
table { border-collapse: collapse; font-size: 12.5px; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 600; white-space: normal; } figure { margin: 18px 0; }
svg { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; background: var(--soft); padding: 12px 16px;
 border-radius: 8px; } dt { font-weight: 600; } dd { margin: 0; }
"""


def write_report(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Answer the finished sweeps of `folders` again and write one page; returns its path.

    By default the page lies in the first folder. Raises as `write_analysis` does.
    """
    reports = [write_analysis(folder) for folder in folders]
    path = out if out is not None else folders[0] / REPORT_NAME
    text = compose_page(reports)
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def compose_page(reports: Sequence[AnalysisReport]) -> str:
    """The whole page as HTML that needs nothing else."""
    sections = "\n".join(_section(report) for report in reports)
    cited = "".join(f"<li>{html.escape(line)}</li>" for line in CITATIONS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Probescope report</title>'
        f"<style>{STYLE}</style></head><body><h1>Probescope report</h1>"
        f'<p class="note">{html.escape(", ".join(str(report.sweep.config.question) for report in reports))}</p>'
        f"{sections}<h2>Sources</h2><ul>{cited}</ul></body></html>\n"
    )


def describe_methods(config: SweepConfig, facts: dict[str, object]) -> str:
    """The methods as a paragraph with every setting."""
    norm = config.norms[0]
    budgets = ", ".join(format_epsilon(epsilon, norm) for epsilon in config.ladder)
    sides = sorted({find_network(encoder.network).input_size for encoder in config.encoders})
    side = config.reference_side
    grey = f"{255 * config.ladder[-1] / np.sqrt(3 * side * side):.2f}"
    others = _describe_sizes(sides, side)
    second = "" if len(config.norms) < 2 else " A second norm takes the budgets of equal RMS change."
    rms = f" (the highest changes pixels by {grey} grey levels RMS at most)" if norm == "l2" else ""
    versions = facts.get("versions", {})
    shown = ", ".join(f"{name} {value}" for name, value in versions.items()) if isinstance(versions, dict) else ""
    return (
        f"Encoders: {', '.join(config.label_of(encoder) for encoder in config.encoders)} of "
        f"{', '.join(load_subject(name).title for name in config.subjects)}. Images ({len(config.images)}): "
        f"{', '.join(config.images)}. Targets ({len(config.targets)}): "
        f"{', '.join(target.label for target in config.targets)}. Directions: {', '.join(config.directions)}. "
        f"Each image was attacked by {_describe_search(config)} under {norm.capitalize()} budgets {budgets} in [0, 1] "
        f"pixel units at the network's input size{rms}, "
        f"every rung started from the last one's result; the best iterate was kept and scored again from its "
        f"delivered pixels.{second}{others}{_describe_attacks(config)} "
        f"Voxels below cross-validated r {config.gate:g} were not used. Predictivity was "
        f"measured on at most {config.n_test} held-out images. Intervals cover {config.confidence:.0%}: bootstrap over "
        f"images and targets, {config.n_bootstrap} resamples. Seed {config.seed}. "
        f"Device {facts.get('device', '')}; {shown}."
    )


def _describe_search(config: SweepConfig) -> str:
    """How each budget was searched."""
    words = []
    if any(kind is not AttackKind.SQUARE for kind in config.attacks):
        words.append(f"projected gradient ascent ({config.n_steps} steps of 2.5 epsilon / {config.n_steps})")
    if AttackKind.SQUARE in config.attacks:
        words.append(f"random squares ({config.n_queries:,} forward passes, no gradient)")
    return " and by ".join(words)


def _describe_sizes(sides: list[int], reference: int) -> str:
    """What became of networks of another input size, as a sentence; "" where there is none."""
    if len(sides) < 2:
        return ""
    rest = ", ".join(str(one) for one in sides if one != reference)
    return (
        f" Budgets are those of {reference} px images; networks of {rest} px took budgets of equal RMS change, and "
        "perturbations were resampled to them (bicubic, antialiased)."
    )


def _describe_attacks(config: SweepConfig) -> str:
    """Attacks and copies, as sentences."""
    told = ""
    if config.attacks != (AttackKind.PGD,):
        told += f" Attacks: {'; '.join(kind.caption for kind in config.attacks)}."
    for which, what in ((config.refitted, "re-fitted copies"), (config.untrained, "untrained networks")):
        if which:
            names = ", ".join(config.label_of(config.encoders[one]) for one in which)
            told += f" There were {what} of {names}, fitted to at most {config.n_refit} training images, half of them."
    return told


def _section(report: AnalysisReport) -> str:
    config, facts = report.sweep.config, report.sweep.facts
    formulas = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in FORMULAS[config.question]
    )
    hashes = ", ".join(f"{name} {str(digest)[:12]}" for name, digest in facts["encoder_sha256"].items())
    missing = "".join(f'<p class="note">{html.escape(line)}</p>' for line in facts.get("no_copy", []))
    figures = "".join(f"<figure>{inline_svg(figure)}</figure>" for figure in report.figures.values())
    tables = "".join(format_table(table) for table in report.tables)
    return (
        f"<h2>{html.escape(config.question.capitalize())}</h2>{_warn_simulated(config)}"
        f"<p>{html.escape(describe_methods(config, facts))}</p>"
        f'<p class="note">Encoder hashes: {html.escape(hashes)}.</p>{missing}<dl>{formulas}</dl>{figures}{tables}'
    )


def _warn_simulated(config: SweepConfig) -> str:
    simulated = [load_subject(name).title for name in config.subjects if load_subject(name).kind == "simulated"]
    if not simulated:
        return ""
    return f'<p class="warning">Simulated responses ({html.escape(", ".join(simulated))}): no finding about brains.</p>'


def format_table(table: Table) -> str:
    """A table as HTML, its first rows."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_format(value))}</td>" for value in row) + "</tr>"
        for row in table.rows[:MOST_ROWS]
    )
    rest = len(table.rows) - MOST_ROWS
    more = f'<p class="note">{rest:,} more rows in tables/{table.name}.csv</p>' if rest > 0 else ""
    return f"<h3>{html.escape(table.title)}</h3><div class='wide'><table><tr>{head}</tr>{body}</table></div>{more}"


def _format(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if np.isfinite(value) else "–" if np.isnan(value) else "∞"
    return str(value)


def inline_svg(figure: Figure) -> str:
    """A figure as an <svg> element that keeps its text."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "probescope"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
