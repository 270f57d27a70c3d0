"""The slider from folded over inflated to flat, with a tick at each geometry."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QSlider, QWidget

from app.widgets.basics import make_label, make_row

STEPS = 100
"""Slider positions between two geometries."""

TIP = "Unfold the cortex: drag from {stops}. Outlines, names and the marker follow."
WIDTH = 132


class MorphSlider(QWidget):
    """A labelled slider whose stops are geometries.

    Signals
    -------
    moved(float)
        The user moved it; 0 is the first stop, 1 the second.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFixedWidth(WIDTH)
        self.slider.setSingleStep(STEPS // 20)
        self.slider.setPageStep(STEPS // 2)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setTickInterval(STEPS)
        self.slider.setAccessibleName("Unfold")
        self._first, self._last = make_label("", "muted"), make_label("", "muted")
        row = make_row(self._first, self.slider, self._last, gap=6)
        row.setContentsMargins(0, 0, 0, 0)
        self.setLayout(row)
        self.slider.valueChanged.connect(self._tell)

    def set_stops(self, names: Sequence[str]) -> None:
        """Take the geometries from end to end; with fewer than two there is nothing to slide."""
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, len(names) - 1) * STEPS)
        self._first.setText(names[0].capitalize() if names else "")
        self._last.setText(names[-1].capitalize() if len(names) > 1 else "")
        self.slider.setToolTip(TIP.format(stops=" to ".join(names)))
        self.setVisible(len(names) > 1)

    def set_position(self, position: float) -> None:
        """Move the handle without telling anyone."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(position * STEPS))

    def position(self) -> float:
        """Where the handle is."""
        return self.slider.value() / STEPS

    @Slot(int)
    def _tell(self, _value: int) -> None:
        self.moved.emit(self.position())
