"""Chooses the direction, the norm, the budget and the schedule of the attack as one frozen config. Never runs it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from app.explore.epsilon_control import EpsilonControl
from app.look.icons import load_icon
from app.look.theme import Theme
from app.widgets.basics import make_column, make_heading, make_label, make_row, set_look
from app.widgets.fold import Fold
from app.widgets.segmented import Segmented
from core.attacks.config import LARGEST_TRANSLATION, AttackConfig, AttackMethod
from core.attacks.presets import PRESETS, Preset, find_preset, name_schedule
from core.types import Direction, NormName

STEPS_TIP = "Steps of the attack at each budget of the curve"
MOST_STEPS = 1000
MOST_RESTARTS = 50
MOST_SEED = 2**31 - 1
MOST_QUERIES = 100_000
MOST_MOMENTUM = 10.0
OWN_SCHEDULE = "own steps"
STEP_REASONS = {
    AttackMethod.FGSM: "FGSM always takes one step",
    AttackMethod.SQUARE: "Square counts queries instead of steps; see Advanced",
}
NO_USE = {
    AttackMethod.FGSM: "FGSM takes one step and gathers no momentum",
    AttackMethod.APGD: "APGD has a momentum and steps of its own",
    AttackMethod.SQUARE: "Square takes no gradient",
}
MOMENTUM_TIP = "Add up the gradients of all steps, older ones decayed by this (1 as published); often transfers better"
DIVERSITY_TIP = "Probability of taking a step's gradient at a shrunken, padded image (0.5 as published)"
TRANSLATION_TIP = "Average gradients over shifts of the image up to so many pixels (7 as published)"
APGD_TIP = "Projected gradient descent that finds its own step length; give it 40 steps or more"
QUERIES_TIP = "Forward passes at each budget of the curve; no gradient is asked of the network"


class AttackForm(QWidget):
    """Speaks `AttackConfig`: `value`, `set_value`, `changed`; dragging the budget is told apart."""

    changed = Signal(object)
    direction_chosen = Signal(object)
    epsilon_dragged = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step_size: float | None = None
        self._make_choices()
        self.epsilon = EpsilonControl()
        self.steps = _make_spin("Steps", least=1, most=MOST_STEPS, tip=STEPS_TIP)
        self.restarts = _make_spin("Restarts", least=1, most=MOST_RESTARTS, tip="Runs from different starts; best kept")
        self.seed = _make_spin("Seed", least=0, most=MOST_SEED, tip="Seed of random starts and of the control")
        self.random_start = QCheckBox("Random start")
        self.random_start.setToolTip("Start at a random point within the budget instead of the image itself")
        self.quantise = QCheckBox("Quantise to 8 bit")
        self.quantise.setToolTip("Round every step to grey levels, so that the saved PNG holds exactly these pixels")
        self._make_options()
        self.advanced = Fold("Advanced", self._make_advanced())
        self._lay_out()
        self._connect()
        self.set_value(AttackConfig())

    def value(self) -> AttackConfig:
        """The attack as chosen; options that the method has no use for are off."""
        method = AttackMethod(self.method.value())
        steers = method.takes_transfer_options
        return AttackConfig(
            norm=NormName(self.norm.value()),
            epsilon=self.epsilon.epsilon(),
            method=method,
            n_steps=self.steps.value(),
            step_size=self._step_size if method is AttackMethod.PGD else None,
            momentum=self.momentum.value() if method is AttackMethod.PGD else 0.0,
            diversity=self.diversity.value() if steers else 0.0,
            translation=self.translation.value() if steers else 0,
            n_queries=self.queries.value(),
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
        self._step_size = attack.step_size
        numbers = (
            (self.steps, attack.n_steps),
            (self.restarts, attack.n_restarts),
            (self.seed, attack.seed),
            (self.queries, attack.n_queries),
        )
        for spin, number in numbers:
            with QSignalBlocker(spin):
                spin.setValue(number)
        self._show_options(attack)
        for box, checked in ((self.random_start, attack.random_start), (self.quantise, attack.quantise)):
            with QSignalBlocker(box):
                box.setChecked(checked)
        self._allow()

    def _show_options(self, attack: AttackConfig) -> None:
        """Options that the method has no use for keep what was chosen for the next one."""
        shown = (
            (self.momentum, attack.momentum, attack.method is AttackMethod.PGD),
            (self.diversity, attack.diversity, attack.method.takes_transfer_options),
        )
        for spin, number, is_used in shown:
            with QSignalBlocker(spin):
                spin.setValue(number if is_used else spin.value())
        with QSignalBlocker(self.translation):
            used = attack.method.takes_transfer_options
            self.translation.setValue(attack.translation if used else self.translation.value())
        with QSignalBlocker(self.preset):
            self.preset.setCurrentIndex(max(0, self.preset.findData(name_schedule(attack))))

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
                (
                    AttackMethod.APGD,
                    "APGD",
                    APGD_TIP,
                ),
                (AttackMethod.SQUARE, "Square", "Random squares: needs no gradient, only many forward passes"),
            ]
        )

    def _make_options(self) -> None:
        self.preset = QComboBox()
        self.preset.setAccessibleName("Schedule")
        self.preset.setToolTip("A published norm, budget, step and number of steps; changing one makes it your own")
        self.preset.addItem(OWN_SCHEDULE, "")
        for name, preset in PRESETS.items():
            self.preset.addItem(name, name)
            self.preset.setItemData(self.preset.count() - 1, _describe_schedule(preset), Qt.ItemDataRole.ToolTipRole)
        self.preset.setMinimumContentsLength(12)
        self.momentum = _make_decimal("Momentum", most=MOST_MOMENTUM, tip=MOMENTUM_TIP)
        self.diversity = _make_decimal("Diverse inputs", most=1.0, tip=DIVERSITY_TIP)
        self.translation = _make_spin("Shifts", least=0, most=LARGEST_TRANSLATION, tip=TRANSLATION_TIP)
        self.translation.setSpecialValueText("off")
        self.translation.setSuffix(" px")
        self.queries = _make_spin("Queries", least=1, most=MOST_QUERIES, tip=QUERIES_TIP)

    def _make_advanced(self) -> QWidget:
        form = self._advanced_rows = QFormLayout()
        form.setContentsMargins(0, 4, 0, 4)
        form.setSpacing(8)
        rows = (
            ("Schedule", self.preset),
            ("Momentum", self.momentum),
            ("Diverse inputs", self.diversity),
            ("Shifts", self.translation),
            ("Queries", self.queries),
            ("Restarts", self.restarts),
            ("Seed", self.seed),
        )
        form.addRow(self.method)
        for name, field in rows:
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
        self.method.chosen.connect(self._take_schedule)
        self.epsilon.dragged.connect(self.epsilon_dragged)
        self.epsilon.committed.connect(self._take_schedule)
        self.preset.activated.connect(self._take_preset)
        self.steps.valueChanged.connect(self._take_schedule)
        for spin in (self.restarts, self.seed, self.queries, self.translation):
            spin.valueChanged.connect(self._tell)
        for decimal in (self.momentum, self.diversity):
            decimal.valueChanged.connect(self._tell)
        for box in (self.random_start, self.quantise):
            box.toggled.connect(self._tell)

    def _allow(self) -> None:
        method = AttackMethod(self.method.value())
        unused = NO_USE.get(method, "")
        steers = method.takes_transfer_options
        _set_use(self.steps, STEPS_TIP, why_not=STEP_REASONS.get(method, ""))
        _set_use(self.momentum, MOMENTUM_TIP, why_not=unused)
        _set_use(self.diversity, DIVERSITY_TIP, why_not="" if steers else unused)
        _set_use(self.translation, TRANSLATION_TIP, why_not="" if steers else unused)
        is_square = method is AttackMethod.SQUARE
        _set_use(self.queries, QUERIES_TIP, why_not="" if is_square else "Only Square counts queries")

    @Slot()
    def _take_schedule(self) -> None:
        """Steps, budget or method were set by hand: the step length follows them again."""
        self._step_size = None
        self._tell()

    @Slot(int)
    def _take_preset(self, _index: int) -> None:
        name = self.preset.currentData()
        if not name:
            self._take_schedule()
            return
        attack = find_preset(name).apply(replace(self.value(), method=AttackMethod.PGD))
        self.set_value(attack)
        self.changed.emit(attack)

    @Slot()
    def _tell(self) -> None:
        self._allow()
        self.changed.emit(self.value())

    @Slot(str)
    def _take_direction(self, direction: str) -> None:
        self.direction_chosen.emit(Direction(direction))

    @Slot(str)
    def _take_norm(self, norm: str) -> None:
        self._step_size = None
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


def _make_decimal(name: str, *, most: float, tip: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(0.0, most)
    spin.setSingleStep(0.1)
    spin.setDecimals(2)
    spin.setSpecialValueText("off")
    spin.setAccessibleName(name)
    spin.setToolTip(tip)
    spin.setKeyboardTracking(False)
    spin.setAlignment(Qt.AlignmentFlag.AlignRight)
    return spin


def _set_use(field: QWidget, tip: str, *, why_not: str) -> None:
    """Enable a field, or say in its tooltip why it has no use."""
    field.setEnabled(not why_not)
    field.setToolTip(why_not or tip)


def _describe_schedule(preset: Preset) -> str:
    """The schedule, and what it means for the curve."""
    return f"{preset.describe()}. At its one budget: the curve has a single point."
