"""The left column: encoder, target, attack and the probe button, one under the other. Never decides what follows."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.explore.attack_form import AttackForm
from app.explore.encoder_form import EncoderForm
from app.explore.run_box import RunBox
from app.explore.target_form import TargetForm
from app.widgets.basics import make_column, make_line, make_scroll
from app.widgets.form import Fields, Gate

GATE_TIP = "Voxels whose encoder predicts held-out images worse than this are dimmed on the cortex"
LEAST_WIDTH = 316
"""Narrower, the badges and the row of norm and steps would be cut."""


class ControlsPanel(QFrame, Fields):
    """Holds the forms; each speaks for itself through its own signals."""

    gate_changed = Signal(float)

    gate = Gate("Dim voxels with r below", GATE_TIP, least=-1, name="Gate on held-out r", width=64)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.make_fields()
        self.setProperty("role", "panel")
        self.setMinimumWidth(LEAST_WIDTH)
        self.encoder = EncoderForm()
        self.target = TargetForm()
        self.attack = AttackForm()
        self.run = RunBox()
        scroll = make_scroll(self._make_forms())
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = make_column(scroll, make_line(), self.run, gap=0)
        column.setStretch(0, 1)
        self.setLayout(column)

    def take_gate(self, gate: float) -> None:
        """The gate was moved."""
        self.gate_changed.emit(gate)

    def _make_forms(self) -> QVBoxLayout:
        self.attack.add_advanced("Dim voxels with r below", self.gate)
        parts = (self.encoder, make_line(), self.target, make_line(), self.attack)
        column = make_column(*parts, -1, gap=12)
        column.setContentsMargins(16, 14, 16, 12)
        return column
