"""The figures of an analysis, drawn with matplotlib without a screen. Never computes, never keeps pyplot's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.datasets.subject import Subject, load_subject
from core.reports.figure_parts import COLOURS, colour_of, make_figure, marker_of
from core.reports.meaning_figures import draw_meaning_figures
from core.reports.transfer_figures import draw_transfer_figures
from core.sweeps.answer import Answer
from core.sweeps.discriminability import Discriminability
from core.sweeps.fragility import Fragility
from core.sweeps.gather import Sweep
from core.sweeps.statistics import Interval
from core.sweeps.transfer import Transfer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "colour_of", "draw_figures", "make_figure"]


def draw_figures(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    """Every figure of an answer, by name, each saying whose responses it shows."""
    figures = _draw(answer, sweep)
    whose = "; ".join(_name_subject(load_subject(one)) for one in sweep.config.subjects)
    for figure in figures.values():
        figure.supxlabel(whose, fontsize=7, color="#666666", x=0.01, ha="left")
    return figures


def _name_subject(subject: Subject) -> str:
    return subject.title if subject.kind in subject.title.lower() else f"{subject.title} ({subject.kind})"


def _draw(answer: Answer, sweep: Sweep) -> dict[str, Figure]:
    if isinstance(answer, Fragility):
        return {"fragility": draw_fragility(answer, sweep), "parts": draw_parts(answer, sweep)}
    if isinstance(answer, Discriminability):
        return {"discriminability": draw_discriminability(answer)}
    if isinstance(answer, Transfer):
        return draw_transfer_figures(answer, sweep)
    return draw_meaning_figures(answer, sweep)


def draw_fragility(answer: Fragility, sweep: Sweep) -> Figure:
    """Sensitivity along the ladder, and against predictivity, with intervals."""
    figure, axes = make_figure(1, 2, width=4.2)
    curve, scatter = axes[0]
    ladder = np.asarray(sweep.config.ladder)
    for index, row in enumerate(answer.overall):
        means = [one.value for one in row.sensitivity]
        curve.plot(ladder, means, color=colour_of(index), marker=marker_of(index), ms=4, label=row.label)
        curve.fill_between(
            ladder,
            [one.low for one in row.sensitivity],
            [one.high for one in row.sensitivity],
            color=colour_of(index),
            alpha=0.15,
            lw=0,
        )
        curve.plot(ladder, [one.value for one in row.control], color=colour_of(index), lw=0.8, ls=":")
        _point(scatter, row.r, row.sensitivity[-1], index, row.label)
    curve.axhline(1, color="#999999", lw=0.8, ls="--")
    curve.set(
        xscale="log", yscale="log", xlabel=f"{sweep.config.norms[0].capitalize()} epsilon", ylabel="sensitivity (SD)"
    )
    _mark_budgets(curve, sweep)
    curve.set_title("dotted: random control of equal norm", fontsize=8)
    scatter.set(xlabel="held-out r", ylabel=f"sensitivity at epsilon {ladder[-1]:g} (SD)", ylim=(0, None))
    curve.legend(fontsize=7, frameon=False)
    return figure


def draw_parts(answer: Fragility, sweep: Sweep) -> Figure:
    """Feature against voxel fragility; linearity and curvature along epsilon; the two norms against each other."""
    figure, axes = make_figure(2, 2, width=4.2)
    (parts, linear), (bend, norms) = axes
    for index, part in enumerate(answer.parts):
        parts.scatter(
            part.feature_change,
            part.alignment * part.weight_size_sd,
            color=colour_of(index),
            marker=marker_of(index),
            label=part.label,
        )
        look = {"color": colour_of(index), "marker": marker_of(index), "ms": 4, "label": part.label}
        linear.plot(sweep.config.ladder, [one.value for one in part.linearity], **look)
        low, high = ([getattr(one, end) for one in part.linearity] for end in ("low", "high"))
        linear.fill_between(sweep.config.ladder, low, high, color=colour_of(index), alpha=0.15, lw=0)
        bend.plot(part.path, part.angles, **look)
    parts.set(
        xlabel="||Δφ|| / ||φ||  (features)", ylabel="||w|| |cos(w, Δφ)| / σ  (readout)", xlim=(0, None), ylim=(0, None)
    )
    parts.legend(fontsize=7, frameon=False)
    linear.axhline(1, color="#999999", lw=0.8, ls="--")
    linear.set(
        xscale="log", xlabel=f"{sweep.config.norms[0].capitalize()} epsilon", ylabel="attack shift / first-order shift"
    )
    _mark_budgets(linear, sweep)
    bend.set(xlabel=f"{sweep.config.norms[0].capitalize()} epsilon, along the straight path", ylabel="angle of φ (deg)")
    bend.set_ylim(0, None)
    bend.set_title("path curvature; 0: straight", fontsize=8)
    if answer.norm_agreement:
        _compare_norms(norms, answer, sweep)
    else:
        norms.set_visible(False)
    return figure


def _compare_norms(axis: Axes, answer: Fragility, sweep: Sweep) -> None:
    """Every encoder's targets under the two norms, at equal RMS change."""
    first, second = (sweep.sensitivity(norm)[..., -1].mean(axis=-1) for norm in (0, 1))
    for index in range(len(sweep.labels)):
        axis.scatter(first[index], second[index], s=18, color=colour_of(index), marker=marker_of(index))
    names = [norm.capitalize() for norm in sweep.config.norms]
    axis.set(xlabel=f"sensitivity, {names[0]} (SD)", ylabel=f"sensitivity, {names[1]} (SD)")
    axis.set_title(f"r = {answer.norm_agreement[-1].describe('.2f')} over encoders and targets", fontsize=8)


