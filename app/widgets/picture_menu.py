"""The menu of a plot or table: copy it as a picture, or save it as a figure."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication, QPixmap
from PySide6.QtWidgets import QGraphicsView, QWidget

SCALE = 2
"""Copied at twice its size on screen, so that it is crisp in a document."""


class PictureMenu(QObject):
    """Two rows in the context menu of one widget.

    Signals
    -------
    said(str)
        A sentence about a copy that went well.
    figure_wanted()
        The user asked for a figure of it.
    """

    said = Signal(str)
    figure_wanted = Signal()

    def __init__(self, widget: QWidget, name: str = "") -> None:
        super().__init__(widget)
        self._widget = widget
        self._name = name
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for canvas in widget.findChildren(QGraphicsView):
            canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        copy, save = QAction("Copy picture", widget), QAction("Save figure…", widget)
        copy.triggered.connect(self.copy)
        save.triggered.connect(self.figure_wanted)
        widget.addActions([copy, save])

    @Slot()
    def copy(self) -> None:
        """Put the widget as it looks on the clipboard."""
        picture = QPixmap(self._widget.size() * SCALE)
        picture.setDevicePixelRatio(SCALE)
        picture.fill(self._widget.palette().window().color())
        QWidget.render(self._widget, picture)  # a plot would render its scene instead
        QGuiApplication.clipboard().setPixmap(picture)
        self.said.emit(f"Copied: {self._name or self._widget.accessibleName()}.")
