"""Puts what can be run on the clipboard, as a command or as Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu, QPushButton

from app.widgets.basics import make_button
from app.widgets.form import attempt

WAYS = ("command", "Python")


def copy_work(find: Callable[[], object], way: str) -> None:
    """Copy what is found, one of `WAYS`. Raises ProbeError where there is no such text."""
    from core.commands.copied import copy_command, copy_python

    write = copy_command if way == WAYS[0] else copy_python
    QGuiApplication.clipboard().setText(write(find()))  # type: ignore[arg-type]


def make_copy_button(find: Callable[[], object], problem: QLabel, title: str = "Copy as") -> QPushButton:
    """Offers both ways for what a dialog would run; why there is no such text stands in `problem`."""
    button = make_button(title, tip="Copy a command or a script that does the same")
    menu = QMenu(button)
    for way in WAYS:
        copy = partial(copy_work, find, way)
        menu.addAction(f"Copy as {way}", lambda copy=copy: attempt(copy, problem))  # type: ignore[misc]
    button.setMenu(menu)
    return button
