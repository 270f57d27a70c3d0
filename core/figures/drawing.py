"""The house style of figures and movie pages: fonts and colours for matplotlib, without pyplot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from core.figures.inks import Inks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Layout = Literal["constrained", "none"]
FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a figure looks the same on every machine."""


@contextmanager
def house_style(inks: Inks, *, font_size: float) -> Iterator[None]:
    """Draw and save inside this block; matplotlib's own settings come back after it.

    Text stays text: an SVG keeps it as editable text, a PDF embeds TrueType. Nothing in a file depends on
    when it was written.
    """
    import matplotlib as mpl

    with mpl.rc_context(_settings(inks, font_size)):
        yield


def make_figure(width: float, height: float, inks: Inks, *, dpi: float, layout: Layout = "constrained") -> Figure:
    """A figure of `width` x `height` inches with a canvas of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, facecolor=inks.paper, layout=None if layout == "none" else layout)
    FigureCanvasAgg(figure)
    return figure


def _settings(inks: Inks, font_size: float) -> dict[Any, Any]:
    small = 0.88 * font_size
    return {
        "font.family": FONT,
        "font.size": font_size,
        "axes.labelsize": font_size,
        "axes.titlesize": font_size,
        "xtick.labelsize": small,
        "ytick.labelsize": small,
        "legend.fontsize": small,
        "text.color": inks.text,
        "axes.labelcolor": inks.text,
        "axes.facecolor": inks.paper,
        "axes.edgecolor": inks.muted,
        "axes.linewidth": 0.8,
        "xtick.color": inks.muted,
        "ytick.color": inks.muted,
        "axes.unicode_minus": True,
        "svg.fonttype": "none",
        "svg.hashsalt": "probescope",
        "pdf.fonttype": 42,
        "path.simplify": False,
    }
