"""What a figure of a probe is to be, as one frozen, checked record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.checks import check_choice, check_fraction, check_positive, refusal
from core.figures.movie_config import CortexStyle
from core.reports.inks import THEMES
from core.types import Worded

CM_PER_INCH = 2.54
SMALLEST_CM, LARGEST_CM = 3.0, 120.0
SMALLEST_LETTERS, LARGEST_LETTERS = 4.0, 40.0
LARGEST_DPI = 1200.0


class FigureKind(Worded):
    """What a figure shows, as a list of choices names it."""

    PROBE = "probe", "Whole probe, one page"
    IMAGES = "images", "Clean, perturbed, difference"
    CURVE = "curve", "Shift against epsilon"
    ROIS = "rois", "Spill-over of ROIs"
    STEPS = "steps", "Attack steps"
    CORTEX = "cortex", "Cortical map"

    @property
    def size_cm(self) -> tuple[float, float]:
        """Its usual width and height: one or two columns of a journal."""
        return SIZES_CM[self]

    @property
    def needs_cortex(self) -> bool:
        """Whether the cortex has to be drawn for it."""
        return self in (FigureKind.PROBE, FigureKind.CORTEX)


SIZES_CM = dict(
    zip(FigureKind, ((18.0, 23.0), (18.0, 8.4), (11.0, 8.0), (9.0, 10.0), (14.0, 8.0), (14.0, 9.0)), strict=True)
)


@dataclass(frozen=True, slots=True)
class FigureConfig:
    """One figure.

    Parameters
    ----------
    kind : What is shown.
    width_cm, height_cm : In cm; 0 takes the kind's usual size.
    font_size : Of letters, in points.
    theme : "light", for print, or "dark".
    dpi : Dots an inch of a PNG, and of the pictures inside an SVG or PDF.
    transparent : No paper behind it.
    """

    kind: FigureKind = FigureKind.PROBE
    width_cm: float = 0.0
    height_cm: float = 0.0
    font_size: float = 8.0
    theme: str = "light"
    dpi: float = 300.0
    transparent: bool = False
    style: CortexStyle = field(default_factory=CortexStyle)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FigureKind(check_choice("what", self.kind, list(FigureKind))))
        check_choice("theme", self.theme, THEMES)
        check_positive("dpi", self.dpi, advice="300 is usual for print.")
        check_fraction("dpi", self.dpi, largest=LARGEST_DPI)
        for name, value in (("width", self.width_cm), ("height", self.height_cm)):
            if value and not SMALLEST_CM <= value <= LARGEST_CM:
                raise refusal(name, allowed=f"from {SMALLEST_CM:g} to {LARGEST_CM:g} cm, or 0 for the usual", got=value)
        if not SMALLEST_LETTERS <= self.font_size <= LARGEST_LETTERS:
            allowed = f"from {SMALLEST_LETTERS:g} to {LARGEST_LETTERS:g} points"
            raise refusal("font size", allowed=allowed, got=self.font_size)

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height in inches."""
        usual = self.kind.size_cm
        width, height = self.width_cm or usual[0], self.height_cm or usual[1]
        return width / CM_PER_INCH, height / CM_PER_INCH


def find_figure_format(path: Path, kind: FigureKind) -> str:
    """png, svg, pdf, of ROIs csv, of the probe and the cortex html, by the ending. Raises BadInputError for others."""
    more = {FigureKind.ROIS: ["csv"], FigureKind.CORTEX: ["html"], FigureKind.PROBE: ["html"]}
    allowed = ("png", "svg", "pdf", *more.get(kind, []))
    ending = path.suffix.lower().removeprefix(".")
    if ending not in allowed:
        raise refusal("out", allowed=f"a file ending in .{', .'.join(allowed)}", got=path.name)
    return ending
