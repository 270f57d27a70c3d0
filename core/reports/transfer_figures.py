"""The figures of a transfer: matrix and tree, attacks, alignment, controls, cortical maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.datasets.subject import load_subject
from core.reports.figure_parts import (
    amplify,
    colour_of,
    draw_matrix,
    make_figure,
    mark_level,
    name_ticks,
    show_picture,
    strip_axis,
)
from core.surfaces.picture import can_draw, draw_map
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.cell_view import CellChoice, CellView, read_cell
from core.sweeps.gather import Sweep
from core.sweeps.plan import VARIANTS
from core.sweeps.transfer import Case, TransferAnswer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_MAPS = 5
"""Encoders in the figure of cortical maps; the cells of the window show all."""
TILE = 110
"""Pixels of one view of a hemisphere."""
ROBUST_INK = "#1d7d4f"


def draw_transfer_figures(answer: TransferAnswer, sweep: Sweep) -> dict[str, Figure]:
    """Every figure, by name: a matrix for each norm and attack, then what compares them."""
    figures = {}
    for number, case in enumerate(answer.cases):
        name = "transfer" if number == 0 else f"transfer_{case.norm}_{case.attack}"
        figures[name] = draw_case(answer, case)
    if len(answer.cases) > 1:
        figures["attacks"] = draw_cases(answer)
    figures |= {"controls": draw_controls(answer), "alignment": draw_alignment(answer)}
    if any(can_draw(load_subject(subject).surface) for subject in sweep.config.subjects):
        figures["maps"] = draw_maps(sweep)
    return figures


def draw_case(answer: TransferAnswer, case: Case) -> Figure:
    """The matrix over all targets, beside it T to each source's own re-fitted copy, and the tree of encoders."""
    from matplotlib.patches import Rectangle
    from scipy.cluster.hierarchy import dendrogram

    order, labels, table = list(case.order), list(answer.labels), case.tables[0]
    rows = [*order, *range(len(labels), len(table.sources))]
    copies = np.full((len(rows), 1), np.nan)
    copies[: len(order), 0] = [table.copies[one].value for one in order]
    matrix = table.ratio[np.ix_(rows, order)]
    has_copies = bool(np.isfinite(copies).any())
    columns = [labels[one] for one in order] + ["own re-fitted copy"] * has_copies
    figure, axes = make_figure(1, 2, width=5.4, height=1.4 + 0.5 * len(rows))
    shown = np.hstack([matrix, copies]) if has_copies else matrix
    names = [table.sources[one] for one in rows]
    draw_matrix(axes[0][0], shown, rows=names, columns=columns, limits=(-1, 1), colours="RdBu_r")
    for place in np.arange(len(order)) - 0.46:
        axes[0][0].add_patch(Rectangle((place, place), 0.92, 0.92, fill=False, lw=1.2, ls=":", ec="#ffffff"))
    framed = "left out of the ensemble" if table.sources[0] not in labels else "own weights, 1 by definition"
    axes[0][0].set(xlabel="recipient", ylabel="source", title=f"T(A→B) · {case.label} · framed: {framed}")
    ink: dict[str, Any] = {"color_threshold": 0, "above_threshold_color": "#444444"}
    dendrogram(case.tree, labels=labels, ax=axes[0][1], orientation="right", **ink)
    axes[0][1].set(xlabel="1 − mean T", title="clusters; green: robustified networks")
    for axis in axes[0]:
        _mark_robust(axis, answer)
    return figure


def _mark_robust(axis: Axes, answer: TransferAnswer) -> None:
    robust = {label for label, is_robust in zip(answer.labels, answer.robust, strict=True) if is_robust}
    for text in (*axis.get_yticklabels(), *axis.get_xticklabels()):
        text.set_fontsize(7)
        if text.get_text().removeprefix("all but ") in robust:
            text.set_color(ROBUST_INK)


def draw_cases(answer: TransferAnswer) -> Figure:
    """Mean T into each encoder from perturbations made without it, under every norm and attack."""
    figure, axes = make_figure(1, 1, width=7)
    axis = axes[0][0]
    for index, label in enumerate(answer.labels):
        heights = [mean_into(case, index) for case in answer.cases]
        axis.plot(range(len(heights)), heights, marker="o", ms=5, ls=":", lw=0.8, color=colour_of(index), label=label)
    mark_level(axis, 0, ls="-")
    name_ticks(axis, [case.label for case in answer.cases], rotation=20)
    axis.set_ylabel("T into the recipient", fontsize=8)
    axis.set_title("mean over the other sources, relatives too; of ensembles, the one that left the recipient out")
    axis.legend(title="recipient")
    return figure


