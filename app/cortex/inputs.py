"""Turns mouse, wheel and keys over the cortex into what is meant: click, hover, orbit, pan, zoom, brush, step, choose.

Positions are in interface pixels from the upper left corner.

with the brush on: left drag brushes, Shift the other way, Ctrl+wheel or [ ] its size · right drag zooms
arrows turn (shift, on the flat map) · Shift+arrows shift · + − zoom · Home fit
Ctrl+arrows next voxel that way · Page Up, Page Down next ROI · Enter make it the target
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QCursor, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

DRAG_PIXELS = 4
"""A press that moves less than this is a click."""

WHEEL_STEP = 120
ZOOM_PER_STEP = 1.15
ZOOM_PER_HEIGHT = 6.0
"""Magnification of a right drag as long as the view is high."""

TURN = 10.0 / 180.0
"""Share of the view's height a key turns by: 10 degrees."""

SHIFT = 0.08
"""Share of the view's height a key shifts by."""

ZOOM = 1.25
ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}
"""Directions on the screen, y downwards."""

BRUSH_KEYS = {Qt.Key.Key_BracketLeft: -1.0, Qt.Key.Key_BracketRight: 1.0}
ZOOMS = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM}
ROI_STEPS = {Qt.Key.Key_PageDown: 1, Qt.Key.Key_PageUp: -1}
CHOICES = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
HELP = (
    "Arrow keys turn, Shift+arrows pan, plus and minus zoom, Home shows all. Ctrl+arrows step to the next "
    "voxel, Page Up and Page Down to the next ROI, Enter makes it the target."
)


class CortexInput(QObject):
    """Watches one widget; keys that mean nothing here go on to the window."""

    clicked = Signal(QPointF)
    double_clicked = Signal(QPointF)
    hovered = Signal(QPointF)
    left = Signal()
    orbited = Signal(float, float)
    panned = Signal(float, float)
    zoomed = Signal(float, object)
    """By a factor, about a position or, where it is None, about the middle."""

    brush_began = Signal(QPointF, bool)
    """Where, and whether with Shift."""

    brushed = Signal(QPointF)
    brush_ended = Signal()
    brush_resized = Signal(float)
    """Larger by so many steps."""

    fit_asked = Signal()
    stepped = Signal(int, int)
    roi_stepped = Signal(int)
    chosen = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._button = Qt.MouseButton.NoButton
        self._pressed_at = QPointF()
        self._last = QPointF()
        self._dragging = False
        self._double = False
        self.brushing = False
        self.flat = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the events of the mouse and the keyboard; leave all others."""
        if watched is not self._widget:
            return False
        kind = event.type()
        if isinstance(event, QMouseEvent):
            return self._take_mouse(event)
        if isinstance(event, QWheelEvent):
            steps = event.angleDelta().y() / WHEEL_STEP
            if self.brushing and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self.brush_resized.emit(steps)
            else:
                self.zoomed.emit(ZOOM_PER_STEP**steps, event.position())
            return True
        if isinstance(event, QKeyEvent):
            if self.brushing and event.key() in BRUSH_KEYS:
                return self._take_brush_key(event)
            return kind == QEvent.Type.KeyPress and self._take_key(event)
        if kind == QEvent.Type.Leave and not self._widget.rect().contains(self._widget.mapFromGlobal(QCursor.pos())):
            self.left.emit()  # not for a notice that appears over it
        return False

    def _take_key(self, event: QKeyEvent) -> bool:
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if key in ARROWS:
            across, down = ARROWS[key]
            if modifiers & Qt.KeyboardModifier.ControlModifier:
                self.stepped.emit(across, down)
            elif modifiers & Qt.KeyboardModifier.ShiftModifier:
                self.panned.emit(-SHIFT * across, -SHIFT * down)
            elif self.flat:  # shifted instead, as by a drag
                self.panned.emit(-TURN * across, -TURN * down)
            else:
                self.orbited.emit(TURN * across, TURN * down)
        elif key in ZOOMS:
            self.zoomed.emit(ZOOMS[key], None)
        elif key in ROI_STEPS:
            self.roi_stepped.emit(ROI_STEPS[key])
        elif key == Qt.Key.Key_Home:
            self.fit_asked.emit()
        elif key in CHOICES:
            self.chosen.emit()
        else:
            return False
        return True

    def _take_brush_key(self, event: QKeyEvent) -> bool:
        """While the brush is on its keys are its own, not the window's."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
        elif event.type() == QEvent.Type.KeyPress:
            self.brush_resized.emit(BRUSH_KEYS[Qt.Key(event.key())])
        return True

    def take_focus(self) -> None:
        """Have the keys come here from now on."""
        self._widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def _take_mouse(self, event: QMouseEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress and self._button is Qt.MouseButton.NoButton:
            self._press(event)
        elif kind == QEvent.Type.MouseMove:
            self._move(event)
        elif kind == QEvent.Type.MouseButtonRelease and event.button() is self._button:
            self._release(event)
        elif kind == QEvent.Type.MouseButtonDblClick and not self.brushing:
            self._double = True
            self.double_clicked.emit(event.position())
        return True

    def _press(self, event: QMouseEvent) -> None:
        self._widget.setFocus(Qt.FocusReason.MouseFocusReason)
        self._button, self._dragging, self._double = event.button(), False, False
        self._pressed_at = self._last = event.position()
        self.hovered.emit(event.position())
        if self._is_brush():
            self.brush_began.emit(event.position(), _has_shift(event))

    def _move(self, event: QMouseEvent) -> None:
        position = event.position()
        self.hovered.emit(position)
        if self._button is Qt.MouseButton.NoButton:
            return
        if self._is_brush():
            self.brushed.emit(position)
            return
        if not self._dragging and (position - self._pressed_at).manhattanLength() < DRAG_PIXELS:
            return
        self._dragging = True
        step = (position - self._last) / max(1, self._widget.height())
        self._last = position
        if self._button is Qt.MouseButton.RightButton:
            self.zoomed.emit(ZOOM_PER_HEIGHT ** (-step.y()), self._pressed_at)
        elif self._button is Qt.MouseButton.MiddleButton or _has_shift(event) or self.flat:
            self.panned.emit(step.x(), step.y())
        else:
            self.orbited.emit(step.x(), step.y())

    def _release(self, event: QMouseEvent) -> None:
        was_brush = self._is_brush()
        is_click = self._button is Qt.MouseButton.LeftButton and not self._dragging and not self._double
        self._button = Qt.MouseButton.NoButton
        if was_brush:
            self.brush_ended.emit()
        elif is_click:
            self.clicked.emit(event.position())

    def _is_brush(self) -> bool:
        return self.brushing and self._button is Qt.MouseButton.LeftButton


def _has_shift(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
