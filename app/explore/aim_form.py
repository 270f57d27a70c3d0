"""Chooses what is asked of a target beyond raising it: contrast, sparing, pattern, smallest budget. Never runs it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from app.widgets.basics import make_button, make_column, make_label, make_row
from app.widgets.segmented import Segmented
from core.attacks.objective_config import FORMULAS, ObjectiveKind
from core.probes.aim import Aim

NO_CONTRAST = "nothing"
MOST_WEIGHT, MOST_SD = 1000.0, 100.0
SPARE_TIP = (
    "Take the mean squared change of all other voxels, in SDs, times this weight off what is raised, "
    "so that the target moves and the rest stays"
)
PATTERN_TIP = "Read one wished response a voxel from a .npy or text file (nan for any), and approach it"
WISH_TIP = "Find the smallest budget, up to the one above, that moves the target by so many SDs; off: use the budget"
NO_SD_TIP = "A pattern has no SD to count its shift in"
NO_PATTERN_TIP = "Load a pattern first"
ALONE_TIP = "No other network of this image size has an encoder for this subject"
TOGETHER_TIP = "Attack the encoders of these networks together: the mean of their shifts in SDs is raised"


class AimForm(QWidget):
    """Speaks `Aim`: `value`, `set_value`, `changed`."""

    changed = Signal(object)
    pattern_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._aim = Aim()
        self.contrast = QComboBox()
        self.contrast.setAccessibleName("Contrast ROI")
        self.contrast.setToolTip("Hold or lower this ROI: the target less weight × its mean is raised")
        self.contrast.setMaxVisibleItems(20)
        self.contrast_weight = make_number("Contrast weight", most=MOST_WEIGHT, tip="Weight of the ROI held or lowered")
        self.contrast_weight.setMinimum(0.01)
        self.spare = QCheckBox("Spare other voxels")
        self.spare.setToolTip(SPARE_TIP)
        self.spare_weight = make_number("Weight of other voxels", most=MOST_WEIGHT, tip=SPARE_TIP)
        self.pattern = make_button("Load a pattern…", tip=PATTERN_TIP)
        self.mode = Segmented(
            [
                (ObjectiveKind.DISTANCE, "Distance", f"Raise {FORMULAS[ObjectiveKind.DISTANCE]}"),
                (ObjectiveKind.COSINE, "Cosine", f"Raise {FORMULAS[ObjectiveKind.COSINE]}; it has no linearity"),
            ]
        )
        self.wish = make_number("Shift to reach", most=MOST_SD, tip=WISH_TIP)
        self.wish.setSpecialValueText("off")
        self.wish.setSuffix(" SD")
        self.together = QPushButton()
        self.together.setAccessibleName("Networks attacked together")
        self._menu = QMenu(self.together)
        self.together.setMenu(self._menu)
        self._lay_out()
        self._connect()
        self.set_rois(())
        self.set_networks(())
        self.set_value(Aim(), is_pattern=False)

    def value(self) -> Aim:
        """What is asked."""
        ticked = tuple(action.data() for action in self._menu.actions() if action.isChecked())
        return Aim(
            contrast_roi=self.contrast.currentData() or "",
            contrast_weight=self.contrast_weight.value(),
            spares_others=self.spare.isChecked(),
            spare_weight=self.spare_weight.value(),
            pattern_mode=ObjectiveKind(self.mode.value()),
            wanted_shift_sd=self.wish.value(),
            ensemble=ticked,
        )

    def set_value(self, aim: Aim, *, is_pattern: bool) -> None:
        """Show what is asked, of a pattern or of anything else; tells nobody."""
        self._aim = aim
        numbers = (
            (self.contrast_weight, aim.contrast_weight),
            (self.spare_weight, aim.spare_weight),
            (self.wish, aim.wanted_shift_sd),
        )
        for spin, number in numbers:
            with QSignalBlocker(spin):
                spin.setValue(number)
        with QSignalBlocker(self.contrast), QSignalBlocker(self.spare):
            self.contrast.setCurrentIndex(max(0, self.contrast.findData(aim.contrast_roi)))
            self.spare.setChecked(aim.spares_others)
        self.mode.set_value(aim.pattern_mode)
        for action in self._menu.actions():
            with QSignalBlocker(action):
                action.setChecked(action.data() in aim.ensemble)
        self._show_together()
        self._allow(is_pattern)

    def set_rois(self, rois: Sequence[str]) -> None:
        """Offer the ROIs of a subject as contrasts; tells nobody."""
        with QSignalBlocker(self.contrast):
            self.contrast.clear()
            self.contrast.addItem(NO_CONTRAST, "")
            for name in rois:
                self.contrast.addItem(name, name)
            self.contrast.setCurrentIndex(max(0, self.contrast.findData(self._aim.contrast_roi)))

    def set_networks(self, networks: Sequence[tuple[str, str]]) -> None:
        """Offer networks, each (id, title), to be attacked together with the open one; tells nobody."""
        self._menu.clear()
        for identity, title in networks:
            action = QAction(title, self._menu)
            action.setData(identity)
            action.setCheckable(True)
            action.setChecked(identity in self._aim.ensemble)
            action.toggled.connect(self._tell)
            self._menu.addAction(action)
        self.together.setEnabled(bool(networks))
        self.together.setToolTip(TOGETHER_TIP if networks else ALONE_TIP)
        self._show_together()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 4, 0, 4)
        form.setSpacing(8)
        self.contrast.setMinimumContentsLength(4)
        for narrow in (self.contrast, self.together):
            narrow.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        against = make_row(self.contrast, make_label("×", "muted"), self.contrast_weight)
        against.setStretch(0, 1)
        form.addRow(make_label("Against", "muted"), against)
        form.addRow(make_row(self.spare, -1, self.spare_weight))
        form.addRow(make_label("Smallest ε for", "muted"), make_row(-1, self.wish))
        form.addRow(make_label("Together with", "muted"), self.together)
        form.addRow(make_column(self.pattern, self.mode))
        self.setLayout(form)

    def _connect(self) -> None:
        self.contrast.activated.connect(self._tell)
        self.spare.toggled.connect(self._tell)
        self.mode.chosen.connect(self._tell)
        for spin in (self.contrast_weight, self.spare_weight, self.wish):
            spin.valueChanged.connect(self._tell)
        self.pattern.clicked.connect(self.pattern_requested)

    def _allow(self, is_pattern: bool) -> None:
        """What a pattern has no use for is disabled, with the reason."""
        reason = "The target is a pattern: pick a voxel or an ROI to use this"
        rows = (
            (self.contrast, "Hold or lower this ROI: the target less weight × its mean is raised", reason),
            (self.spare, SPARE_TIP, reason),
            (self.wish, WISH_TIP, NO_SD_TIP),
        )
        for widget, tip, why_not in rows:
            widget.setEnabled(not is_pattern)
            widget.setToolTip(why_not if is_pattern else tip)
        self.contrast_weight.setEnabled(not is_pattern and bool(self._aim.contrast_roi))
        self.spare_weight.setEnabled(not is_pattern and self._aim.spares_others)
        self.mode.setEnabled(is_pattern)
        self.mode.setToolTip("" if is_pattern else NO_PATTERN_TIP)

    def _show_together(self) -> None:
        ticked = [action.text() for action in self._menu.actions() if action.isChecked()]
        self.together.setText("no other network" if not ticked else f"{len(ticked)} more: {', '.join(ticked)}"[:28])

    @Slot()
    def _tell(self) -> None:
        self.changed.emit(self.value())


def make_number(name: str, *, most: float, tip: str, step: float = 0.5) -> QDoubleSpinBox:
    """A small field for a number from 0 to `most`, told when it is settled."""
    spin = QDoubleSpinBox()
    spin.setRange(0.0, most)
    spin.setSingleStep(step)
    spin.setDecimals(2)
    spin.setFixedWidth(72)
    spin.setAccessibleName(name)
    spin.setToolTip(tip)
    spin.setKeyboardTracking(False)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    return spin