def draw_discriminability(answer: Discriminability) -> Figure:
    """Encoder means by both measures, and every statistic side by side."""
    figure, axes = make_figure(1, 3, width=3.8, height=3.8)
    both = (answer.sensitivity, answer.predictivity)
    for one, measure in zip(axes[0][:2], both, strict=True):
        for index, interval in enumerate(measure.means):
            _bar(one, index, interval, colour_of(index))
        one.set_xticks(range(len(answer.labels)), answer.labels, rotation=35, ha="right", fontsize=7)
        one.set(ylabel=f"{measure.measure} ({measure.unit})")
    names = list(answer.sensitivity.statistics)
    for shift, measure, colour in ((-0.18, both[0], COLOURS[1]), (0.18, both[1], COLOURS[0])):
        for place, name in enumerate(names):
            _bar(axes[0][2], place + shift, measure.statistics[name], colour, width=0.34)
        axes[0][2].bar(0, 0, color=colour, label=measure.measure)
    axes[0][2].set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
    axes[0][2].legend(fontsize=7, frameon=False)
    axes[0][2].set(ylabel="unit 1")
    return figure


def _point(axis: Axes, x: Interval, y: Interval, index: int, label: str) -> None:
    if not np.isfinite(x.value):
        return
    error = [[abs(x.value - x.low)], [abs(x.high - x.value)]], [[abs(y.value - y.low)], [abs(y.high - y.value)]]
    axis.errorbar(
        x.value,
        y.value,
        xerr=error[0],
        yerr=error[1],
        color=colour_of(index),
        marker=marker_of(index),
        ms=6,
        lw=1,
        label=label,
    )


def _mark_budgets(axis: Axes, sweep: Sweep) -> None:
    """Ticks at the ladder's own budgets."""
    axis.set_xticks(sweep.config.ladder, [f"{epsilon:.3g}" for epsilon in sweep.config.ladder])
    axis.minorticks_off()


def _bar(axis: Axes, place: float, interval: Interval, colour: str, width: float = 0.7) -> None:
    axis.bar(place, interval.value, width=width, color=colour, alpha=0.85)
    if np.isfinite(interval.low):
        axis.plot([place, place], [interval.low, interval.high], color="#222222", lw=1)
