"""What the plots of a probe are: curve, linearity and steps for print and window, and its spill-over in print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from core.attacks.config import NORM_SIGNS, NORM_UNITS, write_epsilon
from core.figures.curve import ATTACK, SECOND, SECOND_CONTROL, CurveData, curve_of, steps_of
from core.probes.probe import Probe
from core.probes.spill_over import SpillOver
from core.reports.draw_plot import ABOVE
from core.reports.inks import Inks
from core.reports.plot import Ink, Plot, Series
from core.types import Direction, FloatArray, NormName
from core.words import name_with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TICKS = 7
PINNED, LAST = "A, pinned", "last probe"
BESIDE: dict[str, dict[str, Any]] = {
    PINNED: {"ink": "accent", "line": "-", "width": 1.4, "size": 3.5, "marker": "D"},
    LAST: {"ink": "faint", "line": "-", "width": 0.7},
}
"""How the curves of other probes are drawn."""


def plot_curve(data: CurveData, *, is_log: bool, beside: Mapping[str, CurveData] | None = None) -> Plot:
    """The shift along the budgets with first order, random control and sign flip, in SDs too where those are known.

    `beside`: the curves of other probes by their names, those that have a place on these axes: `PINNED` and `LAST`.
    """
    inks = [_ink_of(way) for way in (data.direction, data.direction.opposite)]
    looks: dict[str, dict[str, Any]] = {
        "first order": {"ink": "text", "line": "--"},
        "random control": {"ink": "muted", "line": ":"},
        "sign flip": {"ink": "muted" if SECOND in data.lines else inks[1], "line": "-", "size": 3.5, "marker": "s"},
        SECOND_CONTROL: {"ink": "muted", "line": ":", "name": ""},
        SECOND: {"ink": "accent", "line": "-", "size": 3.5, "marker": "^"},
        ATTACK: {"ink": inks[0], "line": "-", "size": 3.5, "marker": "o"},
    }
    series = []
    for name, look in looks.items():
        values = data.lines.get(name, np.zeros(0))
        if np.isfinite(values).any():
            from_zero = [0.0] if not is_log and data.x[0] > 0 else []  # no budget, no shift
            x, y = (np.append(from_zero, one) for one in (data.x, values))
            series.append(Series(x, y, width=1.4, **{"name": data.name(name)} | look))
    others = beside or {}
    for name, other in others.items():
        if (line := other.on_axes_of(data)) is not None:
            series.append(Series(*line, name=name, **BESIDE[name]))
    has_right = data.target_sd > 0 and all(other.target_sd == data.target_sd for other in others.values())
    right = (1 / data.target_sd, "shift (SD)") if has_right else None
    axis, title = _epsilon_axis(data, is_log=is_log), name_with_unit("shift", data.unit)
    return Plot(**axis, y=title, series=tuple(series), across=(0,), right=right, ends=True)


def plot_linearity(data: CurveData, *, is_log: bool) -> Plot:
    """Shift / first-order shift along the budgets: 1 where the encoder is linear."""
    lines = () if data.linearity is None else (Series(data.x, data.linearity, name="linearity", line="-"),)
    axis, ticks = _epsilon_axis(data, is_log=is_log), ((0.0, "0"), (1.0, "1"))
    return Plot(**axis, y="", series=lines, y_ticks=ticks, across=(0, 1), right=(1.0, ""), ends=True)


def plot_steps(data: CurveData, *, n_planned: int = 0) -> Plot:
    """The shift of the target at every attack step, with the budget in force above each stretch."""
    n_steps = len(data.epsilon)
    edges, budgets = _budget_stretches(data.epsilon, data.norm)
    looks = zip((ATTACK, SECOND), (_ink_of(data.direction), "accent"), data.encoders, strict=False)
    x = np.arange(1, n_steps + 1)
    grows = n_steps < n_planned
    return Plot(
        "attack step",
        name_with_unit("shift", data.unit),
        tuple(Series(x, shift, ink, data.name(name), line="-", width=1.6) for name, ink, shift in looks),
        across=(0,),
        upright=tuple(edges.tolist()),
        top=tuple(budgets),
        top_title=f"ε in force, {NORM_SIGNS[data.norm]}",
        right=(1 / data.target_sd, "shift (SD)") if data.target_sd > 0 else None,
        x_range=(0.5, max(2, n_steps, n_planned) + 0.5),
        y_range=_rounded_ends(np.concatenate([[0.0], *data.encoders])) if grows else (None, None),
        legend=None if len(data.encoders) == 1 else "",
    )


def print_curve(probe: Probe) -> Plot:
    """The curve of a finished probe, on a logarithmic axis where no budget is 0."""
    data = curve_of(probe)
    return plot_curve(data, is_log=bool((data.epsilon > 0).all()))


def print_steps(probe: Probe) -> Plot:
    """The steps of a finished probe, in SDs too."""
    return plot_steps(steps_of(probe))


def draw_spill_over(axes: Axes, spills: Mapping[str, SpillOver], inks: Inks) -> None:
    """The mean shift of every ROI in SDs as bars, the control as a mark, the target's ROI in its colour.

    `spills`: by the names of their encoders; that of a second one is a marker on every row.
    """
    own, *others = spills.items()
    rows = sorted(own[1].rows, key=lambda row: row.shift_sd)
    places = np.arange(len(rows))
    colours = [inks.accent if row.is_target else inks.muted for row in rows]
    axes.barh(places, [row.shift_sd for row in rows], color=colours, height=0.72, label=own[0] if others else "")
    for name, second in others:
        there = {row.roi: row.shift_sd for row in second.rows}
        axes.plot([there[row.roi] for row in rows], places, ls="", marker="^", color=inks.warm, ms=4, label=name)
    axes.plot(
        [row.control_shift_sd for row in rows], places, ls="", marker="|", color=inks.text, ms=8, label="random control"
    )
    axes.axvline(0, color=inks.text, lw=0.8)
    axes.set_yticks(places, [f"{row.roi} ({row.n_voxels})" for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.is_target else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("mean shift (SD)")
    axes.legend(**ABOVE | {"handlelength": 1.0})


def _ink_of(direction: Direction) -> Ink:
    return "warm" if direction is Direction.RAISE else "cool"


def _epsilon_axis(data: CurveData, *, is_log: bool) -> dict[str, Any]:
    """The axis of budgets, up to the full one while that is not reached."""
    marks = data.x[data.epsilon > 0][::-1] if is_log else np.zeros(0)
    ticks = [(float(mark), f"{mark:.3g}") for mark in marks[:: max(1, -(-len(marks) // MOST_TICKS))]]
    end = data.factor * data.budget if data.budget > max(data.epsilon, default=0.0) else None
    title = f"ε, {NORM_SIGNS[data.norm]} ({NORM_UNITS[data.norm]})"
    return {"x": title, "x_log": is_log, "x_ticks": ticks, "x_range": (None, end)}


def _rounded_ends(values: FloatArray) -> tuple[float, float]:
    """Ends of an axis that seldom change while values (n,) are added: steps of an eighth to a quarter of the span."""
    known = values[np.isfinite(values)]
    span = float(np.ptp(known)) or 1.0
    step = 2.0 ** np.floor(np.log2(span) - 2)
    return float(step * np.floor(known.min() / step)), float(step * (np.ceil(known.max() / step) or 1.0))


def _budget_stretches(epsilon: FloatArray, norm: NormName) -> tuple[FloatArray, list[tuple[float, str]]]:
    """Where the budget in force (n_steps,) changes, counted from 1, and each at the middle of its stretch of steps."""
    starts = np.flatnonzero(np.diff(epsilon, prepend=np.nan) != 0) if len(epsilon) else np.zeros(0, dtype=int)
    ends = [*starts[1:].tolist(), len(epsilon)]
    middles = [((start + end + 1) / 2, start) for start, end in zip(starts.tolist(), ends, strict=False)]
    return starts[1:] + 0.5, [(middle, write_epsilon(float(epsilon[start]), norm)) for middle, start in middles]
