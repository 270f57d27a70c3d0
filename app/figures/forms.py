"""The fields of a movie, and of how a cortex is shown in a movie or figure."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt

from app.cortex.panel import MAPS as MAP_NAMES
from app.widgets.basics import align, allow, make_column, make_heading
from app.widgets.form import Choice, Count, Flag, Form, Gate, Number, Pick
from core.figures.movie_config import (
    HEMISPHERES,
    LARGEST_FPS,
    LONGEST_SECONDS,
    MAPS,
    MOST_LOOPS,
    SIDES_SEEN,
    CortexStyle,
    Motion,
    MovieConfig,
    MovieFormat,
    MovieKind,
)
from core.surfaces.mesh import GEOMETRIES

KINDS = (
    (MovieKind.STEPS, "Attack steps", "Clean image, iterate and difference, with the shift growing step by step"),
    (MovieKind.EPSILON, "Epsilon sweep", "The epsilon grid, in log epsilon"),
    (MovieKind.CORTEX, "Cortex", "A map on the turning or unfolding cortex"),
)
FORMATS = ((MovieFormat.MP4, "MP4 (H.264)"), (MovieFormat.GIF, "GIF"), (MovieFormat.PNG, "Folder of PNG files"))
SIZES = ((1280, 720), (1920, 1080), (960, 540), (640, 360), (1080, 1080), (3840, 2160))
THEMES = (("light", "Light"), ("dark", "Dark"))
ROWS = ("format", "dimensions", "fps", "seconds", "hold", "loops", "theme")
TITLES = dict(MAP_NAMES) | {"control": "Shift, random control"}
MOTIONS = ((Motion.TURN, "Turn once around"), (Motion.UNFOLD, "Unfold to the flat map and back"))


def _list(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(name, name.capitalize()) for name in names]


class StyleForm(Form):
    """Map, surface, hemispheres, view, motion; `changed` after any of them."""

    map = Choice("Map", choices=[(name, TITLES[name]) for name in MAPS])
    motion = Choice("Motion", choices=MOTIONS)
    surface = Choice("Surface", choices=_list(GEOMETRIES))
    hemispheres = Choice("Hemispheres", choices=_list(HEMISPHERES))
    view = Choice("View", choices=_list(SIDES_SEEN))
    gate_r = Gate("Dim, r below", "Voxels whose encoder predicts held-out images worse than this are dimmed", least=-1)
    outlines, labels, path = Flag("Outlines"), Flag("Names"), Flag("Path of |shift|")

    def __init__(self, *, with_motion: bool) -> None:
        super().__init__()
        moves = ("motion",) if with_motion else ()
        rois = ("ROIs", "outlines", "labels", "path", -1)
        self.rows = self.make_rows("map", *moves, "surface", "hemispheres", "view", "gate_r", rois)
        self.setLayout(self.rows)
        self.set_value(CortexStyle())

    def value(self) -> CortexStyle:
        """The options chosen."""
        return self.make_config(CortexStyle, geometry=self.surface.value())

    def set_value(self, style: CortexStyle) -> None:
        """Show options; emits no signal."""
        self.show_config(style)
        self.surface.set_value(style.geometry)


class MovieForm(Form):
    """One column of fields; `changed` after any of them."""

    kind = Pick("", choices=KINDS, name="What it shows")
    format = Choice("Format", choices=FORMATS)
    dimensions = Choice("Size", choices=[(size, f"{size[0]} × {size[1]} px") for size in SIZES])
    fps = Number("Frame rate", "Frames a second", least=1, most=LARGEST_FPS, decimals=1, unit=" frames/s")
    seconds = Number("Length", "Length", least=0.5, most=LONGEST_SECONDS, decimals=1, unit=" s")
    hold = Number("Pause at end", "Pause on the last frame", most=60, decimals=1, unit=" s")
    loops = Count("Repeats", "How often it plays. 0: a GIF repeats forever, an MP4 plays once", most=MOST_LOOPS)
    theme = Choice("Colours", choices=THEMES, name="Theme")
    with_cortex = Flag("Show the cortex at each step", "The map of every step, on one scale")

    def __init__(self) -> None:
        super().__init__()
        self.cortex_style = StyleForm(with_motion=True)
        rows, heading = self.make_rows(*ROWS), make_heading("Cortex")
        align(rows, self.cortex_style.rows)
        column = make_column(self.kind, 4, rows, 4, heading, self.with_cortex, self.cortex_style, -1, gap=8)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setLayout(column)
        self.show_config(MovieConfig())
        self.cortex_style.changed.connect(self.take_edit)
        self.refresh()

    def value(self) -> MovieConfig:
        """The movie asked for. Raises BadInputError where the fields do not fit together."""
        width, height = self.dimensions.value()
        follows = self.kind.value() == MovieKind.STEPS and self.with_cortex.value()
        style = self.cortex_style.value()
        return self.make_config(MovieConfig, width=width, height=height, with_cortex=follows, style=style)

    def movie_format(self) -> MovieFormat:
        """The format chosen."""
        return MovieFormat(self.format.value())

    def start_with(self, style: CortexStyle, *, theme: str, sweep_refusal: str) -> None:
        """Begin with what the window shows; `sweep_refusal` says why no movie of this probe's budgets can be made."""
        self.cortex_style.set_value(style)
        self.theme.set_value(theme)
        sweep = self.kind.button(MovieKind.EPSILON)
        allow(sweep, sweep_refusal, KINDS[1][2])
        if sweep_refusal and self.kind.value() == MovieKind.EPSILON:
            self.kind.set_value(MovieKind.STEPS)
        self.refresh()

    def reasons(self) -> Mapping[str, str]:
        """What the kind and the format have no use for."""
        kind, is_folder = self.kind.value(), self.movie_format() is MovieFormat.PNG
        return {
            "with_cortex": "" if kind == MovieKind.STEPS else "Only the steps keep the responses of all voxels",
            "hold": "A turning cortex does not pause" if kind == MovieKind.CORTEX else "",
            "loops": "A folder of frames does not repeat" if is_folder else "",
        }

    def refresh(self) -> None:
        """Enable what the kind and the format use."""
        super().refresh()
        kind = self.kind.value()
        shown = kind == MovieKind.CORTEX or (kind == MovieKind.STEPS and self.with_cortex.value())
        self.cortex_style.setEnabled(shown)
        self.cortex_style.setToolTip("" if shown else "No cortex is shown")
        self.cortex_style.allow(
            "motion", "" if kind == MovieKind.CORTEX else "Only a movie of the cortex alone has a motion"
        )
        self.loops.setSpecialValueText("forever" if self.movie_format() is MovieFormat.GIF else "once")
