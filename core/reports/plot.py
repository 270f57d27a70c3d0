"""A figure as a record, before anything draws it: `draw_plot` does with matplotlib, the window with pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from core.statistics import Interval
from core.surfaces.colormap import DEFAULT_DIVERGING, DEFAULT_SEQUENTIAL, find_colormap
from core.types import ByteArray, FloatArray

Values = Sequence[float] | npt.NDArray[Any]
Ink = int | str
"""Number of an encoder, which gives colour and marker, or a role: text, muted, faint, accent, warm, cool, warning."""
LUMA = (0.299, 0.587, 0.114)
MIDDLE_LUMA = 140
SCIPY_FIRST, SCIPY_STEP = 5.0, 10.0
"""Where scipy draws the first leaf of a tree, and how far apart leaves are."""
MARGIN = 0.05
BAR_STEPS = 32
"""Colours of a colour bar."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Points, a line through them, or bars, (n,) each; NaN draws nothing there.

    Parameters
    ----------
    x, y : (n,)
    name : In the legend; "" for none.
    low, high, left, right : (n,), optional. Ends of intervals of y and of x: a band along a line, else lines.
    line : "-", "--", ":", or "" for none; `width` in points.
    size : Of markers, in points; 0 for none. `marker` is that of the encoder, or one of "osDv^Px".
    bar : Width of bars from zero; 0 for none.
    foot : The area between the line and this y is filled.
    alpha : 1 hides what lies under it.
    hollow : Bars are hatched.
    keys : What a click on each point means; empty where there is nothing to click.
    """

    x: Values
    y: Values
    ink: Ink = "text"
    name: str = ""
    low: Values | None = None
    high: Values | None = None
    left: Values | None = None
    right: Values | None = None
    line: str = ""
    width: float = 1.5
    size: float = 0.0
    marker: str = ""
    bar: float = 0.0
    foot: float | None = None
    alpha: float = 1.0
    hollow: bool = False
    keys: Sequence[Hashable] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """Series over two axes.

    Parameters
    ----------
    x, y : Titles of the axes, with units.
    series : Later ones lie above.
    title, tip : Above the plot, and the formula a pointer on it shows.
    across, upright : Levels that mean something; dashed unless 0.
    shaded : (low, high) of x whose background is shaded in the window.
    x_ticks, y_ticks : Names at places; empty for numbers.
    x_log, y_log : Logarithmic axes; data stay as they are.
    right : (float, str), optional
        Factor and title of an axis on the right: the same y in another unit; no numbers without a title.
    top : Words above places of x, under `top_title`.
    ends : Lines are named at their ends, or in a row above the plot where paper has no room, instead of in a legend.
    x_range, y_range : (float, float), optional. None at an end takes that of the data.
    legend : Its title; None for no legend.
    empty : What to say where there is nothing to draw.
    fields : (n_rows, n_columns), optional. A matrix of numbers as colours from `limits`, first row on top, field (r, c)
        at x = c, y = r; a click means (r, c). Diverging colours where the limits have a sign. NaN is an empty field.
    write : The text of a field's number.
    """

    x: str
    y: str
    series: tuple[Series, ...] = ()
    title: str = ""
    tip: str = ""
    across: tuple[float, ...] = ()
    upright: tuple[float, ...] = ()
    shaded: tuple[tuple[float, float], ...] = ()
    x_ticks: Sequence[tuple[float, str]] = ()
    y_ticks: Sequence[tuple[float, str]] = ()
    x_log: bool = False
    y_log: bool = False
    right: tuple[float, str] | None = None
    top: Sequence[tuple[float, str]] = ()
    top_title: str = ""
    ends: bool = False
    x_range: tuple[float | None, float | None] = (None, None)
    y_range: tuple[float | None, float | None] = (None, None)
    legend: str | None = ""
    empty: str = ""
    fields: FloatArray | None = None
    limits: tuple[float, float] = (-1.0, 1.0)
    write: Callable[[float], str] = "{:z.2f}".format

    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ranges of x and y that hold everything, with a margin at the ends that are not fixed; (0, 1) for nothing."""
        if self.fields is not None:
            n_rows, n_columns = self.fields.shape
            return (-0.5, n_columns - 0.5), (-0.5, n_rows - 0.5)
        x: list[Any] = [*self.upright]
        y: list[Any] = [*self.across]
        for one in self.series:
            half = one.bar / 2
            x += [np.asarray(one.x) - half, np.asarray(one.x) + half, one.left, one.right]
            y += [one.y, one.low, one.high, [0.0] if one.bar else None, one.foot]
        rests = any(one.bar for one in self.series)
        return _span(x, self.x_range, log=self.x_log), _span(y, self.y_range, log=self.y_log, rests=rests)


def curve(x: Values, intervals: Sequence[Interval], ink: Ink, name: str = "") -> Series:
    """An encoder's values along x as a line with markers, their intervals as a band."""
    return Series(x, *_split(intervals, name, ink), line="-", size=4)


