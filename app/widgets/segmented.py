"""A row of buttons of which exactly one is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QPushButton, QSizePolicy, QWidget

from app.widgets.basics import make_row


class Segmented(QFrame):
    """Choose one of a few values, each `(value, text, tip)`."""

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "segments")
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        for value, text, tip in choices:
            button = self._buttons[value] = QPushButton(text)
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setAccessibleName(text)
            button.setObjectName(value)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(button)
        self.setLayout(make_row(*self._buttons.values(), gap=2, margin=2))
        next(iter(self._buttons.values())).setChecked(True)
        self._group.buttonToggled.connect(self._tell)

    def value(self) -> str:
        """The chosen value."""
        return next(value for value, button in self._buttons.items() if button.isChecked())

    def set_value(self, value: str) -> None:
        """Choose without telling."""
        with QSignalBlocker(self._group):
            self._buttons[value].setChecked(True)

    def button(self, value: str) -> QPushButton:
        """The button of a value, to set its tone, icon or whether it can be chosen."""
        return self._buttons[value]

    def _tell(self, button: QAbstractButton, checked: bool) -> None:
        if checked:
            self.chosen.emit(button.objectName())
