"""Room for content that may be larger than the window, and the room a screen has."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


def make_scrolling(content: QWidget) -> QScrollArea:
    """Room for content that may be larger than the window; Tab brings what it reaches into sight."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(content)
    area.setAccessibleName("Workspace")
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def available_size() -> QSize:
    """The part of the screen windows may cover; endless where there is no screen."""
    screen = QGuiApplication.primaryScreen()
    return QSize(10_000, 10_000) if screen is None else screen.availableGeometry().size()
