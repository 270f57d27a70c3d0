"""Asks before something is lost: jobs still running, a named session not saved. Never closes by force.

Only what the user closes is asked about; what the program closes (Ctrl-C in the terminal, a test) is saved by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QDialog

from app.base.desk import Desk
from app.sessions.closing_dialog import RunningDialog, Unsaved, UnsavedDialog


class Closing:
    """The questions, in their order.

    Parameters
    ----------
    desk : Desk
    find_unsaved : function
        The name of the session's file if it lacks changes, else "".
    save : function
        Saves them; whether it could.
    """

    def __init__(self, desk: Desk, *, find_unsaved: Callable[[], str], save: Callable[[], bool]) -> None:
        self._desk = desk
        self._find_unsaved = find_unsaved
        self._save = save

    def quit(self) -> None:
        """Ask, then close the window."""
        if self.may_close():
            self._desk.parent.close()

    def may_close(self) -> bool:
        """Whether the window may close now."""
        titles = self._desk.services.lane.long_work()
        if titles and RunningDialog(titles, self._desk.parent).exec() != QDialog.DialogCode.Accepted:
            return False
        return self.may_leave()

    def may_leave(self) -> bool:
        """Whether the session may give way: it is saved, unnamed (and then kept by itself), or the user says so."""
        name = self._find_unsaved()
        if not name:
            return True
        dialog = UnsavedDialog(name, self._desk.parent)
        dialog.exec()
        match dialog.answer:
            case Unsaved.SAVE:
                return self._save()
            case Unsaved.DISCARD:
                return True
            case _:
                return False
