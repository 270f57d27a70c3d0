"""Chooses the direction, the norm, the budget and the schedule of the attack as one frozen config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.explore.epsilon_control import EpsilonControl
from app.explore.mask_tool import HARD, MaskTool
from app.widgets.basics import make_column, make_heading, make_label, make_panel, make_row, set_icon, set_look
from app.widgets.captions import Fold
from app.widgets.form import MOST_SEED, Choice, Count, Flag, Form, Number, Pick
from core.attacks.config import LARGEST_TRANSLATION, AttackConfig, AttackMethod, StepRule
from core.attacks.mask import Mask
from core.attacks.presets import PRESETS, find_preset, name_schedule
from core.types import Direction, NormName

STEPS_TIP = "Steps of the attack at each budget of the curve; auto are as many as it takes"
OWN_SCHEDULE = ("", "custom")
SCHEDULE_TIP = "Published norm, budget, step size and number of steps; changing one makes it custom"
SCHEDULES = [
    (name, name, f"{preset.describe()}. At its one budget: the curve has a single point.")
    for name, preset in PRESETS.items()
]
MOMENTUM_TIP = "Accumulate the gradients of all steps with this decay (1 as published); often transfers better"
DIVERSITY_TIP = "Probability that a step takes its gradient at a shrunken, padded image (0.5 as published)"
DIRECTIONS = (
    (Direction.RAISE, "Raise", "Change the image so that the predicted response rises (R)"),
    (Direction.LOWER, "Lower", "Change the image so that the predicted response falls (L)"),
)
NORMS = (
    (NormName.L2, "L2", "Bound the Euclidean length of the change over all pixels"),
    (NormName.LINF, "L∞", "Linf: bound the change of every single pixel"),
)
METHODS = (
    (AttackMethod.PGD, "PGD", "Projected gradient descent: many small steps"),
    (AttackMethod.FGSM, "FGSM", "Fast gradient method: one step of the whole budget"),
    (AttackMethod.APGD, "APGD", "Projected gradient descent that adapts its step size; use 40 steps or more"),
    (AttackMethod.SQUARE, "Square", "Random squares: uses no gradients, only many forward passes"),
)
STEP_REASONS = {
    AttackMethod.FGSM: "FGSM always takes one step",
    AttackMethod.SQUARE: "Square counts queries instead of steps; see Advanced",
}
NO_USE = {
    AttackMethod.FGSM: "FGSM takes one step, so it has no momentum",
    AttackMethod.APGD: "APGD has a momentum and steps of its own",
    AttackMethod.SQUARE: "Square uses no gradients",
}
OPTIONS = ("momentum", "diversity", "translation", "n_queries", "n_restarts", "seed", "random_start", "quantise")


def _switchable(title: str, tip: str, *, most: float) -> Number:
    return Number(title, tip, most=most, step=0.1, zero="off", settled=True)


class AttackForm(Form):
    """Edits `AttackConfig`: `value`, `set_value`, `changed`; its owner lays `epsilon` out, which tells of a drag."""

    changed = Signal(object)
    direction_chosen = Signal(object)

    direction = Pick("", choices=DIRECTIONS, name="Direction")
    norm = Pick("", choices=NORMS, name="Norm", width=104)
    n_steps = Count("", STEPS_TIP, most=1000, zero="auto", settled=True, name="Steps", width=60)
    method = Pick("", choices=METHODS, name="Method")
    preset = Choice("Schedule", SCHEDULE_TIP, choices=(OWN_SCHEDULE, *SCHEDULES))
    momentum = _switchable("Momentum", MOMENTUM_TIP, most=10)
    diversity = _switchable("Diverse inputs", DIVERSITY_TIP, most=1)
    translation = Count(
        "Shifts",
        "Average gradients over image shifts of up to this many pixels (7 as published)",
        most=LARGEST_TRANSLATION,
        zero="off",
        unit=" px",
        settled=True,
    )
    n_queries = Count(
        "Queries", "Forward passes at each budget of the curve; gradients are not used", least=1, settled=True
    )
    n_restarts = Count("Restarts", "Runs from different starts; best kept", least=1, most=50, settled=True)
    seed = Count("Seed", "Seed of random starts and of the control", most=MOST_SEED, settled=True)
    random_start = Flag("Random start", "Start at a random point within the budget instead of at the image itself")
    quantise = Flag(
        "Quantise to 8 bit", "Round every step to grey levels, so that the saved PNG holds exactly these pixels"
    )

    def __init__(self) -> None:
        super().__init__()
        self._step_size: float | None = None
        self.mask_tool = MaskTool()
        self._step_rule = StepRule.FALLING
        self.epsilon = EpsilonControl()
        for way, icon, ink in ((Direction.RAISE, "up", "warm"), (Direction.LOWER, "down", "cool")):
            set_look(self.direction.button(way), "tone", ink)
            set_icon(self.direction.button(way), icon, ink)
        self._advanced_rows = self.make_rows("method", "preset", *OPTIONS, gap=8)
        self._advanced_rows.setContentsMargins(0, 4, 0, 4)
        steps = make_row(make_label("Steps"), self.n_steps)
        self.advanced = Fold("Advanced", make_panel(make_column(self._advanced_rows, self.mask_tool)), beside=steps)
        top = make_row(self.direction, self.norm, stretch=0)
        self.setLayout(make_column(make_heading("Probe"), top, self.advanced, gap=6))
        self.epsilon.committed.connect(self._take_schedule)
        self.mask_tool.changed.connect(self._take_mask)
        self.set_value(AttackConfig())

    def value(self) -> AttackConfig:
        """The attack as chosen; options that the method has no use for are off."""
        method = AttackMethod(self.method.value())
        steers = method.takes_transfer_options
        return self.make_config(
            AttackConfig,
            epsilon=self.epsilon.epsilon,
            step_size=self._step_size if method is AttackMethod.PGD else None,
            step_rule=self._step_rule,
            mask=self.mask_tool.chosen,
            momentum=self.momentum.value() if method is AttackMethod.PGD else 0.0,
            diversity=self.diversity.value() if steers else 0.0,
            translation=self.translation.value() if steers else 0,
        )

    def set_value(self, attack: AttackConfig) -> None:
        """Show an attack; emits no signal. Options that its method has no use for keep what was chosen for the next."""
        unused = [] if attack.method.takes_transfer_options else ["diversity", "translation"]
        unused += [] if attack.method is AttackMethod.PGD else ["momentum"]
        self.show_config(attack, keep=unused)
        if self.epsilon.norm is not attack.norm:
            self.epsilon.set_norm(attack.norm)
        self.epsilon.within = attack.mask
        self.epsilon.set_epsilon(attack.epsilon)
        self._step_size, self._step_rule = attack.step_size, attack.step_rule
        self.mask_tool.set_value(attack.mask)
        self.mask_tool.set_hard(attack.quantise)
        self.preset.set_value(name_schedule(attack))
        self.refresh()

    def add_advanced(self, name: str, field: QWidget) -> None:
        """Add a row to the advanced part."""
        self._advanced_rows.addRow(make_label(name, "muted"), field)

    def tell(self) -> None:
        """Say what the attack is now."""
        self.changed.emit(self.value())

    def reasons(self) -> Mapping[str, str]:
        """What the method has no use for."""
        method = AttackMethod(self.method.value())
        unused = NO_USE.get(method, "")
        unsteered = "" if method.takes_transfer_options else unused
        is_soft = self.mask_tool.chosen is not None and self.mask_tool.chosen.is_soft
        return {
            "quantise": f"{HARD}, and the mask has one" if is_soft else "",
            "n_steps": STEP_REASONS.get(method, ""),
            "momentum": unused,
            "diversity": unsteered,
            "translation": unsteered,
            "n_queries": "" if method is AttackMethod.SQUARE else "Only Square counts queries",
        }

    def take_quantise(self, *_: object) -> None:
        """A mask then has hard edges."""
        self.mask_tool.set_hard(self.quantise.value())
        self.take_edit()

    def _take_mask(self, mask: Mask | None) -> None:
        if mask is not None and mask.is_soft:  # as a picture with greys
            self.quantise.set_value(False)
        self.take_edit()

    def take_direction(self, direction: str) -> None:
        """It is no part of the attack."""
        self.direction_chosen.emit(Direction(direction))

    def take_norm(self, norm: str) -> None:
        """Each norm keeps the budget last used with it."""
        self.epsilon.set_norm(NormName(norm))
        self._take_schedule()

    def take_preset(self, *_: object) -> None:
        """A published schedule, or one's own again."""
        if not self.preset.value():
            self._take_schedule()
            return
        self.set_value(find_preset(self.preset.value()).apply(replace(self.value(), method=AttackMethod.PGD)))
        self.tell()

    def _take_schedule(self, *_: object) -> None:
        """Steps, budget or method were set by hand: the steps fall again."""
        self._step_size, self._step_rule = None, StepRule.FALLING
        self.take_edit()

    take_method = take_n_steps = _take_schedule
