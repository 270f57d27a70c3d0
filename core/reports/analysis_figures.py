"""The figures of an analysis, drawn with matplotlib without a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.datasets.subject import load_subject
from core.reports.figure_parts import (
    COLOURS,
    colour_of,
    draw_bar,
    draw_curve,
    figure_style,
    make_figure,
    mark_level,
    marker_of,
    name_ticks,
    say_whose,
    style_of,
)
from core.reports.meaning_figures import draw_meaning_figures
from core.reports.transfer_figures import draw_transfer_figures
from core.sweeps.answer import Answer
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.statistics import Interval
from core.sweeps.transfer import TransferAnswer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_figures(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    """Every figure of an answer, by name, each saying whose responses it shows."""
    subjects = [load_subject(one) for one in sweep.config.subjects]
    whose = [one.title if one.kind in one.title.lower() else f"{one.title} ({one.kind})" for one in subjects]
    with figure_style():
        figures = _draw(answer, sweep)
        for figure in figures.values():
            say_whose(figure, "; ".join(whose))
    return figures


def _draw(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    if isinstance(answer, Fragility):
        return {"fragility": draw_fragility(answer, sweep), "parts": draw_parts(answer, sweep)}
    if isinstance(answer, Discriminability):
        return {"discriminability": draw_discriminability(answer)}
    if isinstance(answer, TransferAnswer):
        return draw_transfer_figures(answer, sweep)
    return draw_meaning_figures(answer, sweep)


def draw_fragility(answer: Fragility, sweep: Sweep) -> Figure:
    """Sensitivity along the epsilon grid, and against predictivity, with intervals."""
    figure, axes = make_figure(1, 2, width=4.2)
    curve, scatter = axes[0]
    epsilons = sweep.config.ladder
    for index, row in enumerate(answer.overall):
        draw_curve(curve, epsilons, row.sensitivity, index=index, label=row.label)
        curve.plot(epsilons, [one.value for one in row.control], color=colour_of(index), lw=0.8, ls=":")
        _point(scatter, row.r, row.sensitivity[-1], index, row.label)
    mark_level(curve, 1)
    curve.set(yscale="log", ylabel="sensitivity (SD)", title="dotted: random control of equal norm")
    _mark_budgets(curve, sweep)
    scatter.set(xlabel="held-out r", ylabel=f"sensitivity at epsilon {epsilons[-1]:g} (SD)", ylim=(0, None))
    curve.legend()
    return figure


def draw_parts(answer: Fragility, sweep: Sweep) -> Figure:
    """Feature against voxel fragility; linearity and curvature along epsilon; the two norms against each other."""
    figure, axes = make_figure(2, 2, width=4.2)
    (parts, linear), (bend, norms) = axes
    for index, part in enumerate(answer.parts):
        readout = part.alignment * part.weight_size_sd
        parts.scatter(part.feature_change, readout, color=colour_of(index), marker=marker_of(index), label=part.label)
        draw_curve(linear, sweep.config.ladder, part.linearity, index=index, label=part.label)
        bend.plot(part.path, part.angles, **style_of(index, part.label))
    parts.set(xlabel="||Δφ|| / ||φ||  (features)", ylabel="||w|| |cos(w, Δφ)| / σ  (readout)")
    parts.set(xlim=(0, None), ylim=(0, None))
    parts.legend()
    mark_level(linear, 1)
    _mark_budgets(linear, sweep)
    linear.set(ylabel="attack shift / first-order shift")
    bend.set(xlabel=f"{sweep.config.norms[0].capitalize()} epsilon, along the straight path", ylabel="angle of φ (deg)")
    bend.set(ylim=(0, None), title="path curvature; 0: straight")
    norms.set_visible(bool(answer.norm_agreement))
    if answer.norm_agreement:
        _compare_norms(norms, answer, sweep)
    return figure


def _compare_norms(axis: Axes, answer: Fragility, sweep: Sweep) -> None:
    """Every encoder's targets under the two norms, at equal RMS change."""
    first, second = (sweep.sensitivity(norm)[..., -1].mean(axis=-1) for norm in (0, 1))
    for index in range(len(sweep.labels)):
        axis.scatter(first[index], second[index], s=18, color=colour_of(index), marker=marker_of(index))
    names = [f"sensitivity, {norm.capitalize()} (SD)" for norm in sweep.config.norms]
    title = f"r = {answer.norm_agreement[-1].describe('.2f')} over encoders and targets"
    axis.set(xlabel=names[0], ylabel=names[1], title=title)


def draw_discriminability(answer: Discriminability) -> Figure:
    """Encoder means by both measures, and every statistic side by side."""
    figure, axes = make_figure(1, 3, width=3.8, height=3.8)
    both, statistics = (answer.sensitivity, answer.predictivity), axes[0][2]
    for one, measure in zip(axes[0][:2], both, strict=True):
        for index, interval in enumerate(measure.means):
            draw_bar(one, index, interval, colour_of(index))
        name_ticks(one, answer.labels)
        one.set(ylabel=f"{measure.measure} ({measure.unit})")
    for shift, measure, colour in ((-0.18, both[0], COLOURS[1]), (0.18, both[1], COLOURS[0])):
        for place, interval in enumerate(measure.statistics.values()):
            draw_bar(statistics, place + shift, interval, colour, width=0.34)
        statistics.bar(0, 0, color=colour, label=measure.measure)
    name_ticks(statistics, list(answer.sensitivity.statistics))
    statistics.legend()
    statistics.set(ylabel="unit 1")
    return figure


def _point(axis: Axes, x: Interval, y: Interval, index: int, label: str) -> None:
    if np.isfinite(x.value):
        across, up = ([[abs(one.value - one.low)], [abs(one.high - one.value)]] for one in (x, y))
        axis.errorbar(x.value, y.value, xerr=across, yerr=up, lw=1, **style_of(index, label, 6))


def _mark_budgets(axis: Axes, sweep: Sweep) -> None:
    """A logarithmic axis of epsilon with ticks at the epsilon grid's own budgets, and no minor ones."""
    axis.set(xscale="log", xlabel=f"{sweep.config.norms[0].capitalize()} epsilon")
    axis.set_xticks(sweep.config.ladder, [f"{epsilon:.3g}" for epsilon in sweep.config.ladder])
    axis.minorticks_off()
