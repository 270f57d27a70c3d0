"""What only a transfer asks: the attacks to compare, and which copies of the encoders stand in as controls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QWidget

from app.widgets.basics import make_column, make_heading, make_label
from core.sweeps.attack_kinds import LEAST_FOR_ENSEMBLE, AttackKind
from core.sweeps.choose import Copies, choose_copies
from core.sweeps.config import EncoderName

TIPS = {
    AttackKind.PGD: "Projected gradient ascent",
    AttackKind.MI: "Gradients added up over the steps, decay 1",
    AttackKind.DI: "Gradients at randomly shrunken images, probability 0.5",
    AttackKind.TI: "Gradients averaged over shifts of up to 7 pixels",
    AttackKind.ALL: "All three together",
    AttackKind.SQUARE: "Random squares: takes no gradient, only many forward passes",
    AttackKind.ENSEMBLE: f"One perturbation for all encoders but the recipient; needs {LEAST_FOR_ENSEMBLE} encoders",
}
NAMES = {
    AttackKind.PGD: "PGD",
    AttackKind.MI: "MI: with momentum",
    AttackKind.DI: "DI: with diverse inputs",
    AttackKind.TI: "TI: with translation",
    AttackKind.ALL: "MI, DI and TI together",
    AttackKind.SQUARE: "Square: without gradients",
    AttackKind.ENSEMBLE: "Ensemble of the others",
}


class TransferOptions(QWidget):
    """Attacks and copies; `changed` says look again."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.attacks = {kind: QCheckBox(NAMES[kind]) for kind in AttackKind}
        for kind, box in self.attacks.items():
            box.setToolTip(TIPS[kind])
            box.setChecked(kind is AttackKind.PGD)
        self.refitted = QCheckBox("Re-fitted copy of each encoder")
        self.refitted.setToolTip("T to the same network with a readout fitted to half of the training images")
        self.untrained = QCheckBox("Untrained networks as sources")
        self.untrained.setToolTip("The same architectures with random weights and readouts of their own")
        self.missing = make_label("", "muted", wraps=True)
        self.missing.hide()
        for box in (self.refitted, self.untrained):
            box.setChecked(True)
        for box in (*self.attacks.values(), self.refitted, self.untrained):
            box.toggled.connect(self._tell)
        heads = make_heading("Attacks, a matrix each"), make_heading("Controls fitted for this")
        column = make_column(
            heads[0], *self.attacks.values(), 4, heads[1], self.refitted, self.untrained, self.missing, gap=4
        )
        self.setLayout(column)

    def chosen_attacks(self) -> tuple[AttackKind, ...]:
        """The attacks that are ticked, in their order."""
        return tuple(kind for kind, box in self.attacks.items() if box.isChecked())

    def chosen_copies(self, encoders: Sequence[EncoderName]) -> Copies:
        """The copies that are ticked and can be made; why others cannot is shown."""
        if not (self.refitted.isChecked() or self.untrained.isChecked()):
            self._explain(())
            return Copies((), (), ())
        found = choose_copies(encoders)
        self._explain(found.reasons)
        refitted = found.refitted if self.refitted.isChecked() else ()
        return Copies(refitted, found.untrained if self.untrained.isChecked() else (), found.reasons)

    def _explain(self, reasons: tuple[str, ...]) -> None:
        self.missing.setText(" ".join(reasons))
        self.missing.setVisible(bool(reasons))

    @Slot()
    def _tell(self) -> None:
        self.changed.emit()
