"""The left column: encoder, target and attack scroll; the budget and the probe button are always seen."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QFrame, QLineEdit

from app.explore.attack_form import AttackForm
from app.explore.encoder_form import EncoderForm
from app.explore.run_box import RunBox
from app.explore.target_form import TargetForm
from app.widgets.against_form import AgainstForm
from app.widgets.basics import make_column, make_line, make_scroll
from app.widgets.form import Fields, Gate

GATE_TIP = "Voxels whose encoder predicts held-out images worse than this are dimmed on the cortex"
LEAST_WIDTH = 316
"""Narrower, the badges and the row of direction and norm would be cut."""


class ControlsPanel(QFrame, Fields):
    """Holds the forms; each speaks for itself through its own signals."""

    entered = Signal()
    """Enter was pressed in a field that took what stands in it."""

    gate = Gate("Dim voxels with r below", GATE_TIP, least=-1, name="Gate on held-out r", width=64)

    def __init__(self) -> None:
        super().__init__()
        self.make_fields()
        self.setProperty("role", "panel")
        self.setMinimumWidth(LEAST_WIDTH)
        self.encoder = EncoderForm()
        self.against = AgainstForm()
        self.target = TargetForm()
        self.attack = AttackForm()
        self.run = RunBox()
        self.attack.add_advanced("Dim voxels with r below", self.gate)
        parts = (self.encoder, self.against, make_line(), self.target, make_line(), self.attack)
        scroll = make_scroll(make_column(*parts, -1, gap=6, margin=(16, 8, 16, 8)))
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        foot = make_column(self.attack.epsilon, self.run, margin=(16, 8, 16, 8))
        self.setLayout(make_column(scroll, make_line(), foot, gap=0, stretch=0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Tell of Enter, which a field leaves to its panel once it has taken it; a refused field keeps the focus."""
        field = self.focusWidget()
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if is_enter and isinstance(field, QLineEdit | QAbstractSpinBox) and field.property("invalid") != "true":
            self.entered.emit()
        else:
            super().keyPressEvent(event)
