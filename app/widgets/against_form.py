"""Chooses a second encoder beside the first, for probes that move the two apart: in Explore and in plans of stimuli."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.widgets.basics import make_label
from app.widgets.form import Choice, Flag, Form, Weight
from core.probes.against import DEFAULT_DECIDED, DEFAULT_SHARPNESS, Against

NOTHING = (None, "no second encoder")
SECOND_TIP = (
    "A second encoder of this subject: the perturbation raises the target in the first and lowers it in the second, or "
    "the other way round, so that one measured response tells them apart"
)
AGREES_TIP = "Move the second encoder the same way: the agreeing probe, the control of a controversial one"
DECIDED_TIP = "SDs that both encoders must move by; below, the probe is called undecided"
SHARPNESS_TIP = "t of the smooth minimum of both shifts in SDs: the larger, the more the one that lags behind counts"


class AgainstForm(Form):
    """Edits `Against`, or None: `value`, `set_value`, `changed`; `agrees` is left out where both ways are made."""

    changed = Signal(object)

    encoder = Choice("Second encoder", SECOND_TIP, choices=(NOTHING,), letters=6)
    agrees = Flag("Both the same way", AGREES_TIP)
    decided_sd = Weight(
        "Wanted", DECIDED_TIP, least=0.01, most=100, first=DEFAULT_DECIDED, unit=" SD", name="Wanted size"
    )
    sharpness = Weight("", SHARPNESS_TIP, least=0.01, first=DEFAULT_SHARPNESS, name="Sharpness")

    def __init__(self, parent: QWidget | None = None, *, with_agreeing: bool = True) -> None:
        super().__init__(parent)
        sizes = ("Wanted", "decided_sd", make_label("t", "muted"), "sharpness")
        self.rows = self.make_rows("encoder", *([("", "agrees")] * with_agreeing), sizes)
        self.setLayout(self.rows)
        self.refresh()

    def value(self) -> Against | None:
        """What is asked of the second encoder; None without one."""
        key = self.encoder.value()
        return None if key is None else self.make_config(Against, network=key[0], layer=key[1])

    def set_value(self, against: Against | None) -> None:
        """Show what is asked; emits no signal."""
        self.encoder.set_value(None if against is None else (against.network, against.layer))
        if against is not None:
            self.show_config(against)
        self.refresh()

    def set_encoders(self, keys: Sequence[tuple[str, str]], current: Against | None) -> None:
        """List the networks and layers to choose from; emits no signal."""
        chosen = None if current is None else (current.network, current.layer)
        self.encoder.set_choices([NOTHING, *((key, " ".join(key)) for key in keys)], chosen)
        self.refresh()

    def tell(self) -> None:
        """Say what is asked now."""
        self.changed.emit(self.value())

    def refresh(self) -> None:
        """Without a second encoder there is nothing else to choose."""
        for row in range(1, self.rows.rowCount()):
            self.rows.setRowVisible(row, self.encoder.value() is not None)
