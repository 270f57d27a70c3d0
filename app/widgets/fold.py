"""A part of a form that folds away under its own name."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from app.look.icons import load_icon
from app.look.theme import Theme
from app.widgets.basics import make_button, make_column


class Fold(QWidget):
    """A clickable name and the content under it, closed at first."""

    toggled = Signal(bool)

    def __init__(self, name: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self._theme: Theme | None = None
        self.button = make_button(name, "fold", tip=f"Show or hide: {name.lower()}")
        self.button.setCheckable(True)
        self.button.toggled.connect(self._open)
        content.hide()
        self.setLayout(make_column(self.button, content, gap=4))

    def set_theme(self, theme: Theme) -> None:
        """Draw the arrow in the theme's colour."""
        self._theme = theme
        name = "chevron-down" if self.button.isChecked() else "chevron-right"
        self.button.setIcon(load_icon(name, theme.muted))

    @Slot(bool)
    def _open(self, opened: bool) -> None:
        self._content.setVisible(opened)
        if self._theme is not None:
            self.set_theme(self._theme)
        self.toggled.emit(opened)
