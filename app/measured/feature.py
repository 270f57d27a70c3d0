"""The window's tab and command for measured responses. Never opens a file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from app.widgets.work_page import WorkPage

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

KEY = "measured"


class MeasuredTools(QObject):
    """Adds the tab; its page, and what it imports, is made when it is first opened."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        window.workspaces.add(KEY, "Measured", self._make_page)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command."""
        return {"compare_measured": self.open_page}

    @Slot()
    def open_page(self) -> None:
        """Bring the tab to the front."""
        self._window.workspaces.open(KEY)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Bring the tab to the front with sets and responses that were dropped."""
        from app.measured.page import MeasuredPage

        page = self._window.workspaces.open(KEY)
        if isinstance(page, MeasuredPage):
            page.open_paths(paths)

    def _make_page(self) -> WorkPage:
        from app.measured.page import MeasuredPage

        return MeasuredPage(self._window.session)