def bars(x: Values, intervals: Sequence[Interval], ink: Ink, name: str = "", *, width: float = 0.7) -> Series:
    """Bars, each with its interval where that is known."""
    return Series(x, *_split(intervals, name, ink), bar=width, alpha=0.85)


def point(x: Interval, y: Interval, ink: Ink, name: str) -> Series:
    """One large point with its intervals along both axes."""
    return replace(Series([x.value], *_split([y], name, ink), size=8), left=[x.low], right=[x.high])


def names_at(names: Iterable[str]) -> list[tuple[float, str]]:
    """Ticks with names at 0, 1, 2 ..."""
    return [(float(place), name) for place, name in enumerate(names)]


def matrix(
    values: FloatArray, rows: Sequence[str], columns: Sequence[str], limits: tuple[float, float], **more: Any
) -> Plot:
    """A plot of fields with the names of rows and columns."""
    named = {"x_ticks": names_at(columns), "y_ticks": names_at(rows), "legend": None}
    return Plot(**{"x": "", "y": "", "fields": values, "limits": limits} | named | more)


def colour_bar(limits: tuple[float, float], unit: str) -> Plot:
    """The colours of a matrix or a map from its largest to its least value, as a narrow plot; 0 is marked."""
    low, high = limits
    values = np.linspace(high, low, BAR_STEPS)[:, np.newaxis]
    marks = [
        (BAR_STEPS * (high - one) / (high - low) - 0.5, f"{one:z.2g}".replace("-", "−"))
        for one in sorted({low, 0.0, high})
    ]
    return matrix(values, (), (), limits, y=unit, y_ticks=marks, write=lambda _value: "")


def frame(row: int, column: int, ink: Ink, *, line: str = "-", width: float = 3.0, inset: float = 0.0) -> Series:
    """A square around a field."""
    half = 0.5 - inset
    corners = half * np.asarray([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) + (column, row)
    return Series(corners[:, 0], corners[:, 1], ink, line=line, width=width)


def tree(linkage: FloatArray, y: str) -> Plot:
    """A scipy linkage as a tree whose leaves stand at 0, 1, 2 ..., in its own order."""
    from scipy.cluster.hierarchy import dendrogram  # kept from the window's start

    drawn = dendrogram(linkage, no_plot=True)
    branches = [
        Series((np.asarray(x) - SCIPY_FIRST) / SCIPY_STEP, np.asarray(height), "muted", line="-", width=1.2)
        for x, height in zip(drawn["icoord"], drawn["dcoord"], strict=True)
    ]
    ends = (-0.5, len(linkage) + 0.5)
    height = max(1.04 * float(linkage[:, 2].max()), 0.1)
    return Plot("", y, tuple(branches), x_range=ends, y_range=(0.0, height), legend=None)


def colour_fields(plot: Plot) -> ByteArray:
    """Colours (n_rows, n_columns, 4) uint8 of a plot's fields, transparent where no value is."""
    low, high = plot.limits
    values = np.zeros((0, 0)) if plot.fields is None else plot.fields
    rgb = find_colormap(DEFAULT_DIVERGING if low < 0 else DEFAULT_SEQUENTIAL).look_up((values - low) / (high - low))
    return np.concatenate([rgb, np.where(np.isfinite(values), 255, 0)[:, :, np.newaxis]], axis=-1).astype(np.uint8)


def write_fields(plot: Plot) -> list[tuple[int, int, str, str]]:
    """Row, column, text and colour of the number on every known field."""
    values, is_light = plot.fields, colour_fields(plot)[..., :3] @ np.asarray(LUMA) > MIDDLE_LUMA
    inks = np.where(is_light, "#22252a", "#ffffff")
    known = () if values is None else np.argwhere(np.isfinite(values)).tolist()
    return [
        (row, column, plot.write(values[row, column]).replace("-", "\N{MINUS SIGN}"), str(inks[row, column]))
        for row, column in known
        if values is not None
    ]


def _split(intervals: Sequence[Interval], name: str, ink: Ink) -> tuple[Values, Ink, str, Values, Values]:
    value, low, high = ([getattr(one, part) for one in intervals] for part in ("value", "low", "high"))
    return value, ink, name, low, high


def _span(
    parts: list[Any], wanted: tuple[float | None, float | None], *, log: bool, rests: bool = False
) -> tuple[float, float]:
    """The ends of what is known, or those wanted; `rests` leaves no room under 0 where nothing goes below it."""
    known = np.concatenate([np.zeros(0), *(np.ravel(np.asarray(one, float)) for one in parts if one is not None)])
    known = known[np.isfinite(known) & ((known > 0) | (not log))]
    low, high = (float(known.min()), float(known.max())) if known.size else (1.0, 10.0) if log else (0.0, 1.0)
    if log:
        spare = max((high / low) ** MARGIN, 1.02)
        ends = low / spare, high * spare
    else:
        room = MARGIN * ((high - low) or abs(high) or 1.0)
        ends = low - room if low or not rests else 0.0, high + room
    return (ends[0] if wanted[0] is None else wanted[0]), (ends[1] if wanted[1] is None else wanted[1])
