"""Draws plots with matplotlib without a screen, in one style, and writes figures. Computes no numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.files import replace_file
from core.reports.pictures import Picture
from core.reports.plot import Plot, Series, colour_fields, write_fields

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLOURS = ("#2a6fbb", "#d1642e", "#2cd4b1", "#7e0360", "#e8ab3e", "#605215", "#c68bff", "#719683", "#3f309e", "#8f5c7c")
"""Distinguishable with the common colour blindnesses, in this order; beyond ten, markers change."""
MARKERS = "osD^vP"
INKS = {"text": "#222222", "muted": "#777777", "faint": "#bbbbbb", "paper": "#ffffff"}
INKS |= {"accent": "#2a6fbb", "warm": "#d1642e", "cool": "#2a6fbb", "warning": "#b7791f"}
LONG_NAME = 6
"""Letters of a tick's name on one line from which all are slanted."""
DOTS_PER_INCH = 150
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "probescope",
    "text.parse_math": False,
    "text.usetex": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "figure.titlesize": 8,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
"""Text stays text in SVG, dollars of a name stay dollars, and the same figure gives the same bytes."""


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw and save in the style of all figures; the user's own settings of matplotlib come back after."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


@contextmanager
def _finished(figure: Figure) -> Iterator[None]:
    """Save inside: dollars in the words of the figure start no formula."""
    from matplotlib.text import Text

    with figure_style():
        for text in figure.findobj(Text):
            text.set_parse_math(False)
            text.set_usetex(False)
        yield


def make_figure(
    n_rows: int, n_columns: int, *, width: float = 3.6, height: float = 3.2, **layout: Any
) -> tuple[Figure, Any]:
    """A figure without a screen and a grid of axes, (n_rows, n_columns), each of width x height inches.

    `layout` goes to `Figure.subplots`, such as the ratios of the heights.
    """
    from matplotlib.figure import Figure

    with figure_style():
        figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
        return figure, figure.subplots(n_rows, n_columns, squeeze=False, **layout)


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
            packed = io.BytesIO()  # matplotlib's own writers trip over a full disk
            with _finished(figure):
                figure.savefig(packed, format=suffix, dpi=DOTS_PER_INCH, metadata=stamp)
            replace_file(paths[-1], partial(Path.write_bytes, data=packed.getvalue()))
    return tuple(paths)


def inline_svg(figure: Figure) -> str:
    """A figure as an <svg> element that keeps its text."""
    buffer = io.StringIO()
    with _finished(figure):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def colour_of(index: int) -> str:
    """The colour of the encoder number `index`."""
    return COLOURS[index % len(COLOURS)]


def marker_of(index: int) -> str:
    """Its marker: no two encoders share colour and marker before the 31st."""
    return MARKERS[index % len(MARKERS)]


def say_whose(figure: Figure, text: str) -> None:
    """A small line at the foot: whose responses the figure shows."""
    figure.supxlabel(text, fontsize=7, color="#666666", x=0.01, ha="left")


def draw_key(figure: Figure, entries: Sequence[tuple[str, str, str]], *, columns: int, size: float) -> None:
    """A legend below the figure: label, colour and marker of each entry."""
    scatter = figure.axes[0].scatter
    handles = [scatter([], [], color=ink, marker=shape, s=30, lw=0, label=label) for label, ink, shape in entries]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size, frameon=False)


