"""The menu of sessions that can be opened again: named ones, and what was autosaved."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QMenu, QWidget

from app.sessions.restore_dialog import describe_autosaved
from core.errors import ProbeError
from core.session.autosave import AutosaveState, list_autosaves
from core.session.files import ENDING
from core.session.recent import forget_recent, list_recent

LONGEST = 110
"""Letters of a row; what a session holds may be told at length."""


class RecentMenu(QMenu):
    """Filled anew whenever it opens, since other windows save too.

    Signals
    -------
    open_wanted(Path)
        Open a session's file.
    restore_wanted(Autosaved)
        Open an autosaved session.
    failed(ProbeError)
        The list could not be forgotten.
    """

    open_wanted = Signal(object)
    restore_wanted = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Recent sessions", parent)
        self.aboutToShow.connect(self.fill)

    @Slot()
    def fill(self) -> None:
        """List what there is now."""
        self.clear()
        files = list_recent()
        for path in files:
            action = self.addAction(f"{path.name.removesuffix(ENDING)}    {path.parent}")
            action.triggered.connect(partial(self.open_wanted.emit, path))
        self.addSeparator()
        self._list_autosaved()
        if self.isEmpty() or all(action.isSeparator() for action in self.actions()):
            self.addAction("No saved sessions yet").setEnabled(False)
        elif files:
            self.addSeparator()
            self.addAction("Clear the list; the files stay").triggered.connect(self._forget)

    def _list_autosaved(self) -> None:
        for one in list_autosaves():
            if one.state is not AutosaveState.OPEN and one.session is not None:
                text = describe_autosaved(one).replace("\n", ": ")
                action = self.addAction(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
                action.triggered.connect(partial(self.restore_wanted.emit, one))

    @Slot()
    def _forget(self) -> None:
        try:
            forget_recent()
        except ProbeError as error:
            self.failed.emit(error)
