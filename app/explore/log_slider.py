"""A slider on a logarithmic scale that jumps to where it is clicked. Never rounds to units."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QSlider, QStyle, QWidget

from app.widgets.editors import Unwheeled

TICKS = 600
HANDLE_PIXELS = 14


class LogSlider(Unwheeled, QSlider):
    """Positions 0 to 600 stand for values `least` to `most`, evenly spaced in the logarithm."""

    def __init__(self, least: float, most: float, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._least, self._most = least, most
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setRange(0, TICKS)
        self.setSingleStep(TICKS // 60)
        self.setPageStep(TICKS // 10)

    def set_span(self, least: float, most: float) -> None:
        """Change the values of both ends."""
        self._least, self._most = least, most

    def number(self) -> float:
        """The value the handle stands at."""
        share = self.sliderPosition() / TICKS
        return float(self._least * (self._most / self._least) ** share)

    def set_number(self, number: float) -> None:
        """Move the handle to a value; one outside the span goes to the nearer end."""
        inside = min(max(number, self._least), self._most)
        self.setValue(round(TICKS * math.log(inside / self._least) / math.log(self._most / self._least)))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the handle under the pointer, then drag it."""
        if event.button() is Qt.MouseButton.LeftButton:
            reach = self.width() - HANDLE_PIXELS
            at = round(event.position().x()) - HANDLE_PIXELS // 2
            self.setSliderDown(True)
            self.setSliderPosition(QStyle.sliderValueFromPosition(0, TICKS, at, reach))
        super().mousePressEvent(event)
