"""The figures of an analysis for its report: which plots and pictures stand together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from core.datasets.subject import load_subject
from core.reports import answer_plots as plots
from core.reports.draw_plot import draw_grid, draw_pictures, draw_plot, make_axes, say_whose
from core.reports.inks import house_style
from core.reports.pictures import find_limit, has_surfaces, picture_budgets, picture_cell, picture_energy, picture_map
from core.sweeps.answer import Answer
from core.sweeps.cell_view import CellChoice, read_cell
from core.sweeps.disagreement import Disagreement
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.meaning import Meaning
from core.sweeps.transfer import Case, TransferAnswer
from core.types import NormName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TARGETS, MOST_MAPS = 6, 5
"""Targets, and encoders, in figures of pictures; the tables and the window show all."""
TILE = 115
"""Pixels of one view of a hemisphere."""


def draw_figures(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    """Every figure of an answer, by name, each saying whose responses it shows."""
    with house_style():
        figures = _draw(answer, sweep)
        for figure in figures.values():
            say_whose(figure, "; ".join(load_subject(one).named for one in sweep.config.subjects))
    return figures


def _draw(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    if isinstance(answer, Fragility):
        parts = [plots.plot_parts, plots.plot_linearity, plots.plot_curvature]
        parts += [plots.plot_norms] if answer.norm_agreement else []
        first = [plots.plot_sensitivity(answer, sweep), plots.plot_scatter(answer, sweep)]
        return {"fragility": draw_grid(first), "parts": draw_grid([one(answer, sweep) for one in parts], across=2)}
    if isinstance(answer, Discriminability):
        row = [*plots.plot_means(answer), plots.plot_statistics(answer)]
        return {"discriminability": draw_grid(row, width=3.8, height=3.8)}
    if isinstance(answer, Disagreement):
        size = 2.4 + 0.5 * len(answer.labels)
        names = [f"disagreement_{table.norm}_{table.roi}" for table in answer.tables]
        drawn = [draw_grid(plots.plot_pairs(answer, one), width=2 + size, height=size) for one in answer.tables]
        return dict(zip(names, drawn, strict=True))
    return _draw_transfer(answer, sweep) if isinstance(answer, TransferAnswer) else _draw_meaning(answer, sweep)


def _draw_transfer(answer: TransferAnswer, sweep: Sweep) -> dict[str, Figure]:
    """A matrix for each norm and attack, then what compares them."""
    figures = {"transfer": _draw_case(answer, answer.cases[0])}
    figures |= {f"transfer_{case.norm}_{case.attack}": _draw_case(answer, case) for case in answer.cases[1:]}
    if len(answer.cases) > 1:
        figures["attacks"] = draw_grid([plots.plot_cases(answer)], width=7)
    figures["controls"] = draw_grid([plots.plot_controls(answer)], width=6.5)
    alignments = [plots.plot_alignment(answer, k, answer.cases[0]) for k in range(len(answer.alignments))]
    figures["alignment"] = draw_grid(alignments, width=4.6, height=3.8)
    if has_surfaces(sweep.config.subjects[:1]) or has_surfaces(sweep.config.subjects):
        figures["maps"] = _draw_cells(sweep)
    return figures


def _draw_case(answer: TransferAnswer, case: Case) -> Figure:
    """The tree of encoders over the matrix of all targets."""
    shown = plots.plot_transfer(answer, case, case.tables[0])
    ratios = (1, 0.5 + 0.4 * len(shown.y_ticks))
    height = 1.0 + 0.25 * len(shown.y_ticks)
    figure, axes = make_axes(2, 1, width=2.6 + 0.8 * len(shown.x_ticks), height=height, height_ratios=ratios)
    draw_plot(axes[1][0], replace(shown, title=""))
    draw_plot(axes[0][0], replace(plots.plot_tree(case), title=shown.title))
    axes[0][0].set(xlim=axes[1][0].get_xlim(), xticks=[])
    axes[0][0].spines["bottom"].set_visible(False)
    return figure


def _draw_cells(sweep: Sweep) -> Figure:
    """The first target's probes of the first image, and the mean cortical shift they cause in every encoder."""
    shown = range(min(len(sweep.labels), MOST_MAPS))
    views = [[read_cell(sweep, CellChoice(a, b)) for b in shown] for a in shown]
    limit = max(find_limit(one.values for one in view.maps) for row in views for view in row)
    grid = []
    for row in views:
        maps = [view.maps[-1] for view in row]
        drawn = [
            picture_map(one.subject, one.values, limit=limit, tile=TILE, caption=f"in {one.label}") for one in maps
        ]
        grid.append([*picture_cell(row[0]), *drawn])
    config = sweep.config
    title = (
        f"{config.directions[0]} {config.targets[0].label} · {config.images[0]} · maps: mean shift over images, "
        f"−{limit:.2g} to {limit:.2g} voxel SDs (blue to red), source down, scored across"
    )
    return draw_pictures(grid, sweep.labels, title, width=1.9, height=1.6)


