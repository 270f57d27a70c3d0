"""The house style of printed figures and of movies: colours by what they draw, fonts; matplotlib without pyplot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.checks import check_choice

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Layout = Literal["constrained", "none"]
FONT = "DejaVu Sans"
"""Comes with matplotlib, so that a figure looks the same on every machine."""


@dataclass(frozen=True, slots=True)
class Inks:
    """One theme, every colour as "#rrggbb".

    `shift` is the attack, `first_order` its linear prediction, `control` the random perturbation, `flipped` the negated
    one, `target` the target ROI; distinguishable with the common colour blindnesses.
    """

    name: str
    paper: str
    text: str
    muted: str
    line: str
    shift: str
    first_order: str
    control: str
    flipped: str
    target: str


LIGHT = Inks(
    name="light",
    paper="#ffffff",
    text="#16191d",
    muted="#596270",
    line="#c4cad2",
    shift="#1f6fc9",
    first_order="#16191d",
    control="#8b939e",
    flipped="#d1642e",
    target="#1f6fc9",
)
DARK = Inks(
    name="dark",
    paper="#121417",
    text="#e7e9ed",
    muted="#979faa",
    line="#3a404a",
    shift="#5aa2f0",
    first_order="#e7e9ed",
    control="#7b8390",
    flipped="#f0795b",
    target="#5aa2f0",
)
THEMES = {inks.name: inks for inks in (LIGHT, DARK)}


def find_inks(name: str) -> Inks:
    """The inks of a theme, "light" (for print) or "dark". Raises BadInputError for another name."""
    return THEMES[check_choice("theme", name, THEMES)]


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
        "text.parse_math": False,  # dollars of a name stay dollars
        "text.usetex": False,
        "pdf.fonttype": 42,
        "path.simplify": False,
    }