def mean_into(case: Case, recipient: int) -> float:
    """Mean T into one encoder over the other encoders as sources; of ensembles, T of the one without it."""
    column = case.tables[0].square[:, recipient]
    if case.attack is AttackKind.ENSEMBLE:
        return float(column[recipient])
    return float(np.nanmean(np.delete(column, recipient)))


def draw_alignment(answer: TransferAnswer) -> Figure:
    """Alignment of the subspaces of perturbations under each norm and of gradients."""
    order = list(answer.cases[0].order)
    names = [answer.labels[one] for one in order]
    figure, axes = make_figure(1, len(answer.alignments), width=4.6, height=3.8)
    for axis, one in zip(axes[0], answer.alignments, strict=True):
        shown = one.matrix[np.ix_(order, order)]
        draw_matrix(axis, shown, rows=names, columns=names, limits=(0, 1), colours="viridis")
        axis.set_title(f"{one.label}: mean cos², k = {one.n_axes}, chance {one.chance:.1e}")
    return figure


def draw_controls(answer: TransferAnswer) -> Figure:
    """What the perturbation and every control do to the other encoders, mean over recipients."""
    table = answer.tables[0]
    figure, axes = make_figure(1, 1, width=6.5)
    axis, n_encoders = axes[0][0], len(answer.labels)
    step = 0.8 / len(table.sources)
    for source, label in enumerate(table.sources):
        own = answer.labels.index(label.removesuffix(" untrained"))
        others = np.arange(n_encoders) != own
        heights = [float(table.raw[variant, source][others].mean()) for variant in range(len(VARIANTS))]
        places = np.arange(len(VARIANTS)) + (source - (len(table.sources) - 1) / 2) * step
        hatch = "////" if source >= n_encoders else None
        colour = colour_of(own)
        fill = "none" if hatch else colour
        axis.bar(places, heights, width=step * 0.9, color=fill, ec=colour, hatch=hatch, label=label)
    mark_level(axis, 0, ls="-", color="#444444")
    name_ticks(axis, VARIANTS, rotation=20, size=8)
    axis.set(ylabel="shift of the other encoders (SD)")
    axis.legend(title="made on")
    return figure


def draw_maps(sweep: Sweep) -> Figure:
    """The first target's probes of the first image, and the mean cortical shift they cause in every encoder."""
    n_shown = min(len(sweep.labels), MOST_MAPS)
    views = [[read_cell(sweep, CellChoice(a, b)) for b in range(n_shown)] for a in range(n_shown)]
    limit = max(view.limit for row in views for view in row)
    figure, axes = make_figure(n_shown, n_shown + 3, width=1.9, height=1.6)
    for a, row in enumerate(views):
        _show_images(axes[a], row[a])
        axes[a][0].set_ylabel(sweep.labels[a].replace(" ", "\n"), fontsize=7)
        for b, view in enumerate(row):
            axis = axes[a][3 + b]
            strip_axis(axis)
            recipient = view.maps[-1]
            subject = load_subject(recipient.subject)
            if can_draw(subject.surface):
                axis.imshow(draw_map(subject.surface, subject.voxels, recipient.values, limit=limit, tile=TILE))
            if a == 0:
                axis.set_title("in " + recipient.label.replace(" ", "\n"), fontsize=6)
    config = sweep.config
    figure.suptitle(
        f"{config.directions[0]} {config.targets[0].label} · {config.images[0]} · maps: mean shift over images, "
        f"−{limit:.2g} to {limit:.2g} voxel SDs (blue to red), source down, scored across"
    )
    return figure


def _show_images(axes: list[Axes], view: CellView) -> None:
    amplified, factor = amplify(view.change)
    names = ("clean", "perturbed", f"change × {factor:.0f}")
    for axis, levels, name in zip(axes, (view.clean, view.perturbed, amplified), names, strict=False):
        show_picture(axis, levels)
        axis.set_title(name, fontsize=6)
