"""Folds parts of the work space away, so that the rest has room on a small or dense screen. Never closes one for good.

What does not fit even then scrolls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from app.widgets.announce import announce

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

COMPACT_WIDTH = 1264
"""Narrower, controls, cortex and images do not fit side by side."""

SETTING = "folded_panels"


class Folds(QObject):
    """Which parts are folded: controls with the gallery, images, responses."""

    def __init__(self, window: MainWindow, parts: Mapping[str, QWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._parts = dict(parts)
        self._settings = window.session.settings

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands that fold."""
        return {f"toggle_{name}": partial(self.toggle, name) for name in self._parts}

    def restore(self) -> None:
        """Fold what was folded last; at a first start on a narrow screen, the controls."""
        kept = self._settings.text(SETTING)
        narrow = not kept and available_size().width() < COMPACT_WIDTH
        folded = {"controls"} if narrow else set(kept.split())
        for name, part in self._parts.items():
            part.setHidden(name in folded)

    def toggle(self, name: str) -> None:
        """Fold a part away, or bring it back."""
        part = self._parts[name]
        part.setHidden(not part.isHidden())
        self._keep()
        announce(self._window, f"{name.capitalize()} {'hidden' if part.isHidden() else 'shown'}")

    def show_all(self) -> None:
        """Bring every part back."""
        for part in self._parts.values():
            part.show()
        self._keep()

    def _keep(self) -> None:
        folded = [name for name, part in self._parts.items() if part.isHidden()]
        self._settings.set(SETTING, " ".join(folded) or NONE_FOLDED)


NONE_FOLDED = "none"
"""Written where the user folded nothing, to tell it from a first start."""


def make_scrolling(content: QWidget) -> QScrollArea:
    """Room for content that may be larger than the window; Tab brings what it reaches into sight."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(content)
    area.setAccessibleName("Work space")
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def available_size() -> QSize:
    """The part of the screen windows may cover; endless where there is no screen."""
    screen = QGuiApplication.primaryScreen()
    return QSize(10_000, 10_000) if screen is None else screen.availableGeometry().size()
