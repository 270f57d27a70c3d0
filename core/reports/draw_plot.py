"""Draws plots with matplotlib without a screen, in one style, and writes figures. Computes no numbers."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import zip_longest
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.checks import check_choice
from core.files import replace_file
from core.reports.inks import LIGHT, Inks, house_style, make_figure
from core.reports.pictures import Picture
from core.reports.plot import Plot, Series, colour_fields, write_fields
from core.types import ByteArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MARKERS = "osD^vP"
LETTER_WIDTH = 0.575
"""Mean width of a letter, in parts of the font's size; decides where captions break."""
LONG_NAME = 6
"""Letters of a tick's name on one line from which all are slanted."""
FORMATS = ("svg", "pdf", "png")
UNDATED: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
}
"""What matplotlib would write of when and with what a file was made: the same figure is the same file."""
TIGHT: dict[str, Any] = {"borderpad": 0.1, "columnspacing": 1.1, "handlelength": 1.7, "handletextpad": 0.5}
ABOVE: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 0.98)} | TIGHT
"""A legend in a row above the axes."""
ROW_LETTERS = 45
"""Longer names stand there in two columns."""


def make_axes(
    n_rows: int, n_columns: int, inks: Inks = LIGHT, *, width: float = 3.6, height: float = 3.2, **layout: Any
) -> tuple[Figure, Any]:
    """A figure and a grid of axes, (n_rows, n_columns), each of width x height inches.

    `layout` goes to `Figure.subplots`, such as the ratios of the heights.
    """
    with house_style(inks):
        figure = make_figure(width * n_columns, height * n_rows, inks)
        return figure, figure.subplots(n_rows, n_columns, squeeze=False, **layout)


