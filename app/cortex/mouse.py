"""Turns mouse, wheel and keys over the cortex into what is meant: click, hover, orbit, pan, zoom, brush.

Qt events are taken before VTK sees them: VTK's own styles render inside every mouse move, and Qt renders once more.
Positions are in interface pixels from the upper left corner.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

DRAG_PIXELS = 4
"""A press that moves less than this is a click."""

WHEEL_STEP = 120
ZOOM_PER_STEP = 1.15
ZOOM_PER_HEIGHT = 6.0
"""Magnification of a right drag as long as the view is high."""


class CortexMouse(QObject):
    """Watches one widget."""

    clicked = Signal(QPointF)
    double_clicked = Signal(QPointF)
    hovered = Signal(QPointF)
    left = Signal()
    orbited = Signal(float, float)
    panned = Signal(float, float)
    zoomed = Signal(float, QPointF)
    brush_began = Signal(QPointF, bool)
    brushed = Signal(QPointF)
    brush_ended = Signal()

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
        if isinstance(event, QMouseEvent):
            return self._take_mouse(event)
        if isinstance(event, QWheelEvent):
            factor = ZOOM_PER_STEP ** (event.angleDelta().y() / WHEEL_STEP)
            self.zoomed.emit(factor, event.position())
            return True
        if event.type() == QEvent.Type.Leave:
            self.left.emit()
            return True
        if isinstance(event, QKeyEvent):
            event.ignore()  # so that it goes on to the window and its shortcuts, past VTK's own keys
            return event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        return event.type() == QEvent.Type.Enter

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
        if self._is_brush():
            self.brush_began.emit(event.position(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def _move(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._button is Qt.MouseButton.NoButton:
            self.hovered.emit(position)
            return
        if self._is_brush():
            self.brushed.emit(position)
            return
        if not self._dragging and (position - self._pressed_at).manhattanLength() < DRAG_PIXELS:
            return
        self._dragging = True
        step = (position - self._last) / max(1, self._widget.height())
        self._last = position
        self._drag(step, shift=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def _drag(self, step: QPointF, *, shift: bool) -> None:
        if self._button is Qt.MouseButton.RightButton:
            self.zoomed.emit(ZOOM_PER_HEIGHT ** (-step.y()), self._pressed_at)
        elif self._button is Qt.MouseButton.MiddleButton or shift or self.flat:
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
