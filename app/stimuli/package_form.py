"""The fields of a timing template: trial, runs, keys, screen. Speaks `Template`; never makes an order."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from app.widgets.basics import make_column, make_heading, make_row, pad_spin_box
from core.experiments.packages.orders import CatchKind, OrderConfig
from core.experiments.packages.template import Template
from core.experiments.packages.timing import LONGEST_SECONDS, PUBLISHED_DEGREES, Screen, Timing

Field = TypeVar("Field", QSpinBox, QDoubleSpinBox)
MOST = 100_000
CATCHES = {CatchKind.DOT: "a dot at fixation", CatchKind.REPEAT: "the image before again"}
LONGEST_KEY = 5

SECONDS = {
    "stimulus_seconds": ("On", "How long a stimulus is shown"),
    "gap_seconds": ("Off", "Fixation after it"),
    "lead_in_seconds": ("Lead-in", "Fixation before the first trial of a run"),
    "lead_out_seconds": ("Lead-out", "Fixation after the last trial, so that the slow response can settle"),
}
KEYS = {
    "trigger_key": ("Trigger key", "Starts a run; scanners often send 5"),
    "response_key": ("Response key", 'One character or "space"'),
}
COUNTS = {
    "runs": ("Runs", 0, "Runs of a participant"),
    "stimuli_per_run": ("Stimuli a run", 1, "Where the number of runs is automatic"),
    "repeats": ("Repeats", 1, "How often a participant sees each stimulus, over all runs"),
    "participants": ("Participants", 1, "Each gets orders of their own"),
    "catch_per_run": ("Catch trials a run", 0, "The participant presses the response key at them"),
    "blanks_per_run": ("Blanks a run", 0, "Trials of fixation alone"),
    "spacing": ("Spacing", 0, "Stimuli before a stimulus that never show the same source image"),
    "seed": ("Seed", 0, "The same seed gives the same orders"),
}
LENGTHS = {
    "width_cm": ("Screen width", "Width of the picture on the screen. Measure it"),
    "distance_cm": ("Distance", "From eye to screen, over the mirror if there is one. Measure it"),
}
PIXELS = {"width_px": "Screen width in pixels", "height_px": "Screen height in pixels"}


class _PlainSpinBox(QDoubleSpinBox):
    """Writes 2, not 2.000."""

    def textFromValue(self, value: float) -> str:
        """As few figures as the number needs."""
        return self.locale().toString(value, "g", 7)


class PackageForm(QWidget):
    """Two columns of fields; `changed` fires when one of them does."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.seconds = {name: _number(title, tip, unit=" s", step=0.5) for name, (title, tip) in SECONDS.items()}
        self.counts = {name: _count(title, tip, least=least) for name, (title, least, tip) in COUNTS.items()}
        self.counts["runs"].setSpecialValueText("automatic")
        self.keys = {name: _key(title, tip) for name, (title, tip) in KEYS.items()}
        self.lengths = {name: _number(title, tip, unit=" cm", step=1.0) for name, (title, tip) in LENGTHS.items()}
        self.pixels = {name: _count(title, title, least=1) for name, title in PIXELS.items()}
        tip = f"Width of a stimulus; left automatic, what the set says, or else the published {PUBLISHED_DEGREES:g} deg"
        self.degrees = _number("Size in degrees", tip, unit=" deg", step=0.1)
        self.degrees.setSpecialValueText("as the set says")
        self.grey = _number("Background", "0 is black, 1 is white (sRGB)", unit="", step=0.05, most=1.0)
        self.catch_kind = QComboBox()
        self.catch_kind.setAccessibleName("What a catch trial shows")
        for kind, text in CATCHES.items():
            self.catch_kind.addItem(text, kind)
        self._lay_out()
        self._connect()
        self.set_value(Template())

    def value(self) -> Template:
        """What the fields say. Raises BadInputError for values that cannot be used."""
        return Template(
            timing=Timing(
                **{name: field.value() for name, field in self.seconds.items()},
                trigger_key=self.keys["trigger_key"].text(),
                response_key=self.keys["response_key"].text(),
            ),
            order=OrderConfig(
                **{name: field.value() for name, field in self.counts.items()},
                catch_kind=CatchKind(self.catch_kind.currentData()),
            ),
            screen=Screen(
                degrees=self.degrees.value() or None,
                width_cm=self.lengths["width_cm"].value(),
                distance_cm=self.lengths["distance_cm"].value(),
                width_px=self.pixels["width_px"].value(),
                height_px=self.pixels["height_px"].value(),
                grey=self.grey.value(),
            ),
        )

    def set_value(self, template: Template) -> None:
        """Show a template."""
        with QSignalBlocker(self):
            for name, field in self.seconds.items():
                field.setValue(getattr(template.timing, name))
            for name, line in self.keys.items():
                line.setText(getattr(template.timing, name))
            for name, spin in self.counts.items():
                spin.setValue(getattr(template.order, name))
            for name, spin in self.pixels.items():
                spin.setValue(getattr(template.screen, name))
            for name, field in self.lengths.items():
                field.setValue(getattr(template.screen, name))
            self.degrees.setValue(template.screen.degrees or 0.0)
            self.grey.setValue(template.screen.grey)
            self.catch_kind.setCurrentIndex(self.catch_kind.findData(template.order.catch_kind))
        self.changed.emit()

    def _lay_out(self) -> None:
        trial, runs, screen = _form(), _form(), _form()
        for name, (title, _) in SECONDS.items():
            trial.addRow(title, self.seconds[name])
        for name, (title, _, _) in COUNTS.items():
            runs.addRow(title, self.counts[name])
            if name == "catch_per_run":
                runs.addRow("A catch trial is", self.catch_kind)
        for name, (title, _) in KEYS.items():
            runs.addRow(title, self.keys[name])
        screen.addRow("Size", self.degrees)
        for name, (title, _) in LENGTHS.items():
            screen.addRow(title, self.lengths[name])
        screen.addRow("Pixels", make_row(*self.pixels.values()))
        screen.addRow("Background", self.grey)
        left = make_column(make_heading("Trial"), trial, 8, make_heading("Screen"), screen, -1)
        right = make_column(make_heading("Runs"), runs, -1)
        self.setLayout(make_row(left, right, gap=24))

    def _connect(self) -> None:
        for field in (*self.seconds.values(), *self.lengths.values(), self.degrees, self.grey):
            field.valueChanged.connect(self.changed)
        for spin in (*self.counts.values(), *self.pixels.values()):
            spin.valueChanged.connect(self.changed)
        for line in self.keys.values():
            line.textChanged.connect(self.changed)
        self.catch_kind.currentIndexChanged.connect(self.changed)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(12)
    form.setVerticalSpacing(6)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _number(name: str, tip: str, *, unit: str, step: float, most: float = LONGEST_SECONDS) -> QDoubleSpinBox:
    field = _PlainSpinBox()
    field.setDecimals(3 if unit == " s" else 2)
    field.setRange(0.0, most)
    field.setSingleStep(step)
    field.setSuffix(unit)
    return _dress(field, name, tip)


def _count(name: str, tip: str, *, least: int) -> QSpinBox:
    field = QSpinBox()
    field.setRange(least, MOST)
    return _dress(field, name, tip)


def _dress(field: Field, name: str, tip: str) -> Field:
    field.setAccessibleName(name)
    field.setToolTip(tip)
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    pad_spin_box(field)
    return field


def _key(name: str, tip: str) -> QLineEdit:
    line = QLineEdit()
    line.setMaxLength(LONGEST_KEY)
    line.setAccessibleName(name)
    line.setToolTip(tip)
    return line
