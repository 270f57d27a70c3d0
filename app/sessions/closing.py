"""Asks before something is lost: jobs still running, a named session not saved. Never closes by force.

Only what the user closes is asked about; what the program closes (Ctrl-C in the terminal, a test) is saved by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QDialog

from app.sessions.closing_dialog import RunningDialog, Unsaved, UnsavedDialog

if TYPE_CHECKING:
    from app.sessions.feature import SessionTools


class Closing(QObject):
    """The questions, in their order."""

    def __init__(self, tools: SessionTools) -> None:
        super().__init__(tools)
        self._tools = tools

    @Slot()
    def quit(self) -> None:
        """Ask, then close the window."""
        if self.may_close():
            self._tools.window.close()

    def may_close(self) -> bool:
        """Whether the window may close now."""
        titles = self._tools.window.session.lane.at_stake()
        if titles and RunningDialog(titles, self._tools.window).exec() != QDialog.DialogCode.Accepted:
            return False
        return self.may_leave()

    def may_leave(self) -> bool:
        """Whether the session may give way: it is saved, unnamed (and then kept by itself), or the user says so."""
        tools = self._tools
        if not tools.is_modified() or tools.path is None:
            return True
        dialog = UnsavedDialog(tools.path.name, tools.window)
        dialog.exec()
        match dialog.answer:
            case Unsaved.SAVE:
                return tools.save()
            case Unsaved.DISCARD:
                return True
            case _:
                return False
