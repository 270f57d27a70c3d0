"""Turns keys over the cortex into what is meant: turn, shift, zoom, step to a neighbour, choose.

arrows turn (shift, on the flat map) · Shift+arrows shift · + − zoom · Home fit
Ctrl+arrows next voxel that way · Page Up, Page Down next ROI · Enter make it the target
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

TURN = 10.0 / 180.0
"""Share of the view's height a key turns by: 10 degrees."""

SHIFT = 0.08
"""Share of the view's height a key shifts by."""

ZOOM = 1.25
ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
"""Directions on the screen, y downwards."""

ZOOMS = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM}
ROI_STEPS = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}
CHOICES = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
HELP = (
    "Arrow keys turn, Shift+arrows pan, plus and minus zoom, Home shows all. Ctrl+arrows step to the next "
    "voxel, Page Up and Page Down to the next ROI, Enter makes it the target."
)


class CortexKeys(QObject):
    """Watches one widget; keys that mean nothing here go on to the window."""

    turned = Signal(float, float)
    shifted = Signal(float, float)
    zoomed = Signal(float)
    fit_asked = Signal()
    stepped = Signal(int, int)
    roi_stepped = Signal(int)
    chosen = Signal()
    focused = Signal(bool)

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys that mean something; leave all other events."""
        if watched is not self._widget:
            return False
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.focused.emit(event.type() == QEvent.Type.FocusIn)
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._take(event)
        return False

    def _take(self, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if key in ARROWS:
            self._take_arrow(*ARROWS[key], event.modifiers())
        elif key in ZOOMS:
            self.zoomed.emit(ZOOMS[key])
        elif key in ROI_STEPS:
            self.roi_stepped.emit(ROI_STEPS[key])
        elif key == Qt.Key.Key_Home:
            self.fit_asked.emit()
        elif key in CHOICES:
            self.chosen.emit()
        else:
            return False
        return True

    def _take_arrow(self, across: int, down: int, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.stepped.emit(across, down)
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self.shifted.emit(-SHIFT * across, -SHIFT * down)
        else:
            self.turned.emit(TURN * across, TURN * down)
