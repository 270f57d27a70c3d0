"""Chooses how a stimulus set is delivered: name, controls, size, surroundings, matching, networks. Never writes it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QWidget,
)

from app.widgets.basics import make_column, make_heading, make_label, make_row, pad_spin_box
from app.widgets.segmented import Segmented
from core.errors import ProbeError
from core.stimuli.config import SetConfig
from core.stimuli.controls import DEFAULT_CONTROLS, ControlKind
from core.stimuli.layout import LARGEST_SIDE, MID_GREY, Enlarging, Layout, Matching

LARGEST_DEGREES = 120.0
TRANSFER_HEIGHT = 86
GAMMA_NOTE = (
    "Luminance and contrast assume an sRGB display (about gamma 2.2). On a display made linear, apply the sRGB curve "
    "first, and say so in the paper."
)


class SetForm(QWidget):
    """Speaks `SetConfig`; `changed` says look again, `preview_changed` that the preview must be made anew."""

    changed = Signal()
    preview_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLineEdit("stimuli")
        self.name.setAccessibleName("Name of the set")
        self.controls = {kind: _make_check(kind) for kind in ControlKind}
        self.picture = _make_size("Side of the picture", "network's input")
        self.width_px = _make_size("Width of the file", "picture's")
        self.height_px = _make_size("Height of the file", "picture's")
        self.background = QSpinBox()
        self.background.setRange(0, 255)
        self.background.setValue(MID_GREY)
        self.background.setAccessibleName("Grey level of the background")
        self.background.setToolTip("Grey level around the picture, 0 to 255")
        self.degrees = QDoubleSpinBox()
        self.degrees.setRange(0.0, LARGEST_DEGREES)
        self.degrees.setDecimals(2)
        self.degrees.setSuffix("°")
        self.degrees.setSpecialValueText("not stated")
        self.degrees.setAccessibleName("Width of the picture in degrees of visual angle")
        for box in (self.picture, self.width_px, self.height_px, self.background, self.degrees):
            pad_spin_box(box)
        self.enlarging = Segmented(
            (
                (Enlarging.SMOOTH, "Smooth", "Bicubic with antialiasing"),
                (
                    Enlarging.EXACT,
                    "Exact",
                    "Repeat pixels a whole number of times: the network sees the very same ones",
                ),
            )
        )
        self.matching = Segmented(
            (
                (Matching.NONE, "None", "Leave luminance and contrast as they are"),
                (Matching.LUMINANCE, "Luminance", "The same mean luminance for every original; triples change alike"),
                (Matching.CONTRAST, "Both", "The same mean luminance and RMS contrast for every original"),
            )
        )
        self.transfer = QListWidget()
        self.transfer.setAccessibleName("Further networks to score on")
        self.transfer.setProperty("role", "checks")
        self.transfer.setFixedHeight(TRANSFER_HEIGHT)
        self.problem = make_label("", "field-error", wraps=True)
        self.problem.hide()
        self._lay_out()
        self._connect()

    def value(self) -> SetConfig:
        """The settings as wished. Raises ProbeError with one sentence if they cannot be."""
        level = self.background.value()
        layout = Layout(
            self.picture.value(),
            self.width_px.value(),
            self.height_px.value(),
            (level, level, level),
            Enlarging(self.enlarging.value()),
            self.degrees.value() or None,
            Matching(self.matching.value()),
        )
        kinds = tuple(kind for kind, box in self.controls.items() if box.isChecked())
        return SetConfig(self.name.text().strip(), kinds, layout, self._checked())

    def wish(self) -> SetConfig | None:
        """The same, or None where it cannot be; the reason stands in the form."""
        try:
            found = self.value()
            self._show("")
        except ProbeError as error:
            self._show(str(error))
            return None
        return found

    def set_value(self, config: SetConfig) -> None:
        """Show other settings."""
        layout = config.layout
        self.name.setText(config.name)
        for kind, box in self.controls.items():
            with QSignalBlocker(box):
                box.setChecked(kind in config.controls)
        for spin, value in ((self.picture, layout.picture_px), (self.width_px, layout.width_px)):
            spin.setValue(value)
        self.height_px.setValue(layout.height_px)
        self.background.setValue(layout.background[0])
        self.degrees.setValue(layout.degrees or 0.0)
        self.enlarging.set_value(layout.enlarging)
        self.matching.set_value(layout.matching)
        self._check(config.transfer)
        self.preview_changed.emit()

    def set_encoders(self, encoders: Sequence[tuple[str, str]]) -> None:
        """Offer further encoders (network, layer) to score on; checked ones stay checked."""
        kept = self._checked()
        with QSignalBlocker(self.transfer):
            self.transfer.clear()
            for network, layer in encoders:
                item = QListWidgetItem(f"{network} {layer}")
                item.setData(Qt.ItemDataRole.UserRole, (network, layer))
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                self.transfer.addItem(item)
        self._check(kept)

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        size = make_row(self.width_px, make_label("×", "muted"), self.height_px, gap=4)
        for text, field in (("Name", self.name), ("Picture", self.picture), ("Width", self.degrees)):
            rows.addRow(make_label(text, "muted"), field)
        rows.addRow(make_label("File", "muted"), size)
        rows.addRow(make_label("Background", "muted"), self.background)
        column = make_column(
            rows,
            make_label("Enlarging", "muted"),
            self.enlarging,
            make_heading("Equal-norm controls"),
            *self.controls.values(),
            make_heading("Match the originals"),
            self.matching,
            make_label(GAMMA_NOTE, "faint", wraps=True),
            make_heading("Score on further networks"),
            self.transfer,
            self.problem,
        )
        self.setLayout(column)

    def _connect(self) -> None:
        for box in self.controls.values():
            box.toggled.connect(self._look_again)
        for spin in (self.picture, self.width_px, self.height_px, self.background, self.degrees):
            spin.valueChanged.connect(self.changed)
        for choice in (self.enlarging, self.matching):
            choice.chosen.connect(self.changed)
        self.name.textChanged.connect(self.changed)
        self.transfer.itemChanged.connect(self._look_again)

    @Slot()
    def _look_again(self) -> None:
        self.preview_changed.emit()
        self.changed.emit()

    def _checked(self) -> tuple[tuple[str, str], ...]:
        items = [self.transfer.item(row) for row in range(self.transfer.count())]
        chosen = [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() is Qt.CheckState.Checked]
        return tuple((str(network), str(layer)) for network, layer in chosen)

    def _check(self, chosen: Sequence[tuple[str, str]]) -> None:
        with QSignalBlocker(self.transfer):
            for row in range(self.transfer.count()):
                item = self.transfer.item(row)
                wanted = tuple(item.data(Qt.ItemDataRole.UserRole)) in chosen
                item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)

    def _show(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))


def _make_check(kind: ControlKind) -> QCheckBox:
    box = QCheckBox(kind.words.capitalize())
    box.setChecked(kind in DEFAULT_CONTROLS)
    box.setToolTip(f"{kind.meaning.capitalize()}, at the norm of the saved perturbed image")
    return box


def _make_size(name: str, special: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(0, LARGEST_SIDE)
    spin.setSpecialValueText(special)
    spin.setSuffix(" px")
    spin.setSingleStep(32)
    spin.setAccessibleName(name)
    spin.setToolTip(f"{name} in pixels; 0 is the {special} size")
    return spin
