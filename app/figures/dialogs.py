"""The dialogs of movies and figures: what it shows on the left, how it will look on the right, before it is saved.

asking -> rendering -> asking (stopped or failed) or closed (saved)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtWidgets import QDialog, QLayout, QWidget

from app.figures.forms import THEMES, MovieForm, StyleForm
from app.widgets.basics import align, allow, make_button, make_column, make_heading, make_label, make_row, make_scroll
from app.widgets.copy_work import make_copy_button
from app.widgets.editors import Slider
from app.widgets.form import Choice, Count, Fields, Flag, Number, attempt
from app.widgets.image_view import PictureLabel
from app.widgets.job_line import JobLine
from core.figures.figure_config import (
    CM_PER_INCH,
    LARGEST_CM,
    LARGEST_DPI,
    LARGEST_LETTERS,
    SMALLEST_CM,
    SMALLEST_LETTERS,
    FigureConfig,
    FigureKind,
)
from core.figures.movie_config import CortexStyle, MovieConfig
from core.types import ByteArray

REST_MS = 250
"""A preview is drawn when nothing was changed for so long."""

PLACES, FIRST_PLACE = 100, 70
STOPS = "Stop rendering; no partial file is kept"
FORMATS = (("pdf", "PDF"), ("svg", "SVG"), ("png", "PNG"))
PAGE = ("html", "Interactive HTML page")
EXTRA = {FigureKind.ROIS: ("csv", "CSV table"), FigureKind.CORTEX: PAGE, FigureKind.PROBE: PAGE}
"""A format that a figure has beside the others."""

DPI_TIP = "Resolution of the images in it"
CM = {"cm": 1.0, "in": CM_PER_INCH}


class DrawingDialog(QDialog):
    """Form on the left, picture on the right, with what went wrong, and the work, below it.

    `preview_requested` has the config and the place in a movie, in [0, 1]; `save_requested` the config and the ending.
    """

    preview_requested = Signal(object, float)
    save_requested = Signal(object, str)
    value: Callable[[], Any]
    """Gives the config asked for or raises ProbeError, `ending` the format, `find_work` what draws both, to copy."""

    ending: Callable[[], str]
    find_work: Callable[[Any, str], object]
    preview: PictureLabel

    def __init__(self, what: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Save {what}")
        self.work = JobLine()
        self.save = make_button(f"Save {what}…", "primary", self._save, tip="Choose where to save it")
        self.save.setDefault(True)
        self.close_button = make_button("Close", do=self.close)
        self._soon = QTimer(self, singleShot=True, interval=REST_MS)
        self._soon.timeout.connect(self._ask)

    def config(self) -> Any:
        """The config asked for; None, with the reason shown, where it cannot be."""
        return attempt(self.value, self.work.error)

    def show_preview(self, picture: ByteArray) -> None:
        """It was drawn."""
        self.work.refuse()
        self.preview.show_pixels(picture)

    def show_failure(self, text: str) -> None:
        """Why it cannot be, or what went wrong."""
        self.work.say(error=text)

    def look_again(self) -> None:
        """Redraw the preview when the user rests."""
        self._soon.start()

    def done(self, result: int) -> None:
        """Closing stops what runs."""
        self._soon.stop()
        self.work.cancel()
        super().done(result)

    def lay_out(
        self, form: QWidget | QLayout, preview: PictureLabel, *below: QWidget, first: Sequence[QWidget] = ()
    ) -> None:
        """Put the form, the preview with what stands below it, and the buttons in their places."""
        self.preview = preview
        scroll = make_scroll(form)
        scroll.setFixedWidth(form.sizeHint().width() + scroll.verticalScrollBar().sizeHint().width())
        right = make_column(preview, *below, gap=8, stretch=0)
        body = make_row(scroll, right, gap=20, stretch=1)
        copy = make_copy_button(lambda: self.find_work(self.value(), self.ending()), self.work.error)
        foot = make_row(*first, copy, -1, self.close_button, self.save)
        self.setLayout(make_column(body, foot, gap=14, margin=20, stretch=0))

    def _ask(self) -> None:
        made = None if self.work.busy else self.config()
        if made is not None:
            self.request(made)

    def request(self, config: Any) -> None:
        """Ask for the preview of a config."""
        self.preview_requested.emit(config, 0.0)

    def _save(self) -> None:
        if (made := self.config()) is not None:
            self.save_requested.emit(made, self.ending())


class MovieDialog(DrawingDialog):
    """A frame of the movie with its place, cost and progress; `estimate_requested(MovieConfig, MovieFormat)`."""

    estimate_requested = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("movie", parent)
        self.resize(1060, 640)
        self.form = MovieForm()
        self.place = Slider("Position in the movie")
        self.place.setRange(0, PLACES)
        self.place.setValue(FIRST_PLACE)
        self.place.setToolTip("Show another frame")
        self.cost = make_label("", "muted", wraps=True)
        self.stop = make_button("Stop", do=self.work.cancel)
        preview = PictureLabel("Frame of the movie", least=(480, 270))
        self.lay_out(self.form, preview, self.place, self.cost, self.work, first=[self.stop])
        self.value, self.ending = self.form.value, self.form.movie_format
        self.form.changed.connect(self._take_change)
        self.place.valueChanged.connect(self._soon.start)
        self.work.changed.connect(self._refresh)
        self._refresh()

    def show_failure(self, text: str) -> None:
        """Why it cannot be, or what went wrong."""
        super().show_failure(text)
        self.cost.setText("")

    def look_again(self) -> None:
        """Redraw the preview when the user rests."""
        self.cost.setText("")
        super().look_again()

    def request(self, config: MovieConfig) -> None:
        """Ask for a frame, and once for what the movie would cost."""
        self.preview_requested.emit(config, self.place.value() / PLACES)
        if not self.cost.text():
            self.cost.setText("Timing a few frames…")
            self.estimate_requested.emit(config, self.form.movie_format())

    def _take_change(self) -> None:
        self.work.say()
        self.look_again()

    def _refresh(self) -> None:
        busy = self.work.busy
        for part in (self.form, self.place, self.save):
            part.setEnabled(not busy)
        self.save.setToolTip("A movie is being rendered" if busy else "Choose where to save it and render it")
        allow(self.stop, "" if busy else "No movie is being rendered", STOPS)


class FigureDialog(DrawingDialog, Fields):
    """A figure for print, its format and size."""

    kind = Choice("What", choices=[(kind, kind.words) for kind in FigureKind])
    format = Choice("Format", choices=FORMATS)
    width_box, height_box = Number("Width"), Number("Height")
    unit = Choice("Unit", choices=(("cm", "cm"), ("in", "inches")), letters=6)
    font_size = Number(
        "Font size", least=SMALLEST_LETTERS, most=LARGEST_LETTERS, decimals=1, unit=" pt", name="Font size"
    )
    dpi = Count("Resolution", DPI_TIP, least=50, most=int(LARGEST_DPI), unit=" dpi", name="Resolution")
    theme = Choice("Colours", choices=THEMES)
    transparent = Flag("Transparent background", row="Background")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("figure", parent)
        self.resize(980, 680)
        self.make_fields()
        self.cortex_style = StyleForm(with_motion=False)
        self.value, self.ending = self._figure, self.format.value
        self.work.bar.hide()
        self._shown_unit = "cm"
        size = ("Width", "width_box", "unit")
        rows = self.make_rows("kind", "format", size, "height_box", "font_size", "dpi", "theme", "transparent")
        align(rows, self.cortex_style.rows)
        form = make_column(rows, 4, make_heading("Cortex"), self.cortex_style, -1, gap=8)
        self.lay_out(form, PictureLabel("The figure", least=(420, 360)), self.work)
        self.show_config(FigureConfig())
        self.take_kind()
        self.cortex_style.changed.connect(self.take_edit)

    def start_with(self, style: CortexStyle, what: FigureKind) -> None:
        """Begin with the cortex as the window shows it, and with one of the figures."""
        self.cortex_style.set_value(style)
        if self.kind.value() != what:
            self.kind.set_value(what)
            self.take_kind()
        self.look_again()

    def _figure(self) -> FigureConfig:
        factor = CM[self.unit.value()]
        size = {"width_cm": factor * self.width_box.value(), "height_cm": factor * self.height_box.value()}
        return self.make_config(FigureConfig, style=self.cortex_style.value(), **size)

    def take_kind(self, *_: object) -> None:
        """Each figure has a size of its own; the table is only there for ROIs."""
        kind = FigureKind(self.kind.value())
        extra = [EXTRA[kind]] if kind in EXTRA else []
        self.format.set_choices([*FORMATS, *extra], self.format.value())
        self._show_size(*kind.size_cm)
        self.take_edit()

    def take_unit(self, *_: object) -> None:
        """The same size in another unit."""
        before = CM[self._shown_unit]
        self._show_size(before * self.width_box.value(), before * self.height_box.value())
        self.take_edit()

    def tell(self) -> None:
        """Redraw the figure when the user rests."""
        self.work.say()
        self.look_again()

    def reasons(self) -> Mapping[str, str]:
        """What a table or a page has no use for."""
        unprinted = "" if self.format.value() in dict(FORMATS) else "A table or a page has no background"
        uncoloured = "A table has no colours" if self.format.value() == "csv" else ""
        fields = ("width_box", "height_box", "font_size", "dpi", "transparent")
        return dict.fromkeys(fields, unprinted) | {"theme": uncoloured}

    def refresh(self) -> None:
        """Enable what the figure and its format use."""
        super().refresh()
        shown = FigureKind(self.kind.value()).needs_cortex
        self.cortex_style.setEnabled(shown)
        self.cortex_style.setToolTip("" if shown else "This figure shows no cortex")

    def _show_size(self, width_cm: float, height_cm: float) -> None:
        unit = self._shown_unit = self.unit.value()
        for box, value in ((self.width_box, width_cm), (self.height_box, height_cm)):
            with QSignalBlocker(box):
                box.setRange(SMALLEST_CM / CM[unit], LARGEST_CM / CM[unit])
                box.setSuffix(f" {unit}")
                box.setValue(value / CM[unit])
