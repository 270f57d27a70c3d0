"""The fields of a movie: what moves, format, size, pace, theme, cortex. Speaks `MovieConfig`; never films."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from app.figures.look_form import LookForm, make_combo
from app.widgets.basics import make_column, make_heading, pad_spin_box
from app.widgets.segmented import Segmented
from core.figures.movie_config import (
    LARGEST_FPS,
    LONGEST_SECONDS,
    MOST_LOOPS,
    CortexLook,
    MovieConfig,
    MovieFormat,
    MovieKind,
)

KINDS = (
    ("steps", "Attack steps", "Clean image, iterate and difference, with the shift growing step by step"),
    ("epsilon", "Epsilon sweep", "The rungs of the ladder, in log epsilon"),
    ("cortex", "Cortex", "A map on the turning or unfolding cortex"),
)
FORMATS = ((MovieFormat.MP4, "MP4 (H.264)"), (MovieFormat.GIF, "GIF"), (MovieFormat.PNG, "Folder of PNG files"))
SIZES = ((1280, 720), (1920, 1080), (960, 540), (640, 360), (1080, 1080), (3840, 2160))
THEMES = (("light", "Light"), ("dark", "Dark"))


class MovieForm(QWidget):
    """One column of fields; `changed` after any of them."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        default = MovieConfig()
        self.kind = Segmented(KINDS)
        self.format = make_combo("Format", FORMATS)
        self.dimensions = make_combo("Size", [(size, f"{size[0]} × {size[1]} px") for size in SIZES])
        self.fps = _number("Frames a second", default.fps, least=1, largest=LARGEST_FPS, suffix=" frames/s")
        self.seconds = _number("Length", default.seconds, least=0.5, largest=LONGEST_SECONDS, suffix=" s")
        self.hold = _number("Stands still at the end", default.hold, least=0, largest=60, suffix=" s")
        self.loops = QSpinBox()
        self.loops.setAccessibleName("Showings")
        self.loops.setRange(0, MOST_LOOPS)
        self.loops.setToolTip("How often it is shown. 0: a GIF repeats for ever, an MP4 holds one showing")
        pad_spin_box(self.loops)
        self.theme = make_combo("Theme", THEMES)
        self.follow = QCheckBox("Let the cortex follow the steps")
        self.look = LookForm(with_motion=True)
        self._lay_out()
        self._connect()
        self._refresh()

    def value(self) -> MovieConfig:
        """The movie asked for. Raises BadInputError where the fields do not fit together."""
        width, height = self.dimensions.currentData()
        return MovieConfig(
            kind=MovieKind(self.kind.value()),
            fps=self.fps.value(),
            seconds=self.seconds.value(),
            hold=self.hold.value(),
            width=width,
            height=height,
            loops=self.loops.value(),
            theme=self.theme.currentData(),
            with_cortex=self.kind.value() == "steps" and self.follow.isChecked(),
            look=self.look.value(),
        )

    def movie_format(self) -> MovieFormat:
        """The format chosen."""
        return MovieFormat(self.format.currentData())

    def start_with(self, look: CortexLook, *, theme: str, sweep_refusal: str) -> None:
        """Begin with what the window shows; `sweep_refusal` says why this probe's budgets cannot be filmed."""
        self.look.set_value(look)
        self.theme.setCurrentIndex(self.theme.findData(theme))
        sweep = self.kind.button("epsilon")
        sweep.setEnabled(not sweep_refusal)
        sweep.setToolTip(sweep_refusal or KINDS[1][2])
        if sweep_refusal and self.kind.value() == "epsilon":
            self.kind.set_value("steps")
        self._refresh()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.addRow("Format", self.format)
        form.addRow("Size", self.dimensions)
        form.addRow("Pace", self.fps)
        form.addRow("Length", self.seconds)
        form.addRow("Still at end", self.hold)
        form.addRow("Showings", self.loops)
        form.addRow("Colours", self.theme)
        column = make_column(self.kind, 4, form, 4, make_heading("Cortex"), self.follow, self.look, -1, gap=8)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setLayout(column)

    def _connect(self) -> None:
        self.kind.chosen.connect(self._take)
        for box in (self.format, self.dimensions, self.theme):
            box.currentIndexChanged.connect(self._take)
        for number in (self.fps, self.seconds, self.hold):
            number.valueChanged.connect(self._take)
        self.loops.valueChanged.connect(self._take)
        self.follow.toggled.connect(self._take)
        self.look.changed.connect(self._take)

    @Slot()
    def _take(self, *_: object) -> None:
        self._refresh()
        self.changed.emit()

    def _refresh(self) -> None:
        kind = self.kind.value()
        self.follow.setEnabled(kind == "steps")
        self.follow.setToolTip(
            "The map of every step, on one scale"
            if kind == "steps"
            else "Only the steps keep the responses of all voxels"
        )
        self.look.setEnabled(kind == "cortex" or (kind == "steps" and self.follow.isChecked()))
        self.look.motion.setEnabled(kind == "cortex")
        self.hold.setEnabled(kind != "cortex")
        self.loops.setEnabled(self.movie_format() is not MovieFormat.PNG)
        self.loops.setSpecialValueText("for ever" if self.movie_format() is MovieFormat.GIF else "once")


def _number(name: str, value: float, *, least: float, largest: float, suffix: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setAccessibleName(name)
    box.setRange(least, largest)
    box.setDecimals(1)
    box.setSuffix(suffix)
    box.setValue(value)
    box.setToolTip(name)
    pad_spin_box(box)
    return box
