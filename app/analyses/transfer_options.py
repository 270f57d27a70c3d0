"""What only a transfer asks: the attacks to compare, and which copies of the encoders stand in as controls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_column, make_heading, make_label, show_text
from app.widgets.form import Flag, Flags, Form
from core.sweeps.attack_kinds import LEAST_FOR_ENSEMBLE, AttackKind
from core.sweeps.choose import ControlEncoders, choose_control_encoders
from core.sweeps.config import EncoderName

ATTACKS = (
    (AttackKind.PGD, "PGD", "Projected gradient ascent"),
    (AttackKind.MI, "MI: with momentum", "Gradients accumulated over the steps, decay 1"),
    (AttackKind.DI, "DI: with diverse inputs", "Gradients at randomly shrunken images, probability 0.5"),
    (AttackKind.TI, "TI: with translation", "Gradients averaged over shifts of up to 7 pixels"),
    (AttackKind.ALL, "MI, DI and TI together", "All three together"),
    (AttackKind.SQUARE, "Square: without gradients", "Random squares: uses no gradients, only many forward passes"),
    (
        AttackKind.ENSEMBLE,
        "Ensemble of the others",
        f"One perturbation for all encoders but the recipient; needs {LEAST_FOR_ENSEMBLE} encoders",
    ),
)


class TransferOptions(Form):
    """Attacks and copies."""

    attacks = Flags("", choices=ATTACKS, name="Attacks")
    refitted = Flag(
        "Re-fitted copy of each encoder", "T to the same network with a readout fitted to half of the training images"
    )
    untrained = Flag(
        "Untrained networks as sources", "The same architectures with random weights and readouts of their own"
    )

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.attacks.set_value((AttackKind.PGD,))
        self.refitted.set_value(True)
        self.untrained.set_value(True)
        self.missing = make_label("", "muted", wraps=True)
        self.missing.hide()
        heads = make_heading("Attacks, one matrix each"), make_heading("Control encoders")
        controls = (self.refitted, self.untrained, self.missing)
        self.setLayout(make_column(heads[0], self.attacks, 4, heads[1], *controls, gap=4))

    def chosen_control_encoders(self, encoders: Sequence[EncoderName]) -> ControlEncoders:
        """The copies that are ticked and can be made; why others cannot is shown."""
        if not (self.refitted.value() or self.untrained.value()):
            show_text(self.missing, "")
            return ControlEncoders((), (), ())
        found = choose_control_encoders(encoders)
        show_text(self.missing, " ".join(found.reasons))
        refitted = found.refitted if self.refitted.value() else ()
        return ControlEncoders(refitted, found.untrained if self.untrained.value() else (), found.reasons)
