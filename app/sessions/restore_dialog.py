"""Offers the sessions that windows left without closing, with what they hold and when. Never restores by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialog, QListWidget, QListWidgetItem, QWidget

from app.widgets.basics import make_button, make_column, make_label, make_row
from core.session.autosave import Autosaved

TITLE = "Probescope did not shut down properly"
TOLD = "What was open was autosaved. Restore it now, or later from File, Recent sessions."


class RestoreDialog(QDialog):
    """`restore_requested` and `delete_requested` carry the `Autosaved` chosen."""

    restore_requested = Signal(object)
    delete_requested = Signal(object)

    def __init__(self, left: Sequence[Autosaved], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Restore session")
        self.resize(640, 300)
        self.list = QListWidget()
        self.list.setAccessibleName("Autosaved sessions")
        self.list.setWordWrap(True)
        self.list.setSpacing(4)
        for one in left:
            item = QListWidgetItem(describe_autosaved(one))
            item.setData(Qt.ItemDataRole.UserRole, one)
            self.list.addItem(item)
        self.restore = make_button("Restore", "primary", tip="Open the last saved state")
        self.later = make_button("Not now", tip="It remains in File, Recent sessions")
        self.delete = make_button("Delete", tip="Remove the saved session from this computer")
        self.restore.setDefault(True)
        buttons = make_row(self.delete, -1, self.later, self.restore)
        column = make_column(
            make_label(TITLE, "title"), make_label(TOLD, wraps=True), self.list, buttons, gap=12, margin=20
        )
        column.setStretch(2, 1)
        self.setLayout(column)
        self.restore.clicked.connect(self._restore)
        self.later.clicked.connect(self.reject)
        self.delete.clicked.connect(self._delete)
        self.list.currentRowChanged.connect(self._follow)
        self.list.setCurrentRow(0)

    def chosen(self) -> Autosaved | None:
        """The session chosen in the list."""
        item = self.list.currentItem()
        return None if item is None else cast("Autosaved", item.data(Qt.ItemDataRole.UserRole))

    @Slot(int)
    def _follow(self, _row: int) -> None:
        chosen = self.chosen()
        readable = chosen is not None and chosen.session is not None
        self.restore.setEnabled(readable)
        self.restore.setToolTip("Open the last saved state" if readable else "It cannot be read")
        self.delete.setEnabled(chosen is not None)

    @Slot()
    def _restore(self) -> None:
        chosen = self.chosen()
        if chosen is not None:
            self.accept()
            self.restore_requested.emit(chosen)

    @Slot()
    def _delete(self) -> None:
        chosen = self.chosen()
        if chosen is None:
            return
        self.delete_requested.emit(chosen)
        self.list.takeItem(self.list.currentRow())
        if not self.list.count():
            self.accept()


def describe_autosaved(one: Autosaved) -> str:
    """Name and time in the first line, what it holds in the second."""
    if one.session is None:
        return f"{one.folder.name}\n{one.problem}"
    name = Path(one.session.named).name if one.session.named else "Unnamed session"
    return f"{name}, saved {tell_time(one.session.saved)}\n{one.session.record.describe()}"


def tell_time(saved: str) -> str:
    """An ISO time in UTC as the user's own: "today at 14:03", else with its date."""
    try:
        when = datetime.fromisoformat(saved).astimezone()
    except ValueError:
        return "at an unknown time"
    clock = f"{when:%H:%M}"
    if when.date() == datetime.now(UTC).astimezone().date():
        return f"today at {clock}"
    return f"on {when:%d %b %Y} at {clock}"
