"""Finds texts of a window that are cut off."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractButton, QCheckBox, QLabel, QPushButton, QToolButton, QWidget

from tests.helpers.accessibility import describe

SLACK = 1.5
"""Pixels by which rounding may differ."""


def list_clipped(top: QWidget) -> list[str]:
    """Visible one-line texts wider than their widget, and wrapped ones higher than theirs."""
    found = []
    for widget in top.findChildren(QWidget):
        if widget.isVisibleTo(top) and widget.window() is top and widget.width() > 1 and _is_clipped(widget):
            found.append(f"{describe(widget)}: {_text(widget)!r} in {widget.width()} x {widget.height()}")
    return found


def _text(widget: QWidget) -> str:
    return widget.text() if isinstance(widget, (QLabel, QAbstractButton)) else ""


def _is_clipped(widget: QWidget) -> bool:
    if not _text(widget):
        return False
    metrics = widget.fontMetrics()
    if isinstance(widget, QLabel):
        if not widget.pixmap().isNull() or "<" in widget.text():
            return False
        if widget.wordWrap():
            return widget.heightForWidth(widget.width()) > widget.height() + SLACK
        needs = max(metrics.horizontalAdvance(line) for line in widget.text().splitlines())
        return needs > widget.contentsRect().width() + SLACK or metrics.height() > widget.height() + 2 * SLACK
    if isinstance(widget, (QPushButton, QCheckBox, QToolButton)):
        shows_text = not isinstance(widget, QToolButton) or widget.icon().isNull()
        return shows_text and metrics.horizontalAdvance(widget.text().replace("&", "")) > widget.width() + SLACK
    return False