def _draw_meaning(answer: Meaning, sweep: Sweep) -> dict[str, Figure]:
    """What perturbations look like, where they lie and what they move; a second norm has its own figures."""
    figures = {}
    for number, norm in enumerate(sweep.config.norms):
        ending = "" if number == 0 else f"_{norm}"
        figures[f"meaning{ending}"] = _draw_places(answer, norm)
        figures[f"montage{ending}"] = _draw_montage(answer, sweep, norm)
        if has_surfaces([one.subject for one in sweep.config.encoders]):
            figures[f"maps{ending}"] = _draw_shift_maps(answer, sweep, norm)
    return figures


def _draw_places(answer: Meaning, norm: NormName) -> Figure:
    """For each encoder the energy maps of some targets, the ROI shifts, the spectrum."""
    n_targets, chosen = answer.n_targets, answer.under(norm)
    shown = min(n_targets, MOST_TARGETS)
    own = [chosen[encoder * n_targets :][:shown] for encoder in range(len(answer.labels))]
    figure = draw_pictures([list(map(picture_energy, rows)) for rows in own], answer.labels, "", spare=2, height=2.4)
    axes = figure.axes
    for encoder, rows in enumerate(own):
        rois, power = axes[(encoder + 1) * (shown + 2) - 2 :][:2]
        draw_plot(rois, plots.plot_rois(rows, [encoder] * shown, [row.target for row in rows]))
        rois.tick_params(axis="x", rotation=90)
        draw_plot(power, plots.plot_spectra(rows))
    return figure


def _draw_montage(answer: Meaning, sweep: Sweep, norm: NormName) -> Figure:
    """The first target's probes of the first image, and under them the change: encoders down, budgets across."""
    firsts = answer.under(norm)[:: answer.n_targets]
    grid = [line for row in firsts for line in picture_budgets(sweep, row)]
    names = [name for label in answer.labels for name in (label, "")]
    title = f"{norm.capitalize()} · {sweep.config.directions[0]} {firsts[0].target} · {sweep.config.images[0]}"
    return draw_pictures(grid, names, title, width=1.7, height=1.8)


def _draw_shift_maps(answer: Meaning, sweep: Sweep, norm: NormName) -> Figure:
    """The mean cortical shift by the perturbations of each encoder and target, scored by the encoder itself."""
    n_targets, rows = answer.n_targets, answer.under(norm)
    limit = find_limit(row.shift_map for row in rows)
    draw, shown = partial(picture_map, limit=limit, tile=TILE), min(n_targets, MOST_TARGETS)
    grid = [
        [
            draw(name.subject, row.shift_map, caption=f"{row.target}\nz of ROI in map {row.map_selectivity:.1f}")
            for row in rows[encoder * n_targets :][:shown]
        ]
        for encoder, name in enumerate(sweep.config.encoders)
    ]
    title = f"mean shift, −{limit:.2g} to {limit:.2g} voxel SDs (blue to red)"
    return draw_pictures(grid, answer.labels, title, width=3.0, height=2.3)
