"""What all figures share: one style, encoders' colours, curves and bars with intervals, matrices, files. No numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.files import replace_file
from core.types import ByteArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from core.sweeps.statistics import Interval

COLOURS = ("#2a6fbb", "#d1642e", "#2cd4b1", "#7e0360", "#e8ab3e", "#605215", "#c68bff", "#719683", "#3f309e", "#8f5c7c")
"""Distinguishable with the common colour blindnesses, in this order; beyond ten, markers change."""
MARKERS = "osD^vP"
WIDTH = 3.6
"""Inches of one panel."""
DOTS_PER_INCH = 150
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "probescope",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "figure.titlesize": 8,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
"""Text stays text in SVG, and the same figure gives the same bytes."""


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw and save in the style of all figures; the user's own settings of matplotlib come back after."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def make_figure(n_rows: int, n_columns: int, *, width: float = WIDTH, height: float = 3.2) -> tuple[Figure, Any]:
    """A figure without a screen and a grid of axes, (n_rows, n_columns), each of width x height inches."""
    from matplotlib.figure import Figure

    with figure_style():
        figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
        return figure, figure.subplots(n_rows, n_columns, squeeze=False)


def write_figures(
    figures: Mapping[str, Figure], folder: Path, suffixes: Sequence[str] = ("svg", "png", "pdf")
) -> tuple[Path, ...]:
    """Write every figure, without its date; returns the files. Raises StorageError if one cannot be written.

    Other files of the folder stay.
    """
    paths = []
    for name, figure in figures.items():
        for suffix in suffixes:
            stamp = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(suffix)
            paths.append(folder / f"{name}.{suffix}")
            with figure_style():
                write = partial(figure.savefig, format=suffix, dpi=DOTS_PER_INCH, metadata=stamp)
                replace_file(paths[-1], write)
    return tuple(paths)


def inline_svg(figure: Figure) -> str:
    """A figure as an <svg> element that keeps its text."""
    buffer = io.StringIO()
    with figure_style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def colour_of(index: int) -> str:
    """The colour of the encoder number `index`."""
    return COLOURS[index % len(COLOURS)]


def marker_of(index: int) -> str:
    """Its marker: no two encoders share colour and marker before the 31st."""
    return MARKERS[index % len(MARKERS)]


def style_of(index: int, label: str, size: float = 4) -> dict[str, Any]:
    """Colour, marker and name of an encoder's line or points."""
    return {"color": colour_of(index), "marker": marker_of(index), "ms": size, "label": label}


def say_whose(figure: Figure, text: str) -> None:
    """A small line at the foot: whose responses the figure shows."""
    figure.supxlabel(text, fontsize=7, color="#666666", x=0.01, ha="left")


def mark_level(axis: Axes, level: float, *, ls: str = "--", color: str = "#999999") -> None:
    """A thin line across at a value that means something."""
    axis.axhline(level, color=color, lw=0.8, ls=ls)


def name_ticks(axis: Axes, names: Sequence[str], *, rotation: float = 35, size: float = 7) -> None:
    """Names at 0, 1, 2 ... of the x axis, slanted."""
    axis.set_xticks(range(len(names)), names, rotation=rotation, ha="right", fontsize=size)


def draw_curve(axis: Axes, x: Sequence[float], intervals: Sequence[Interval], *, index: int, label: str) -> None:
    """An encoder's values along x as a line with markers, their intervals as a band."""
    axis.plot(x, [one.value for one in intervals], **style_of(index, label))
    low, high = ([getattr(one, end) for one in intervals] for end in ("low", "high"))
    axis.fill_between(x, low, high, color=colour_of(index), alpha=0.15, lw=0)


def draw_bar(axis: Axes, place: float, interval: Interval, colour: str, width: float = 0.7) -> None:
    """A bar, its interval as a line where it is known."""
    axis.bar(place, interval.value, width=width, color=colour, alpha=0.85)
    if np.isfinite(interval.low):
        axis.plot([place, place], [interval.low, interval.high], color="#222222", lw=1)


def draw_key(figure: Figure, axis: Axes, entries: Sequence[tuple[str, str, str]], *, columns: int, size: float) -> None:
    """A legend below the figure: label, colour and marker of each entry."""
    handles = [axis.scatter([], [], color=ink, marker=shape, s=30, lw=0, label=label) for label, ink, shape in entries]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size, frameon=False)


def draw_matrix(
    axis: Axes,
    matrix: FloatArray,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    limits: tuple[float, float],
    colours: str,
) -> None:
    """A matrix as colours with its numbers; NaN is an empty field."""
    import matplotlib as mpl

    low, high = limits
    table = mpl.colormaps[colours]
    axis.imshow(matrix, vmin=low, vmax=high, cmap=table, aspect="auto")
    for row, column in np.argwhere(np.isfinite(matrix)):
        value = matrix[row, column]
        red, green, blue, _ = table((value - low) / (high - low))
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
        text = f"{value:.2f}".replace("-0.00", "0.00")
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    name_ticks(axis, columns)
    axis.set_yticks(range(len(rows)), rows, fontsize=7)
    axis.spines[:].set_visible(False)


def show_picture(axis: Axes, levels: ByteArray) -> None:
    """A picture (height, width, 3 or 4) uint8 without an axis around it."""
    axis.imshow(levels)
    strip_axis(axis)


def strip_axis(axis: Axes) -> None:
    """No ticks and no frame."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def amplify(change: FloatArray) -> tuple[ByteArray, float]:
    """A change in grey levels (height, width, 3) around mid grey, and the factor it was multiplied by."""
    factor = 127 / max(float(np.abs(change).max()), 1.0)
    return np.clip(127.5 + factor * change, 0, 255).astype(np.uint8), factor
