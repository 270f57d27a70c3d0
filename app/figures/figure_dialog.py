"""Asks what to draw for print, in which format and size, and shows it before it is saved."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QDialog, QWidget

from app.figures.movie_form import THEMES
from app.figures.style_form import StyleForm
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row, make_scroll, show_text
from app.widgets.form import Choice, Count, Fields, Flag, Number, attempt
from app.widgets.image_view import PictureLabel
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
from core.figures.movie_config import CortexStyle
from core.types import ByteArray

FIRST_SIZE = (980, 680)
FORM_WIDTH = 330
PREVIEW_ROOM = (420, 360)
REST_MS = 250
FORMATS = (("pdf", "PDF"), ("svg", "SVG"), ("png", "PNG"))
EXTRA = {FigureKind.ROIS: ("csv", "CSV table"), FigureKind.CORTEX: ("html", "Interactive HTML page")}
"""A format that one figure alone has."""
CM = {"cm": 1.0, "in": CM_PER_INCH}


class FigureDialog(QDialog, Fields):
    """Form on the left, the figure on the right.

    Signals
    -------
    preview_requested(FigureConfig)
    save_requested(FigureConfig, str)
        With the ending: pdf, svg, png, csv or html.
    """

    preview_requested = Signal(object)
    save_requested = Signal(object, str)

    kind = Choice("What", choices=[(kind, kind.label) for kind in FigureKind])
    format = Choice("Format", choices=FORMATS)
    width_box, height_box = Number("Width"), Number("Height")
    unit = Choice("Unit", choices=(("cm", "cm"), ("in", "inches")), letters=6)
    font_size = Number(
        "Letters",
        least=SMALLEST_LETTERS,
        most=LARGEST_LETTERS,
        first=FigureConfig().font_size,
        decimals=1,
        unit=" pt",
        name="Font size",
    )
    dpi = Count(
        "Pictures",
        "Resolution of the images in it",
        least=50,
        most=int(LARGEST_DPI),
        first=int(FigureConfig().dpi),
        unit=" dpi",
        name="Resolution",
    )
    theme = Choice("Colours", choices=THEMES)
    transparent = Flag("Transparent background", row="Background")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save figure")
        self.resize(*FIRST_SIZE)
        self.make_fields()
        self.cortex_style = StyleForm(with_motion=False)
        self.preview = PictureLabel("The figure", least=PREVIEW_ROOM)
        self.refusal = make_label("", "field-error", wraps=True)
        self.note = make_label("", "muted", wraps=True)
        self.save = make_button("Save figure…", "primary", tip="Choose where to save it")
        self.save.setDefault(True)
        self.close_button = make_button("Close")
        self._shown_unit = "cm"
        self._soon = QTimer(self, singleShot=True, interval=REST_MS)
        self._lay_out()
        self.take_kind()
        self.cortex_style.changed.connect(self.take_edit)
        self._soon.timeout.connect(self._ask)
        self.save.clicked.connect(self._save)
        self.close_button.clicked.connect(self.close)

    def start_with(self, style: CortexStyle, what: FigureKind) -> None:
        """Begin with the cortex as the window shows it, and with one of the figures."""
        self.cortex_style.set_value(style)
        if self.kind.value() != what:
            self.kind.set_value(what)
            self.take_kind()
        self.look_again()

    def config(self) -> FigureConfig | None:
        """The figure asked for; None, with the reason shown, where it cannot be."""
        factor = CM[self.unit.value()]
        size = {"width_cm": factor * self.width_box.value(), "height_cm": factor * self.height_box.value()}
        return attempt(lambda: self.make_config(FigureConfig, style=self.cortex_style.value(), **size), self.refusal)

    def show_preview(self, picture: ByteArray) -> None:
        """The figure was drawn."""
        show_text(self.refusal, "")
        self.preview.show_pixels(picture)

    def show_note(self, text: str) -> None:
        """How the last request ended."""
        self.note.setText(text)

    def show_failure(self, text: str) -> None:
        """Why it cannot be."""
        self.note.setText("")
        show_text(self.refusal, text)

    @Slot()
    def look_again(self) -> None:
        """Redraw the figure when the user rests."""
        self._soon.start()

    def _lay_out(self) -> None:
        size = ("Width", "width_box", "unit")
        form = self.make_rows("kind", "format", size, "height_box", "font_size", "dpi", "theme", "transparent")
        column = make_column(form, 4, make_heading("Cortex"), self.cortex_style, -1, gap=8)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = make_scroll(column)
        scroll.setFixedWidth(FORM_WIDTH)
        right = make_column(self.preview, self.refusal, self.note, gap=8)
        right.setStretch(0, 1)
        across = make_row(scroll, gap=20)
        across.addLayout(right, 1)
        outer = make_column(across, make_row(-1, self.close_button, self.save), gap=14, margin=20)
        outer.setStretch(0, 1)
        self.setLayout(outer)

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
        self.note.setText("")
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

    @Slot()
    def _ask(self) -> None:
        made = self.config() if self.isVisible() else None
        if made is not None:
            self.preview_requested.emit(made)

    @Slot()
    def _save(self) -> None:
        made = self.config()
        if made is not None:
            self.save_requested.emit(made, self.format.value())
