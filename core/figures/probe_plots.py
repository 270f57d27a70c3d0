"""Draws the parts of a probe into given matplotlib axes: curve, steps, spill-over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from core.attacks.config import NORM_SIGNS
from core.figures.curve import EpsilonScale, budget_stretches, curve_of, value_range
from core.figures.inks import Inks
from core.probes.probe import Probe
from core.probes.spill_over import SpillOver

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

TIGHT: dict[str, Any] = {"borderpad": 0.1, "columnspacing": 1.1, "handlelength": 1.7, "handletextpad": 0.5}
HEADROOM = 0.1


def plot_curve(axes: Axes, probe: Probe, inks: Inks, *, unit: str) -> Line2D:
    """The shift along the budgets on a logarithmic axis, with first order, random control and sign flip.

    Returns the line of the shift, which a movie lets grow.
    """
    data = curve_of(probe)
    scale = EpsilonScale(data.norm, is_log=False)
    places = scale.position(data.epsilon)
    looks = {
        "first order": (inks.first_order, "--", ""),
        "random control": (inks.control, ":", ""),
        "sign flip": (inks.flipped, "-", "s"),
        "attack": (inks.shift, "-", "o"),
    }
    drawn = []
    for name, (colour, style, marker) in looks.items():
        values = data.series[name]
        if np.isfinite(values).any():
            drawn += axes.plot(places, values, color=colour, ls=style, marker=marker, ms=3.5, lw=1.4, label=name)
    hide_spines(axes)
    axes.axhline(0, color=inks.line, lw=0.8, zorder=0)
    if (places > 0).all():
        axes.set_xscale("log", base=2)
        axes.minorticks_off()
        axes.set_xticks(*zip(*scale.ticks(data.epsilon), strict=True))
    axes.set(xlabel=scale.title, ylabel=name_shift(unit), ylim=value_range(data.series.values(), headroom=HEADROOM))
    add_sd_axis(axes, probe, inks)
    handles = drawn[::-1]
    names = [str(line.get_label()) for line in handles]
    axes.legend(handles, names, frameon=False, loc="lower left", bbox_to_anchor=(0, 0.98), ncols=4, **TIGHT)
    line: Line2D = drawn[-1]
    return line


def plot_steps(axes: Axes, probe: Probe, inks: Inks, *, unit: str) -> Line2D:
    """The shift of the target at every attack step; the budget in force stands above each stretch. Returns the line."""
    history, norm = probe.history, probe.config.attack.norm
    (line,) = axes.plot(np.arange(1, history.n_steps + 1), history.shift, color=inks.shift, lw=1.6)
    hide_spines(axes)
    axes.axhline(0, color=inks.line, lw=0.8, zorder=0)
    axes.set(xlim=(0.5, max(2, history.n_steps) + 0.5), ylim=value_range([history.shift], headroom=HEADROOM))
    axes.set(xlabel="attack step", ylabel=name_shift(unit))
    edges, budgets = budget_stretches(history.epsilon, norm)
    for edge in edges:
        axes.axvline(edge, color=inks.line, lw=0.8, zorder=0)
    top = axes.secondary_xaxis("top")
    top.set_xticks(*zip(*budgets, strict=True))
    top.tick_params(length=0, colors=inks.muted)
    top.spines[:].set_visible(False)
    top.set_xlabel(f"ε in force, {NORM_SIGNS[norm]}")
    add_sd_axis(axes, probe, inks)
    return line


def plot_spill_over(axes: Axes, spill: SpillOver, inks: Inks) -> None:
    """The mean shift of every ROI in SDs as bars, the control as a mark, the target's ROI in its colour."""
    rows = sorted(spill.rows, key=lambda row: row.shift_sd)
    places = np.arange(len(rows))
    colours = [inks.target if row.is_target else inks.control for row in rows]
    axes.barh(places, [row.shift_sd for row in rows], color=colours, height=0.72)
    axes.plot(
        [row.control_shift_sd for row in rows], places, ls="", marker="|", color=inks.text, ms=8, label="random control"
    )
    hide_spines(axes)
    axes.axvline(0, color=inks.text, lw=0.8)
    axes.set_yticks(places, [f"{row.roi} ({row.n_voxels})" for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.is_target else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("mean shift (SD)")
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 0.98), **TIGHT | {"handlelength": 1.0})


def add_sd_axis(axes: Axes, probe: Probe, inks: Inks) -> None:
    """The same shift in SDs on the right, where the target has an SD."""
    sd = float("nan") if probe.config.objective.kind.is_pattern else probe.target_sd
    if not sd > 0:
        return
    right = axes.secondary_yaxis("right", functions=(partial(np.multiply, 1 / sd), partial(np.multiply, sd)))
    right.set_ylabel("shift (SD)")
    right.spines[:].set_visible(False)
    right.tick_params(length=0, colors=inks.muted)


def name_shift(unit: str) -> str:
    """The name of an axis of shifts; a unit with a bracket of its own gets no second one."""
    return f"shift, {unit}" if "(" in unit else f"shift ({unit})"


def hide_spines(axes: Axes) -> None:
    """Only the two axes that are read."""
    axes.spines[["top", "right"]].set_visible(False)
