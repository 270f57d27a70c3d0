"""Plans stimuli: images x targets x directions x budgets x networks, with the cost first. Never probes."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QDialog, QFormLayout, QLineEdit, QListWidget, QListWidgetItem, QSpinBox, QWidget

from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row, pad_spin_box
from app.widgets.segmented import Segmented
from core.datasets.subject import Subject
from core.errors import ProbeError
from core.stimuli.plan import StimulusPlan, resolve_plan
from core.types import Direction

BOTH = "both"
WIDTH = 560
LIST_HEIGHT = 104


class PlanDialog(QDialog):
    """Speaks `StimulusPlan`: `plan` is the newest that can be met, or None."""

    def __init__(
        self,
        subject: Subject,
        encoders: list[tuple[str, str]],
        *,
        current: tuple[str, str],
        image: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Plan stimuli")
        self.setMinimumWidth(WIDTH)
        self.plan: StimulusPlan | None = None
        self._subject = subject
        self.encoders = _make_list("Encoders", [(f"{n} {layer}", f"{n}:{layer}") for n, layer in encoders])
        _check(self.encoders, [f"{current[0]}:{current[1]}"])
        self.rois = _make_list("ROI means", [(roi, roi) for roi in subject.voxels.roi_names])
        _check(self.rois, [roi for roi in ("FFA", "PPA") if roi in subject.voxels.roi_names])
        self.images = _make_line("Images", "test:4", "Ids, files, or test:N for N held-out images, separated by commas")
        if subject.images is None and not any(subject.test):
            self.images.setText(image)
        self.voxels = _make_line("Voxels", "", "Voxel numbers, or ROI:N for N voxels of an ROI above the gate")
        self.budgets = _make_line("Budgets", "l2:3", "l2:3 or linf:8/255, separated by commas")
        self.direction = Segmented(
            (
                (Direction.RAISE, "Raise", "Raise the response"),
                (Direction.LOWER, "Lower", "Lower it"),
                (BOTH, "Both", "A probe for each"),
            )
        )
        self.steps = _make_spin("Attack steps", 1, 1000, 20)
        self.seed = _make_spin("Seed", 0, 2**31 - 1, 0)
        self.cost = make_label("", "strong", wraps=True)
        self.problem = make_label("", "field-error", wraps=True)
        self.add = make_button("Add to the tray", "primary", tip="Add every probe of the plan; they are made at once")
        self.cancel = make_button("Cancel")
        self._lay_out()
        self._connect()
        self.look_again()

    def wish(self) -> dict[str, Any]:
        """The plan in the words of a plan file."""
        chosen = self.direction.value()
        return {
            "subject": self._subject.id,
            "networks": _checked(self.encoders),
            "images": _split(self.images.text()),
            "rois": _checked(self.rois),
            "voxels": _split(self.voxels.text()),
            "directions": list(Direction) if chosen == BOTH else [chosen],
            "budgets": _split(self.budgets.text()),
            "steps": self.steps.value(),
            "seed": self.seed.value(),
        }

    @Slot()
    def look_again(self) -> None:
        """Resolve the wish; say what it costs, or why it cannot be."""
        try:
            self.plan = resolve_plan(self.wish())
            self.cost.setText(self.plan.describe())
            self.problem.setText("")
        except ProbeError as error:
            self.plan = None
            self.cost.setText("")
            self.problem.setText(str(error))
        self.add.setEnabled(self.plan is not None)
        self.problem.setVisible(self.plan is None)
        self.cost.setVisible(self.plan is not None)

    def _lay_out(self) -> None:
        rows = QFormLayout()
        for text, field in (
            ("Images", self.images),
            ("Voxels", self.voxels),
            ("Budgets", self.budgets),
            ("Steps", self.steps),
            ("Seed", self.seed),
        ):
            rows.addRow(make_label(text, "muted"), field)
        lists = make_row(
            make_column(make_heading("Encoders"), self.encoders),
            make_column(make_heading("Targets: ROI means"), self.rois),
            gap=12,
        )
        self.setLayout(
            make_column(
                make_label("Plan stimuli", "title"),
                make_label(f"For {self._subject.title}: every combination becomes a probe in the tray.", "muted"),
                lists,
                rows,
                self.direction,
                self.cost,
                self.problem,
                make_row(-1, self.cancel, self.add),
                gap=12,
                margin=24,
            )
        )

    def _connect(self) -> None:
        for one in (self.encoders, self.rois):
            one.itemChanged.connect(self.look_again)
        for line in (self.images, self.voxels, self.budgets):
            line.editingFinished.connect(self.look_again)
        for spin in (self.steps, self.seed):
            spin.valueChanged.connect(self.look_again)
        self.direction.chosen.connect(self.look_again)
        self.cancel.clicked.connect(self.reject)
        self.add.clicked.connect(self._accept)

    @Slot()
    def _accept(self) -> None:
        self.look_again()
        if self.plan is not None:
            self.accept()


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _make_line(name: str, text: str, tip: str) -> QLineEdit:
    line = QLineEdit(text)
    line.setAccessibleName(name)
    line.setToolTip(tip)
    line.setPlaceholderText(tip)
    return line


def _make_spin(name: str, least: int, most: int, first: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(first)
    pad_spin_box(spin)
    spin.setAccessibleName(name)
    return spin


def _make_list(name: str, rows: list[tuple[str, str]]) -> QListWidget:
    found = QListWidget()
    found.setAccessibleName(name)
    found.setProperty("role", "checks")
    found.setFixedHeight(LIST_HEIGHT)
    for text, key in rows:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, key)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Unchecked)
        found.addItem(item)
    return found


def _check(target: QListWidget, keys: list[str]) -> None:
    for row in range(target.count()):
        item = target.item(row)
        if item.data(Qt.ItemDataRole.UserRole) in keys:
            item.setCheckState(Qt.CheckState.Checked)
            target.scrollToItem(item)


def _checked(source: QListWidget) -> list[str]:
    items = [source.item(row) for row in range(source.count())]
    return [str(item.data(Qt.ItemDataRole.UserRole)) for item in items if item.checkState() is Qt.CheckState.Checked]
