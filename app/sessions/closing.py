"""Asks before something is lost: jobs still running, a named session not saved. Never closes by force.

Only what the user closes is asked about; what the program closes (Ctrl-C in the terminal, a test) is autosaved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from PySide6.QtWidgets import QDialog, QLabel, QWidget

from app.base.desk import Desk
from app.widgets.basics import make_button, make_column, make_label, make_row

RUNNING_TOLD = "Finished parts of analyses and downloads stay and are gone on with when they are started again."


class Unsaved(StrEnum):
    """What to do with changes that were not saved."""

    SAVE = "save"
    DISCARD = "discard"
    CANCEL = "cancel"


class RunningDialog(QDialog):
    """Accepted: stop and close. Rejected: keep running."""

    def __init__(self, titles: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Jobs still running")
        self.setMinimumWidth(440)
        count = f"{len(titles)} jobs are" if len(titles) > 1 else "A job is"
        rows: list[QLabel] = [make_label(f"•  {title}", wraps=True) for title in titles]
        self.keep = make_button("Keep running", "primary", tip="Leave the window open")
        self.stop = make_button("Stop and close", tip="Stop running jobs and close the window")
        self.keep.setDefault(True)
        told = make_label(RUNNING_TOLD, "muted", wraps=True)
        buttons = make_row(-1, self.stop, self.keep)
        title = make_label(f"{count} still running", "title")
        self.setLayout(make_column(title, *rows, told, buttons, gap=12, margin=20))
        self.keep.clicked.connect(self.reject)
        self.stop.clicked.connect(self.accept)


class UnsavedDialog(QDialog):
    """Asks whether to save a named session; `answer` after it was closed."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Save session")
        self.setMinimumWidth(440)
        self.answer = Unsaved.CANCEL
        self.save = make_button("Save", "primary", tip="Write the changes into the file")
        self.discard = make_button("Don't save", tip="Leave the file unchanged; the changes stay in Recent sessions")
        self.cancel = make_button("Cancel", tip="Keep working")
        self.save.setDefault(True)
        told = make_label("The file still holds the last saved state.", wraps=True)
        buttons = make_row(self.discard, -1, self.cancel, self.save)
        self.setLayout(make_column(make_label(f"Save changes to {name}?", "title"), told, buttons, gap=12, margin=20))
        self.save.clicked.connect(self._save)
        self.discard.clicked.connect(self._discard)
        self.cancel.clicked.connect(self.reject)

    def _save(self) -> None:
        self.answer = Unsaved.SAVE
        self.accept()

    def _discard(self) -> None:
        self.answer = Unsaved.DISCARD
        self.accept()


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
        titles = self._desk.services.lane.at_stake()
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
