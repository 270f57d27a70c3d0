"""Walks a window as a screen reader and the Tab key do, and tells what neither could use."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QMenuBar,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QWidget,
)

OPERATED = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
)
OTHERWISE_REACHED = (QScrollBar, QHeaderView, QMenuBar)
"""Moved with what they belong to, or by Alt."""

INNER = ("qt_spinbox_lineedit", "qt_scrollarea_viewport", "qt_toolbar_ext_button", "ScrollLeftButton")


def list_operated(top: QWidget) -> Iterator[QWidget]:
    """Every visible, enabled widget that somebody operates, parts of other widgets left out."""
    for widget in top.findChildren(QWidget):
        shown = widget.isVisibleTo(top) and widget.isEnabled() and widget.window() is top
        takes = isinstance(widget, OPERATED) or widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if shown and takes and not isinstance(widget, OTHERWISE_REACHED) and not _is_inner(widget):
            yield widget


def list_nameless(top: QWidget) -> list[str]:
    """What a screen reader would read without a name."""
    return [describe(widget) for widget in list_operated(top) if not spoken_name(widget).strip()]


def list_unreachable(top: QWidget) -> list[str]:
    """What no Tab leads to. An editor whose container takes the focus counts as reached."""
    chain = set(walk_focus(top))
    return [describe(widget) for widget in list_operated(top) if not _is_reached(widget, chain)]


def walk_focus(top: QWidget) -> Iterator[QWidget]:
    """The widgets Tab goes through, once round."""
    widget = top.nextInFocusChain()
    while widget is not None and widget is not top:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        widget = widget.nextInFocusChain()


def spoken_name(widget: QWidget) -> str:
    """The name Qt gives to a screen reader: accessible name, label, text or title."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return "" if interface is None else str(interface.text(QAccessible.Text.Name))


def describe(widget: QWidget) -> str:
    """Class and way to a widget, to find it in the code."""
    parts: list[str] = []
    at: QWidget | None = widget
    while at is not None:
        parts.append(type(at).__name__ + (f"#{at.objectName()}" if at.objectName() else ""))
        at = at.parentWidget()
    return " < ".join(parts[:5]) + f" {widget.toolTip()[:30]!r}"


def _is_inner(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    if type(widget) is QScrollArea and any(isinstance(part, OPERATED) for part in widget.findChildren(QWidget)):
        return True  # it scrolls with what Tab reaches inside it
    if isinstance(parent, QAbstractScrollArea) and parent.viewport() is widget:
        return True
    own = isinstance(parent, (QComboBox, QAbstractSpinBox, QLineEdit, QTabBar, QAbstractItemView))
    return own or widget.objectName() in INNER or type(widget).__name__ in ("QComboBoxListView", "QTableCornerButton")


def _is_reached(widget: QWidget, chain: set[QWidget]) -> bool:
    if widget in chain:
        return True
    parent = widget.parentWidget()
    return parent is not None and (parent.focusProxy() is widget or widget.focusProxy() in chain)
