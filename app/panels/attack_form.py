"""Chooses the direction, the norm, the budget and the schedule of the attack as one frozen config. Never runs it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFormLayout, QSpinBox, QWidget

from app.icons import load_icon
from app.theme import Theme
from app.widgets.basics import make_column, make_heading, make_label, make_row, set_look
from app.widgets.epsilon_control import EpsilonControl
from app.widgets.fold import Fold
from app.widgets.segmented import Segmented
from core.attacks.config import AttackConfig, AttackMethod
from core.types import Direction, NormName

STEPS_TIP = "Steps of the attack at each budget of the curve"
MOST_STEPS = 1000
MOST_RESTARTS = 50
MOST_SEED = 2**31 - 1


class AttackForm(QWidget):
    """Speaks `AttackConfig`: `value`, `set_value`, `changed`; dragging the budget is told apart."""

    changed = Signal(object)
    direction_chosen = Signal(object)
    epsilon_dragged = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make_choices()
        self.epsilon = EpsilonControl()
        self.steps = _make_spin("Steps", least=1, most=MOST_STEPS, tip=STEPS_TIP)
        self.restarts = _make_spin("Restarts", least=1, most=MOST_RESTARTS, tip="Runs from different starts; best kept")
        self.seed = _make_spin("Seed", least=0, most=MOST_SEED, tip="Seed of random starts and of the control")
        self.random_start = QCheckBox("Random start")
        self.random_start.setToolTip("Start at a random point within the budget instead of the image itself")
        self.quantise = QCheckBox("Quantise to 8 bit")
        self.quantise.setToolTip("Round every step to grey levels, so that the saved PNG holds exactly these pixels")
        self.advanced = Fold("Advanced", self._make_advanced())
        self._lay_out()
        self._connect()
        self.set_value(AttackConfig())

    def value(self) -> AttackConfig:
        """The attack as chosen."""
        return AttackConfig(
            norm=NormName(self.norm.value()),
            epsilon=self.epsilon.epsilon(),
            method=AttackMethod(self.method.value()),
            n_steps=self.steps.value(),
            n_restarts=self.restarts.value(),
            random_start=self.random_start.isChecked(),
            quantise=self.quantise.isChecked(),
            seed=self.seed.value(),
        )

    def set_value(self, attack: AttackConfig) -> None:
        """Show an attack; tells nobody."""
        self.norm.set_value(attack.norm)
        self.method.set_value(attack.method)
        if self.epsilon.norm() is not attack.norm:
            self.epsilon.set_norm(attack.norm)
        self.epsilon.set_epsilon(attack.epsilon)
        numbers = ((self.steps, attack.n_steps), (self.restarts, attack.n_restarts), (self.seed, attack.seed))
        for spin, number in numbers:
            with QSignalBlocker(spin):
                spin.setValue(number)
        for box, checked in ((self.random_start, attack.random_start), (self.quantise, attack.quantise)):
            with QSignalBlocker(box):
                box.setChecked(checked)
        self._allow()

    def set_direction(self, direction: Direction) -> None:
        """Show a direction; tells nobody."""
        self.direction.set_value(direction)

    def add_advanced(self, name: str, field: QWidget) -> None:
        """Add a row to the advanced part."""
        self._advanced_rows.addRow(make_label(name, "muted"), field)

    def set_theme(self, theme: Theme) -> None:
        """Draw the icons in the theme's colours."""
        self.direction.button(Direction.RAISE).setIcon(load_icon("up", theme.warm))
        self.direction.button(Direction.LOWER).setIcon(load_icon("down", theme.cool))
        self.advanced.set_theme(theme)

    def _make_choices(self) -> None:
        self.direction = Segmented(
            [
                (Direction.RAISE, "Raise", "Change the image so that the predicted response rises (R)"),
                (Direction.LOWER, "Lower", "Change the image so that the predicted response falls (L)"),
            ]
        )
        set_look(self.direction.button(Direction.RAISE), "tone", "warm")
        set_look(self.direction.button(Direction.LOWER), "tone", "cool")
        self.norm = Segmented(
            [
                (NormName.L2, "L2", "Bound the Euclidean length of the change over all pixels"),
                (NormName.LINF, "L∞", "Bound the change of every single pixel"),
            ]
        )
        self.method = Segmented(
            [
                (AttackMethod.PGD, "PGD", "Projected gradient descent: many small steps"),
                (AttackMethod.FGSM, "FGSM", "Fast gradient method: one step of the whole budget"),
            ]
        )

    def _make_advanced(self) -> QWidget:
        form = self._advanced_rows = QFormLayout()
        form.setContentsMargins(0, 4, 0, 4)
        form.setSpacing(8)
        for name, field in (("Method", self.method), ("Restarts", self.restarts), ("Seed", self.seed)):
            form.addRow(make_label(name, "muted"), field)
        form.addRow(self.random_start)
        form.addRow(self.quantise)
        content = QWidget()
        content.setLayout(form)
        return content

    def _lay_out(self) -> None:
        self.norm.setFixedWidth(104)
        self.steps.setFixedWidth(60)
        self.setLayout(
            make_column(
                make_heading("Probe"),
                self.direction,
                make_row(make_label("Norm"), self.norm, -1, make_label("Steps"), self.steps),
                self.epsilon,
                self.advanced,
            )
        )

    def _connect(self) -> None:
        self.direction.chosen.connect(self._take_direction)
        self.norm.chosen.connect(self._take_norm)
        self.method.chosen.connect(self._tell)
        self.epsilon.dragged.connect(self.epsilon_dragged)
        self.epsilon.committed.connect(self._tell)
        for spin in (self.steps, self.restarts, self.seed):
            spin.valueChanged.connect(self._tell)
        for box in (self.random_start, self.quantise):
            box.toggled.connect(self._tell)

    def _allow(self) -> None:
        fgsm = self.method.value() == AttackMethod.FGSM
        self.steps.setEnabled(not fgsm)
        self.steps.setToolTip("FGSM always takes one step" if fgsm else STEPS_TIP)

    @Slot()
    def _tell(self) -> None:
        self._allow()
        self.changed.emit(self.value())

    @Slot(str)
    def _take_direction(self, direction: str) -> None:
        self.direction_chosen.emit(Direction(direction))

    @Slot(str)
    def _take_norm(self, norm: str) -> None:
        self.epsilon.set_norm(NormName(norm))
        self._tell()


def _make_spin(name: str, *, least: int, most: int, tip: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setAccessibleName(name)
    spin.setToolTip(tip)
    spin.setKeyboardTracking(False)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    return spin
