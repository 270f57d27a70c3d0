"""The buttons and choices that say how images are compared."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QToolButton, QWidget

from app.explore.picture_set import Role
from app.widgets.basics import make_row, make_tool_button
from app.widgets.editors import ChoiceBox
from core.images.difference import MANUAL_FACTORS

ROLE_NAMES = {Role.PERTURBED: "Perturbed", Role.CONTROL: "Random control", Role.SIGN_FLIP: "Sign flip"}
ROLE_TIPS = {
    Role.PERTURBED: "The attacked image, as delivered",
    Role.CONTROL: "A random perturbation of the same realised size",
    Role.SIGN_FLIP: "The same perturbation with its sign flipped: clean − δ",
}
ROLES = tuple(ROLE_NAMES)
AUTO = "auto"
LEAST_WIDTH = 104
"""Room for "×192 auto" and the arrow, in pixels."""

NEEDS_PROBE = "Run a probe first."


class CompareTools(QWidget):
    """Flicker, swipe, and a button that shows the clean image while it is held.

    Signals
    -------
    flicker_toggled(bool), swipe_toggled(bool), clean_held(bool)
    """

    flicker_toggled = Signal(bool)
    swipe_toggled = Signal(bool)
    clean_held = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tips: dict[QToolButton, str] = {}
        self.flicker = self._add("Flicker", "Swap clean and perturbed three times a second", latches=True)
        self.swipe = self._add("Swipe", "Drag a line: clean on its left, perturbed on its right", latches=True)
        self.hold = self._add("Hold for clean", "Show the clean image while held down", latches=False)
        self.collect = make_tool_button(tip="", name="Add to the tray")
        """Takes the window's command of that name."""
        self.setLayout(make_row(*self._tips, -1, self.collect, gap=4))
        self.flicker.toggled.connect(self.flicker_toggled)
        self.swipe.toggled.connect(self.swipe_toggled)
        self.hold.pressed.connect(self._press)
        self.hold.released.connect(self._release)

    def set_usable(self, on: bool) -> None:
        """Enable the buttons only while there is something to compare, and say why not otherwise."""
        for button, tip in self._tips.items():
            button.setEnabled(on)
            button.setToolTip(tip if on else f"{tip}. {NEEDS_PROBE}")

    def _add(self, text: str, tip: str, *, latches: bool) -> QToolButton:
        button = make_tool_button(tip=tip, name=text)
        button.setText(text)
        button.setCheckable(latches)
        self._tips[button] = tip
        return button

    @Slot()
    def _press(self) -> None:
        self.clean_held.emit(True)

    @Slot()
    def _release(self) -> None:
        self.clean_held.emit(False)


class RoleChoice(ChoiceBox):
    """Which image the second and third pane show; `chosen(str)` is a `Role`."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__("Second image")
        self.set_choices([(role, ROLE_NAMES[role], ROLE_TIPS[role]) for role in ROLES])
        self.activated.connect(self._tell)

    def set_role(self, role: Role) -> None:
        """Choose without telling."""
        self.set_value(role)
        self.setToolTip(ROLE_TIPS[role])

    @Slot()
    def _tell(self) -> None:
        self.chosen.emit(self.value().value)


class FactorChoice(ChoiceBox):
    """How much the difference is amplified; `chosen(object)` is a factor or None for automatic."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("Amplification of the difference")
        self.setToolTip("Auto brings the 99th percentile of |δ| to at most 110 grey levels.")
        self.setMinimumWidth(LEAST_WIDTH)
        self.set_choices([(None, AUTO), *((factor, f"×{factor}") for factor in MANUAL_FACTORS)])
        self.activated.connect(self._tell)

    def show_factor(self, factor: int, *, is_manual: bool) -> None:
        """Show the factor in use, without telling."""
        self.setItemText(0, AUTO if is_manual else f"×{factor} {AUTO}")
        self.set_value(factor if is_manual else None)

    @Slot()
    def _tell(self) -> None:
        self.chosen.emit(self.value())
