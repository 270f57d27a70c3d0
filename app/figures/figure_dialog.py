"""Asks what to draw for print, in which format and size, and shows it before it is saved. Never draws or writes it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDialog, QDoubleSpinBox, QFormLayout, QScrollArea, QSpinBox, QWidget

from app.figures.look_form import LookForm, make_combo
from app.figures.movie_form import THEMES
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row, pad_spin_box
from app.widgets.picture_label import PictureLabel
from core.errors import ProbeError
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
from core.figures.movie_config import CortexLook
from core.types import ByteArray

FIRST_SIZE = (980, 680)
FORM_WIDTH = 330
PREVIEW_ROOM = (420, 360)
REST_MS = 250
FORMATS = (("pdf", "PDF"), ("svg", "SVG"), ("png", "PNG"))
EXTRA = {FigureKind.ROIS: ("csv", "CSV table"), FigureKind.CORTEX: ("html", "HTML page, to turn in a browser")}
"""A format that one figure alone has."""
UNITS = (("cm", "cm"), ("in", "inches"))


class FigureDialog(QDialog):
    """Form on the left, the figure on the right.

    Signals
    -------
    preview_requested(FigureConfig)
    save_requested(FigureConfig, str)
        With the ending: pdf, svg, png, csv or html.
    """

    preview_requested = Signal(object)
    save_requested = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save figure")
        self.resize(*FIRST_SIZE)
        default = FigureConfig()
        self.what = make_combo("What", [(kind, kind.label) for kind in FigureKind])
        self.format = make_combo("Format", FORMATS)
        self.unit = make_combo("Unit", UNITS)
        self.width_box, self.height_box = _length("Width"), _length("Height")
        self.letters = QDoubleSpinBox()
        self.letters.setAccessibleName("Font size")
        self.letters.setRange(SMALLEST_LETTERS, LARGEST_LETTERS)
        self.letters.setDecimals(1)
        self.letters.setSuffix(" pt")
        self.letters.setValue(default.font_size)
        self.dpi = QSpinBox()
        self.dpi.setAccessibleName("Resolution")
        self.dpi.setRange(50, int(LARGEST_DPI))
        self.dpi.setSuffix(" dpi")
        self.dpi.setValue(int(default.dpi))
        self.theme = make_combo("Colours", THEMES)
        self.transparent = QCheckBox("No paper behind it")
        self.look = LookForm(with_motion=False)
        self.preview = PictureLabel("The figure", least=PREVIEW_ROOM)
        self.refusal = make_label("", "field-error", wraps=True)
        self.note = make_label("", "muted", wraps=True)
        self.save = make_button("Save figure…", "primary", tip="Choose where it goes")
        self.save.setDefault(True)
        self.close_button = make_button("Close")
        self._in_cm = True
        self._soon = QTimer(self, singleShot=True, interval=REST_MS)
        self._lay_out()
        self._take_what()
        self._connect()

    def start_with(self, look: CortexLook, what: FigureKind) -> None:
        """Begin with the cortex as the window shows it, and with one of the figures."""
        self.look.set_value(look)
        self.what.setCurrentIndex(self.what.findData(what))
        self.look_again()

    def config(self) -> FigureConfig | None:
        """The figure asked for; None, with the reason shown, where it cannot be."""
        factor = 1.0 if self._in_cm else CM_PER_INCH
        try:
            made = FigureConfig(
                kind=self.what.currentData(),
                width_cm=factor * self.width_box.value(),
                height_cm=factor * self.height_box.value(),
                font_size=self.letters.value(),
                theme=self.theme.currentData(),
                dpi=self.dpi.value(),
                transparent=self.transparent.isChecked(),
                look=self.look.value(),
            )
        except ProbeError as error:
            self.refusal.setText(str(error))
            return None
        self.refusal.setText("")
        return made

    def show_preview(self, picture: ByteArray) -> None:
        """The figure was drawn."""
        self.refusal.setText("")
        self.preview.show_pixels(picture)

    def show_note(self, text: str) -> None:
        """What became of the last wish."""
        self.note.setText(text)

    def show_failure(self, text: str) -> None:
        """Why it cannot be."""
        self.note.setText("")
        self.refusal.setText(text)

    @Slot()
    def look_again(self) -> None:
        """Draw the figure anew when the user rests."""
        self._soon.start()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.addRow("What", self.what)
        form.addRow("Format", self.format)
        form.addRow("Width", make_row(self.width_box, self.unit))
        form.addRow("Height", self.height_box)
        form.addRow("Letters", self.letters)
        form.addRow("Pictures", self.dpi)
        form.addRow("Colours", self.theme)
        form.addRow("Paper", self.transparent)
        for box in (self.letters, self.dpi):
            pad_spin_box(box)
        body = QWidget()
        column = make_column(form, 4, make_heading("Cortex"), self.look, -1, gap=8)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        body.setLayout(column)
        scroll = QScrollArea()
        scroll.setWidget(body)
        scroll.setWidgetResizable(True)
        scroll.setFixedWidth(FORM_WIDTH)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        right = make_column(self.preview, self.refusal, self.note, gap=8)
        right.setStretch(0, 1)
        across = make_row(scroll, gap=20)
        across.addLayout(right, 1)
        outer = make_column(across, make_row(-1, self.close_button, self.save), gap=14, margin=20)
        outer.setStretch(0, 1)
        self.setLayout(outer)

    def _connect(self) -> None:
        self.what.currentIndexChanged.connect(self._take_what)
        self.unit.currentIndexChanged.connect(self._take_unit)
        for box in (self.format, self.theme):
            box.currentIndexChanged.connect(self._take_change)
        for number in (self.width_box, self.height_box, self.letters):
            number.valueChanged.connect(self._take_change)
        self.dpi.valueChanged.connect(self._take_change)
        self.transparent.toggled.connect(self._take_change)
        self.look.changed.connect(self._take_change)
        self._soon.timeout.connect(self._ask)
        self.save.clicked.connect(self._save)
        self.close_button.clicked.connect(self.close)

    @Slot()
    def _take_what(self, *_: object) -> None:
        """Each figure has a size of its own; the table is only there for ROIs."""
        kind = FigureKind(self.what.currentData())
        factor = 1.0 if self._in_cm else 1 / CM_PER_INCH
        for box, value in zip((self.width_box, self.height_box), kind.size_cm, strict=True):
            box.setValue(factor * value)
        while self.format.count() > len(FORMATS):
            self.format.removeItem(len(FORMATS))
        if kind in EXTRA:
            ending, text = EXTRA[kind]
            self.format.addItem(text, ending)
        self.look.setEnabled(kind.needs_cortex)
        self.look.setToolTip("" if kind.needs_cortex else "This figure shows no cortex")
        self._take_change()

    @Slot()
    def _take_unit(self, *_: object) -> None:
        in_cm = self.unit.currentData() == "cm"
        factor = CM_PER_INCH if in_cm else 1 / CM_PER_INCH
        values = [factor * box.value() for box in (self.width_box, self.height_box)]
        self._in_cm = in_cm
        for box, value in zip((self.width_box, self.height_box), values, strict=True):
            _set_unit(box, in_cm=in_cm)
            box.setValue(value)

    @Slot()
    def _take_change(self, *_: object) -> None:
        is_drawn = self.format.currentData() in dict(FORMATS)
        self.theme.setEnabled(self.format.currentData() != "csv")
        for field in (self.width_box, self.height_box, self.letters, self.dpi, self.transparent):
            field.setEnabled(is_drawn)
        self.note.setText("")
        self._soon.start()

    @Slot()
    def _ask(self) -> None:
        made = self.config() if self.isVisible() else None
        if made is not None:
            self.preview_requested.emit(made)

    @Slot()
    def _save(self) -> None:
        made = self.config()
        if made is not None:
            self.save_requested.emit(made, self.format.currentData())


def _length(name: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setAccessibleName(name)
    box.setDecimals(2)
    _set_unit(box, in_cm=True)
    pad_spin_box(box)
    return box


def _set_unit(box: QDoubleSpinBox, *, in_cm: bool) -> None:
    factor = 1.0 if in_cm else 1 / CM_PER_INCH
    box.setRange(factor * SMALLEST_CM, factor * LARGEST_CM)
    box.setSuffix(" cm" if in_cm else " in")