def draw_grid(plots: Sequence[Plot], *, across: int = 0, width: float = 4.2, height: float = 3.2) -> Figure:
    """A figure of plots, each of width x height inches, `across` in a row (0: all)."""
    across = across or len(plots)
    figure, axes = make_figure(-(-len(plots) // across), across, width=width, height=height)
    for plot, axis in zip_longest(plots, axes.ravel()):
        axis.set_visible(plot is not None)
        if plot is not None:
            draw_plot(axis, plot)
    return figure


def draw_plot(axis: Axes, plot: Plot) -> None:
    """Draw a plot into axes."""
    if plot.fields is not None:
        axis.imshow(colour_fields(plot), aspect="auto")
        for row, column, text, ink in write_fields(plot):
            axis.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
        axis.spines[:].set_visible(False)
    for one in plot.series:
        _draw_series(axis, one)
    for mark, levels in ((axis.axhline, plot.across), (axis.axvline, plot.upright)):
        for level in levels:
            mark(level, color="#999999", lw=0.8, ls="--" if level else "-", zorder=0.5)
    axis.set(xlabel=plot.x, ylabel=plot.y, title=plot.title)
    axis.set(xscale="log" if plot.x_log else "linear", yscale="log" if plot.y_log else "linear")
    for line, is_log in ((axis.xaxis, plot.x_log), (axis.yaxis, plot.y_log)):
        if is_log:
            _number_plainly(line)
    if plot.fields is None:
        axis.set(**dict(zip(("xlim", "ylim"), plot.bounds(), strict=True)))
    if plot.x_ticks:
        is_long = any(len(name) > LONG_NAME and "\n" not in name for _, name in plot.x_ticks)
        slanted: dict[str, Any] = {"rotation": 35, "ha": "right"} if is_long else {}
        axis.set_xticks([at for at, _ in plot.x_ticks], [name for _, name in plot.x_ticks], fontsize=7, **slanted)
        axis.xaxis.minorticks_off()
    if plot.y_ticks:
        axis.set_yticks([at for at, _ in plot.y_ticks], [name for _, name in plot.y_ticks], fontsize=7)
    if plot.legend is not None and any(one.name for one in plot.series):
        axis.legend(title=plot.legend or None, loc="best")  # the default warns where it takes long
    if plot.empty and not plot.series:
        axis.text(0.5, 0.5, plot.empty, transform=axis.transAxes, ha="center", color=INKS["muted"])


def _number_plainly(axis: Axis) -> None:
    """Plain numbers along a logarithmic axis: matplotlib's own are formulas, and no text is one here."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain(minor_thresholds=(1, 0.4)))


def _draw_series(axis: Axes, one: Series) -> None:
    colour = colour_of(one.ink) if isinstance(one.ink, int) else INKS[one.ink]
    marker = one.marker or (marker_of(one.ink) if isinstance(one.ink, int) else "o")
    if one.bar:
        fill: dict[str, Any] = {"color": "none", "ec": colour, "hatch": "////"} if one.hollow else {"color": colour}
        axis.bar(one.x, one.y, width=one.bar, alpha=one.alpha, label=one.name or None, **fill)
    else:
        looks: dict[str, Any] = {"ls": one.line, "lw": one.width, "alpha": one.alpha, "label": one.name or None}
        looks |= {"marker": marker, "ms": one.size, "mew": 1.2 if marker == "x" else 0} if one.size else {}
        axis.plot(one.x, one.y, color=colour, **looks)
    if one.foot is not None:
        axis.fill_between(one.x, one.foot, one.y, color=colour, alpha=0.3 * one.alpha, lw=0)
    if one.low is not None and one.high is not None and one.line:
        axis.fill_between(one.x, one.low, one.high, color=colour, alpha=0.15, lw=0)
    elif one.low is not None and one.high is not None:
        axis.vlines(
            one.x, one.low, one.high, color=INKS["text"] if one.bar else colour, lw=0.7 * one.width, alpha=one.alpha
        )
    if one.left is not None and one.right is not None:
        axis.hlines(one.y, one.left, one.right, color=colour, lw=0.7 * one.width, alpha=one.alpha)


def draw_pictures(
    grid: Sequence[Sequence[Picture]],
    names: Sequence[str],
    title: str,
    *,
    width: float = 2.4,
    height: float = 2.4,
    spare: int = 0,
) -> Figure:
    """Pictures in rows with a name each, with `spare` empty axes at the end of every row."""
    figure, axes = make_figure(len(grid), len(grid[0]) + spare, width=width, height=height)
    for row, name, line in zip(grid, names, axes, strict=False):
        line[0].set_ylabel(name.replace(" ", "\n"), fontsize=7)
        for picture, axis in zip(row, line, strict=False):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            axis.set_title(picture.caption, fontsize=6.5)
            if picture.levels is not None:
                axis.imshow(picture.levels)
    figure.suptitle(title)
    return figure
