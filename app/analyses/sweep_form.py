"""Chooses the encoders, targets, images and budgets of an analysis as one frozen config. Never runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QListWidget, QListWidgetItem, QSpinBox, QWidget

from app.analyses.transfer_options import NAMES, TIPS, TransferOptions
from app.widgets.basics import make_column, make_heading, make_label
from app.widgets.segmented import Segmented
from core.attacks.config import parse_epsilon
from core.datasets.subject import Subject
from core.encoders.config import EncoderConfig
from core.errors import ProbeError
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.choose import Copies, check_comparable, choose_images, choose_targets
from core.sweeps.config import DEFAULT_LADDER, EncoderName, Question, SweepConfig
from core.sweeps.plan import estimate_cost
from core.sweeps.step_seconds import Layer
from core.types import Direction, NormName

BOTH = "both"
MOST_IMAGES = 64
MOST_QUERIES = 100_000
FIRST_ENCODERS = 3
FIRST_ROIS = ("FFA", "PPA")
LIST_ROWS = 5


class SweepForm(QWidget):
    """Speaks `SweepConfig`: `value` raises ProbeError where the wishes cannot be met; `changed` says look again."""

    changed = Signal()

    def __init__(self, question: Question, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question = question
        self._subject: Subject | None = None
        self.paces: dict[Layer, float] = {}
        self.encoders = _make_list("Encoders")
        self.rois = _make_list("ROI means")
        self.voxels = QLineEdit()
        self.voxels.setAccessibleName("Voxels")
        self.voxels.setPlaceholderText("812, FFA:3")
        self.voxels.setToolTip(
            "Voxel numbers, or ROI:N for N voxels of an ROI that every encoder predicts above the gate"
        )
        self.images = _make_spin("Held-out images", least=2, most=MOST_IMAGES, first=4)
        self.ladder = QLineEdit(", ".join(f"{epsilon:g}" for epsilon in DEFAULT_LADDER))
        self.ladder.setAccessibleName("Budgets")
        self.ladder.setToolTip("Ascending budgets in [0, 1] pixel units; 8/255 allowed")
        self.steps = _make_spin("Steps of each budget", least=1, most=1000, first=10)
        self.attack = _make_attacks()
        self.queries = _make_spin("Forward passes of Square at each budget", least=1, most=MOST_QUERIES, first=1000)
        self.norm = Segmented((("l2", "L2", "L2 budgets"), ("linf", "Linf", "Linf budgets"), *_both(question)))
        self.direction = Segmented(
            (("raise", "Raise", "Raise the response"), ("lower", "Lower", "Lower it"), (BOTH, "Both", "Both, averaged"))
        )
        self.transfer = TransferOptions() if question is Question.TRANSFER else None
        self.cost = make_label("", "muted", wraps=True)
        self.problem = make_label("", "field-error", wraps=True)
        self._lay_out()
        self._connect()

    def set_subject(
        self, subject: Subject, encoders: Sequence[EncoderConfig], usual: Sequence[tuple[str, str]]
    ) -> None:
        """Offer a subject's encoders and ROIs; the usual layers of the first networks are checked."""
        self._subject = subject
        checked = list(usual)[:FIRST_ENCODERS]
        with QSignalBlocker(self.encoders), QSignalBlocker(self.rois):
            _fill(
                self.encoders, [(f"{one.network} {one.layer}", (one.network, one.layer)) for one in encoders], checked
            )
            names = subject.voxels.roi_names
            first = [roi for roi in FIRST_ROIS if roi in names] or list(names[:1])
            _fill(self.rois, [(roi, roi) for roi in names], first)
        self._look_again()

    def check_encoders(self, names: Sequence[tuple[str, str]]) -> None:
        """Check these encoders, each (network, layer), and no others."""
        _check_only(self.encoders, names)

    def check_rois(self, names: Sequence[str]) -> None:
        """Check these ROIs and no others."""
        _check_only(self.rois, names)

    def set_attacks(self, kinds: Sequence[AttackKind]) -> None:
        """Choose these attacks; only a transfer takes several."""
        if self.transfer is None:
            self.attack.setCurrentIndex(max(0, self.attack.findData(kinds[0])))
        else:
            for kind, box in self.transfer.attacks.items():
                box.setChecked(kind in kinds)

    def value(self) -> SweepConfig:
        """The sweep as wished. Raises ProbeError with one sentence if it cannot be run."""
        subject = self._subject
        if subject is None:
            raise ProbeError("Choose a subject in Explore first.")
        encoders = tuple(EncoderName(subject.id, *key) for key in _checked(self.encoders))
        norms = tuple(NormName) if self.norm.value() == BOTH else (NormName(self.norm.value()),)
        copies = Copies((), (), ()) if self.transfer is None else self.transfer.chosen_copies(encoders)
        words = [word.strip() for word in self.voxels.text().split(",") if word.strip()]
        wish = SweepConfig(
            question=self._question,
            encoders=encoders,
            images=choose_images(subject, (f"test:{self.images.value()}",), seed=0),
            targets=choose_targets(encoders, rois=_checked(self.rois), voxels=words, gate=0.1, seed=0),
            directions=tuple(Direction) if self.direction.value() == BOTH else (Direction(self.direction.value()),),
            norms=norms,
            ladder=tuple(parse_epsilon(word, norms[0]) for word in self.ladder.text().split(",")),
            n_steps=self.steps.value(),
            n_queries=self.queries.value(),
            attacks=self._attacks(),
            refitted=copies.refitted,
            untrained=copies.untrained,
        )
        check_comparable(wish)
        return wish

    def set_paces(self, paces: Mapping[Layer, float]) -> None:
        """Take the measured seconds of an attack step of some networks; the cost is told from them."""
        self.paces |= paces
        self._look_again()

    def wish(self) -> SweepConfig | None:
        """The same, or None where it cannot be run."""
        try:
            return self.value()
        except ProbeError:
            return None

    def _attacks(self) -> tuple[AttackKind, ...]:
        return (self.attack.currentData(),) if self.transfer is None else self.transfer.chosen_attacks()

    @Slot()
    def _look_again(self) -> None:
        searches = AttackKind.SQUARE in self._attacks()
        self._rows.setRowVisible(self.queries, searches)
        self._rows.setRowVisible(self.steps, self._attacks() != (AttackKind.SQUARE,))
        try:
            self.cost.setText(estimate_cost(self.value(), self.paces).describe())
            self.problem.setText("")
        except ProbeError as error:
            self.cost.setText("")
            self.problem.setText(str(error))
        self.problem.setVisible(bool(self.problem.text()))
        self.cost.setVisible(bool(self.cost.text()))
        self.changed.emit()

    def _lay_out(self) -> None:
        rows = self._rows = QFormLayout()
        rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for name, field in (
            ("Voxels", self.voxels),
            ("Held-out images", self.images),
            ("Epsilon", self.ladder),
            ("Attack", self.attack),
            ("Steps", self.steps),
            ("Queries", self.queries),
        ):
            rows.addRow(make_label(name, "muted"), field)
        rows.setRowVisible(self.attack, self.transfer is None)
        rows.setRowVisible(self.queries, False)
        parts = (make_heading("Encoders"), self.encoders, make_heading("Targets: ROI means"), self.rois, rows)
        more = () if self.transfer is None else (self.transfer,)
        self.setLayout(make_column(*parts, self.norm, self.direction, *more, self.cost, self.problem))

    def _connect(self) -> None:
        for one in (self.encoders, self.rois):
            one.itemChanged.connect(self._look_again)
        for line in (self.voxels, self.ladder):
            line.editingFinished.connect(self._look_again)
        for spin in (self.images, self.steps, self.queries):
            spin.valueChanged.connect(self._look_again)
        self.attack.currentIndexChanged.connect(self._look_again)
        for choice in (self.norm, self.direction):
            choice.chosen.connect(self._look_again)
        if self.transfer is not None:
            self.transfer.changed.connect(self._look_again)


