"""Puts what can be run on the clipboard, as a command or as Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu, QToolButton

from app.widgets.form import attempt

if TYPE_CHECKING:
    from core.commands.copied import Runnable

WAYS = {"command": "Copy as command", "python": "Copy as Python"}
"""The two texts of a `Runnable`, and what copying them is called."""


def copy_work(make: Callable[[], Runnable], way: str) -> str:
    """Copy one of `WAYS`; returns the text. Raises ProbeError where there is none."""
    text: str = getattr(make(), way)()
    QGuiApplication.clipboard().setText(text)
    return text


class CopyButton(QToolButton):
    """Offers both ways for what a dialog would run; why there is no such text stands in `problem`."""

    def __init__(self, make: Callable[[], Runnable], problem: QLabel) -> None:
        super().__init__()
        self.setText("Copy as")
        self.setAccessibleName("Copy as command or Python")
        self.setToolTip("Copy a command or a script that does the same")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for way, title in WAYS.items():
            menu.addAction(title).triggered.connect(partial(self._copy, make, way, problem))
        self.setMenu(menu)

    def _copy(self, make: Callable[[], Runnable], way: str, problem: QLabel, *_checked: object) -> None:
        attempt(partial(copy_work, make, way), problem)
