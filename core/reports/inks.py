"""The house style of printed figures, reports and movies: colours by role, fonts; matplotlib without pyplot."""

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


PAPER_COLOURS = (
    *("#2a6fbb", "#d1642e", "#2cd4b1", "#7e0360", "#e8ab3e"),
    *("#605215", "#c68bff", "#719683", "#3f309e", "#8f5c7c"),
)
"""Of encoders; distinguishable with the common colour blindnesses, in this order. Beyond the last, markers change."""
SCREEN_COLOURS = ("#4c9be8", "#e8804c", "#38dbb7", "#9a3187", "#c9c510", "#5c6c14", "#997482", "#3461c9")
"""The same on dark and on light panels."""


@dataclass(frozen=True, slots=True)
class Inks:
    """One theme, every colour as "#rrggbb".

    `warm` and `cool` are what rises and falls, or is attacked and turned round; distinguishable from each other, from
    `text` and from `muted` with the common colour blindnesses.
    """

    name: str
    paper: str
    text: str
    muted: str
    faint: str
    line: str
    accent: str
    warm: str
    cool: str
    warning: str
    encoders: tuple[str, ...]

    def encoder(self, index: int) -> str:
        """The colour of the encoder number `index`."""
        return self.encoders[index % len(self.encoders)]


TABLE = """\
paper   #ffffff #121417
text    #16191d #e7e9ed
muted   #596270 #979faa
faint   #bbbbbb #666e7a
line    #c4cad2 #3a404a
accent  #1f6fc9 #5aa2f0
warm    #d1642e #f0795b
cool    #1f6fc9 #5aa2f0
warning #b7791f #e8b04a
"""
"""Of every colour its value on light and on dark paper."""

LIGHT, DARK = (
    Inks(name, encoders=encoders, **{line.split()[0]: line.split()[column] for line in TABLE.splitlines()})
    for column, (name, encoders) in enumerate((("light", PAPER_COLOURS), ("dark", SCREEN_COLOURS)), start=1)
)
THEMES = {inks.name: inks for inks in (LIGHT, DARK)}


def find_inks(name: str) -> Inks:
    """The inks of a theme, "light" (for print) or "dark". Raises BadInputError for another name."""
    return THEMES[check_choice("theme", name, THEMES)]


@contextmanager
def house_style(inks: Inks = LIGHT, *, font_size: float = 8) -> Iterator[None]:
    """Draw and save inside this block; matplotlib's own settings come back after it.

    Text stays text: an SVG keeps it as editable text, a PDF embeds TrueType. Nothing in a file depends on
    when it was written.
    """
    import matplotlib as mpl

    with mpl.rc_context(_settings(inks, font_size)):
        yield


def make_figure(
    width: float, height: float, inks: Inks = LIGHT, *, dpi: float = 150, layout: Layout = "constrained"
) -> Figure:
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
        **dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize", "figure.titlesize"), font_size),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize"), small),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
        **dict.fromkeys(("text.color", "axes.labelcolor"), inks.text),
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), inks.muted),
        "axes.facecolor": inks.paper,
        "axes.linewidth": 0.8,
        "axes.unicode_minus": True,
        "svg.fonttype": "none",
        "svg.hashsalt": "probescope",
        "text.parse_math": False,  # dollars of a name stay dollars
        "text.usetex": False,
        "pdf.fonttype": 42,
        "path.simplify": False,
    }