def _both(question: Question) -> tuple[tuple[str, str, str], ...]:
    """Discriminability alone keeps to one norm."""
    both = ((BOTH, "Both", "Linf then takes budgets of equal RMS change"),)
    return () if question is Question.DISCRIMINABILITY else both


def _make_attacks() -> QComboBox:
    """One attack of those that need no other encoder."""
    found = QComboBox()
    found.setAccessibleName("Attack")
    found.setToolTip("How perturbations are searched for")
    for kind in AttackKind:
        if kind is not AttackKind.ENSEMBLE:
            found.addItem(NAMES[kind], kind)
            found.setItemData(found.count() - 1, TIPS[kind], Qt.ItemDataRole.ToolTipRole)
    return found


def _make_list(name: str) -> QListWidget:
    found = QListWidget()
    found.setAccessibleName(name)
    found.setProperty("role", "checks")
    found.setMinimumHeight(4 * 26)
    return found


def _fill(target: QListWidget, rows: Sequence[tuple[str, object]], checked: Sequence[object]) -> None:
    target.clear()
    for text, key in rows:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, key)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if key in checked else Qt.CheckState.Unchecked)
        target.addItem(item)
    target.setFixedHeight(min(LIST_ROWS, max(3, len(rows))) * 24 + 8)


def _check_only(target: QListWidget, keys: Sequence[object]) -> None:
    for row in range(target.count()):
        item = target.item(row)
        known = item.data(Qt.ItemDataRole.UserRole) in keys
        item.setCheckState(Qt.CheckState.Checked if known else Qt.CheckState.Unchecked)


def _checked(source: QListWidget) -> list[Any]:
    items = [source.item(row) for row in range(source.count())]
    return [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() is Qt.CheckState.Checked]


def _make_spin(name: str, *, least: int, most: int, first: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(first)
    spin.setAccessibleName(name)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    spin.setToolTip(name)
    return spin