def pack_figure(figure: Figure, kind: str, **more: Any) -> bytes:
    """The figure as a file of a kind, without its date; call inside `house_style`.

    Dollars in its words start no formula; matplotlib's own writers trip over a full disk, so it is packed in memory.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_usetex(False)
    packed = io.BytesIO()
    figure.savefig(packed, format=kind, metadata=UNDATED[kind] | more.pop("metadata", {}), **more)
    return packed.getvalue()


def write_figures(
    figures: Mapping[str, Figure], folder: Path, suffixes: Sequence[str] = ("svg", "png", "pdf")
) -> tuple[Path, ...]:
    """Write every figure, without its date; returns the files. Raises StorageError if one cannot be written.

    Other files of the folder stay.
    """
    paths = {folder / f"{name}.{suffix}": figure for name, figure in figures.items() for suffix in suffixes}
    for path, figure in paths.items():
        write_figure(figure, path)
    return tuple(paths)


def write_figure(figure: Figure, path: Path, inks: Inks = LIGHT) -> None:
    """Write a figure; the file's ending chooses the format.

    Raises BadInputError if the ending is none of svg, pdf and png; StorageError if the file cannot be written, and an
    older one then stays.
    """
    kind = check_choice("format", path.suffix.lstrip(".").lower(), FORMATS)
    with house_style(inks):
        packed = pack_figure(figure, kind)
    replace_file(path, lambda partial: partial.write_bytes(packed))


def draw_pixels(figure: Figure) -> ByteArray:
    """A figure as it looks in the style in force, (height, width, 3) uint8."""
    canvas = figure.canvas
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]


def inline_svg(figure: Figure) -> str:
    """A figure as an <svg> element that keeps its text."""
    with house_style():
        text = pack_figure(figure, "svg").decode()
    return text[text.index("<svg") :]


def marker_of(index: int) -> str:
    """The marker of encoder number `index`: no two encoders share colour and marker before the 31st."""
    return MARKERS[index % len(MARKERS)]


def say_whose(figure: Figure, text: str, inks: Inks = LIGHT, *, font_size: float = 8) -> None:
    """Words under everything, such as whose responses the figure shows, broken to its width."""
    size = 0.85 * font_size
    a_line = max(20, int(figure.get_size_inches()[0] * 72 / (LETTER_WIDTH * size)))
    lines = "\n".join(textwrap.wrap(text, a_line, break_long_words=False))
    figure.supxlabel(lines, fontsize=size, color=inks.muted, x=0.01, ha="left")


def save_plots(plots: Sequence[Plot], path: Path, inks: Inks = LIGHT, *, caption: str, across: int = 0) -> str:
    """Write plots as one figure, as `write_figure` does; returns a message for the user."""
    with house_style(inks):
        figure = draw_grid(plots, inks, across=across)
        say_whose(figure, caption, inks)
        write_figure(figure, path, inks)
    return f"Saved {path}"


def draw_key(figure: Figure, entries: Sequence[tuple[str, str, str]], *, columns: int, size: float) -> None:
    """A legend below the figure: label, colour and marker of each entry."""
    scatter = figure.axes[0].scatter
    handles = [scatter([], [], color=ink, marker=shape, s=30, lw=0, label=label) for label, ink, shape in entries]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size, frameon=False)


def draw_grid(
    plots: Sequence[Plot], inks: Inks = LIGHT, *, across: int = 0, width: float = 4.2, height: float = 3.2
) -> Figure:
    """A figure of plots, each of width x height inches, `across` in a row (0: all)."""
    across = across or len(plots)
    figure, axes = make_axes(-(-len(plots) // across), across, inks, width=width, height=height)
    for plot, axis in zip_longest(plots, axes.ravel()):
        axis.set_visible(plot is not None)
        if plot is not None:
            draw_plot(axis, plot, inks)
    return figure


def draw_plot(axis: Axes, plot: Plot, inks: Inks = LIGHT) -> None:
    """Draw a plot into axes."""
    if plot.fields is not None:
        axis.imshow(colour_fields(plot), aspect="auto")
        for row, column, text, ink in write_fields(plot):
            axis.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
        axis.spines[:].set_visible(False)
    for one in plot.series:
        _draw_series(axis, one, inks)
    for mark, levels in ((axis.axhline, plot.across), (axis.axvline, plot.upright)):
        for level in levels:
            mark(level, color=inks.line, lw=0.8, ls="--" if level else "-", zorder=0.5)
    axis.set(xlabel=plot.x, ylabel=plot.y, title=plot.title)
    axis.set(xscale="log" if plot.x_log else "linear", yscale="log" if plot.y_log else "linear")
    for line, is_log in ((axis.xaxis, plot.x_log), (axis.yaxis, plot.y_log)):
        if is_log:
            _number_plainly(line)
    if plot.fields is None:
        axis.set(**dict(zip(("xlim", "ylim"), plot.bounds(), strict=True)))
    _draw_ticks(axis, plot, inks)
    if plot.ends:
        handles, names = axis.get_legend_handles_labels()
        axis.legend(handles[::-1], names[::-1], ncols=len(names) if sum(map(len, names)) <= ROW_LETTERS else 2, **ABOVE)
    elif plot.legend is not None and any(one.name for one in plot.series):
        axis.legend(title=plot.legend or None, loc="best")  # the default warns where it takes long
    if plot.empty and not plot.series:
        axis.text(0.5, 0.5, plot.empty, transform=axis.transAxes, ha="center", color=inks.muted)


def _draw_ticks(axis: Axes, plot: Plot, inks: Inks) -> None:
    if plot.x_ticks:
        is_long = any(len(name) > LONG_NAME and "\n" not in name for _, name in plot.x_ticks)
        slanted: dict[str, Any] = {"rotation": 35, "ha": "right"} if is_long else {}
        axis.set_xticks([at for at, _ in plot.x_ticks], [name for _, name in plot.x_ticks], **slanted)
        axis.xaxis.minorticks_off()
    if plot.y_ticks:
        axis.set_yticks([at for at, _ in plot.y_ticks], [name for _, name in plot.y_ticks])
    if plot.right is not None:
        factor, title = plot.right
        other: Any = axis.secondary_yaxis("right", functions=(partial(mul, factor), partial(mul, 1 / factor)))
        other.set_ylabel(title)
        _quieten(other, inks)
    if plot.top:
        other = axis.secondary_xaxis("top")
        other.set_xticks([at for at, _ in plot.top], [name for _, name in plot.top])
        other.set_xlabel(plot.top_title)
        _quieten(other, inks)


def _number_plainly(axis: Axis) -> None:
    """Plain numbers along a logarithmic axis: matplotlib's own are formulas, and no text is one here."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    axis.set_major_formatter(Plain())
    axis.set_minor_formatter(Plain(minor_thresholds=(1, 0.4)))


def _quieten(other: Any, inks: Inks) -> None:
    """A second axis without a line and stubs."""
    other.tick_params(length=0, colors=inks.muted)
    other.spines[:].set_visible(False)


def _draw_series(axis: Axes, one: Series, inks: Inks) -> None:
    colour = inks.encoder(one.ink) if isinstance(one.ink, int) else str(getattr(inks, one.ink))
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
            one.x, one.low, one.high, color=inks.text if one.bar else colour, lw=0.7 * one.width, alpha=one.alpha
        )
    if one.left is not None and one.right is not None:
        axis.hlines(one.y, one.left, one.right, color=colour, lw=0.7 * one.width, alpha=one.alpha)


def strip(axis: Axes) -> None:
    """Take ticks and frame away."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


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
    figure, axes = make_axes(len(grid), len(grid[0]) + spare, width=width, height=height)
    for row, name, line in zip(grid, names, axes, strict=False):
        line[0].set_ylabel(name.replace(" ", "\n"), fontsize=7)
        for picture, axis in zip(row, line, strict=False):
            strip(axis)
            axis.set_title(picture.caption, fontsize=6.5)
            if picture.levels is not None:
                axis.imshow(picture.levels)
    figure.suptitle(title)
    return figure
