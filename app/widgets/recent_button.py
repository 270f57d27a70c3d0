"""A button that opens what was opened or made before, or asks for a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QMenu, QPushButton

Find = Callable[[], Sequence[tuple[Path, str]]]


class RecentButton(QPushButton):
    """Lists folders anew each time it is opened; `find` gives them with their words, `take` opens one."""

    def __init__(self, text: str, find: Find, take: Callable[[Path], object], ask: Callable[[], object]) -> None:
        super().__init__(text)
        self._find, self._take, self._ask = find, take, ask
        self.setMenu(QMenu(self))
        self.menu().setToolTipsVisible(True)
        self.menu().aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what can be opened now."""
        menu = self.menu()
        menu.clear()
        for folder, words in self._find():
            menu.addAction(words, partial(self._take, folder)).setToolTip(str(folder))
        menu.addSeparator()
        menu.addAction("Choose a folder…", self._ask)
