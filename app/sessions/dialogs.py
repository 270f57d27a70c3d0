"""What is asked about sessions: jobs still running, changes not saved, autosaved work, data that moved, recent files.

A file or folder is looked into only where the user names it, and only the very same files count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QListWidget, QListWidgetItem, QMenu, QPushButton, QWidget

from app.widgets.ask_path import ask_open
from app.widgets.basics import allow, fill_dialog, make_button, make_label, make_row, set_look
from app.widgets.form import attempt
from core.errors import ProbeError
from core.session.autosave import Autosaved, AutosaveState, list_autosaves
from core.session.files import ENDING, list_recent
from core.session.record import FileReference
from core.session.reference import Missing, check_same, find_file

LONGEST = 110
"""Letters of a row of the menu; what a session holds may be told at length."""
ASK_WIDTH, FIND_WIDTH, RESTORE_SIZE = 440, 640, (640, 300)
RUNNING = "What analyses and downloads have finished is kept; started again, they continue from there."
LEFT = "What was open was autosaved. Restore it now, or later from File, Recent sessions."
Take = Callable[[Autosaved], None]
MOVED = "Files are known by their content, so they may have been renamed. What stays missing is kept in the session."


class Question(QDialog):
    """Asks something with a few answers, each a button with its tip, the last the usual one.

    `answer` is the one given, "" where the question was closed.
    """

    def __init__(
        self, title: str, asks: str, *told: str, answers: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.answer = ""
        buttons = [make_button(text, do=partial(self._take, text), tip=tip) for text, tip in answers.items()]
        buttons[-1].setProperty("kind", "primary")
        buttons[-1].setDefault(True)
        texts = (make_label(text, wraps=True) for text in told)
        row = make_row(-1, *buttons)
        fill_dialog(self, title, make_label(asks, "title"), *texts, row, margin=20, width=ASK_WIDTH)

    def _take(self, answer: str) -> None:
        self.answer = answer
        self.accept()


class RestoreDialog(QDialog):
    """Offers what windows left without closing: `restore` opens the one chosen, `forget` deletes it."""

    def __init__(self, left: Sequence[Autosaved], parent: QWidget, *, restore: Take, forget: Take) -> None:
        super().__init__(parent)
        self._take, self._forget = restore, forget
        self.list = QListWidget()
        self.list.setAccessibleName("Autosaved sessions")
        self.list.setWordWrap(True)
        self.list.setSpacing(4)
        for one in left:
            item = QListWidgetItem(describe_autosaved(one), self.list)
            item.setData(Qt.ItemDataRole.UserRole, one)
        self.restore = make_button("Restore", "primary", self._restore)
        self.later = make_button("Not now", do=self.reject, tip="It remains in File, Recent sessions")
        self.delete = make_button("Delete", do=self._delete, tip="Remove the saved session from this computer")
        self.restore.setDefault(True)
        title = make_label("Probescope did not shut down properly", "title")
        buttons = make_row(self.delete, -1, self.later, self.restore)
        fill_dialog(
            self, "Restore session", title, make_label(LEFT, wraps=True), self.list, buttons, margin=20, stretch=2
        )
        self.resize(*RESTORE_SIZE)
        self.list.currentRowChanged.connect(self._follow)
        self.list.setCurrentRow(0)

    def chosen(self) -> Autosaved | None:
        """The session chosen in the list."""
        item = self.list.currentItem()
        return None if item is None else cast("Autosaved", item.data(Qt.ItemDataRole.UserRole))

    def _follow(self, _row: int) -> None:
        chosen = self.chosen()
        readable = chosen is not None and chosen.session is not None
        allow(self.restore, "" if readable else "It cannot be read", "Open the last saved state")
        self.delete.setEnabled(chosen is not None)

    def _restore(self) -> None:
        if (chosen := self.chosen()) is not None:
            self.accept()
            self._take(chosen)

    def _delete(self) -> None:
        chosen = self.chosen()
        if chosen is None:
            return
        self._forget(chosen)
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
    today = when.date() == datetime.now(UTC).astimezone().date()
    return f"today at {when:%H:%M}" if today else f"on {when:%d %b %Y} at {when:%H:%M}"


class MovedDialog(QDialog):
    """Asks where missing data are: `found` is where each file is now; `folder` the last one searched."""

    def __init__(self, missing: Sequence[Missing], *, start: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: dict[str, Path] = {}
        self.folder = start
        self._files = {one.what: one.reference for one in missing if one.reference is not None}
        self._labels: dict[str, QLabel] = {}
        self._buttons: dict[str, QPushButton] = {}
        self.problem = make_label("", "field-error", wraps=True)
        self.problem.hide()
        search_tip, open_tip = "Search a folder and its subfolders for all of them", "Open it with what was found"
        self.search = make_button("Search a folder…", do=self._search, tip=search_tip)
        self.search.setEnabled(bool(self._files))
        self.open_it = make_button("Open the session", "primary", self.accept, tip=f"{open_tip}, without the rest")
        self.open_it.setDefault(True)
        cancel = make_button("Cancel", do=self.reject, tip="Leave everything as it is")
        fill_dialog(
            self,
            "Find data",
            make_label("Some data of this session were not found", "title"),
            make_label(MOVED, "muted", wraps=True),
            self._make_rows(missing),
            self.problem,
            -1,
            make_row(self.search, -1, cancel, self.open_it),
            margin=20,
            width=FIND_WIDTH,
        )

    def locate(self, what: str, path: Path) -> None:
        """Take a file the user named for one that is missing, if it is the same."""
        attempt(partial(self._check, what, path), self.problem)

    def search_in(self, folder: Path) -> None:
        """Look for everything that is missing in a folder."""
        self.folder = folder
        attempt(partial(self._look, folder), self.problem)

    def _make_rows(self, missing: Sequence[Missing]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        for row, one in enumerate(missing):
            self._labels[one.what] = make_label(one.sentence, wraps=True)
            grid.addWidget(make_label(one.what.capitalize(), "strong"), row, 0)
            grid.addWidget(self._labels[one.what], row, 1)
            if one.reference is not None:
                tip = f"Choose where the {one.what} is now"
                button = self._buttons[one.what] = make_button("Choose…", do=partial(self._ask, one.what), tip=tip)
                button.setAccessibleName(f"Choose the {one.what}")
                grid.addWidget(button, row, 2)
        return grid

    def _ask(self, what: str) -> None:
        if chosen := ask_open(self, f"Where is {self._files[what].path.name}?", self.folder, "All files (*)"):
            self.folder = chosen.parent
            self.locate(what, chosen)

    def _search(self) -> None:
        if chosen := ask_open(self, "Search a folder", self.folder):
            self.search_in(chosen)

    def _check(self, what: str, path: Path) -> None:
        self._note(what, check_same(self._files[what], path))
        self._look(path.parent, must_find=False)  # what lay together often moved together

    def _look(self, folder: Path, *, must_find: bool = True) -> None:
        wanted: dict[str, FileReference] = {w: file for w, file in self._files.items() if w not in self.found}
        for what, reference in wanted.items():
            if (place := find_file(reference, [folder])) is not None:
                self._note(what, place)
        if must_find and not any(what in self.found for what in wanted):
            names = ", ".join(file.path.name for file in wanted.values())
            raise ProbeError(f"Nothing in {folder} is {names}. Choose another folder, or open the session without it.")

    def _note(self, what: str, place: Path) -> None:
        self.found[what] = place
        self._labels[what].setText(f"Found: {place}")
        set_look(self._labels[what], "role", "strong")
        self._buttons[what].setEnabled(False)


class RecentMenu(QMenu):
    """The sessions that can be opened again, listed anew whenever it opens, since other windows save too.

    `open_file` opens a session's file, `restore` an autosaved session, and `forget` empties the list of files.
    """

    def __init__(
        self, parent: QWidget, *, open_file: Callable[[Path], None], restore: Take, forget: Callable[[], None]
    ) -> None:
        super().__init__("Recent sessions", parent)
        self._open, self._restore, self._forget = open_file, restore, forget
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what there is now."""
        self.clear()
        files = list_recent()
        for path in files:
            text = f"{path.name.removesuffix(ENDING)}    {path.parent}"
            self.addAction(text).triggered.connect(partial(self._open, path))
        self.addSeparator()
        for one in list_autosaves():
            if one.state is not AutosaveState.OPEN and one.session is not None:
                text = describe_autosaved(one).replace("\n", ": ")
                action = self.addAction(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
                action.triggered.connect(partial(self._restore, one))
        if all(action.isSeparator() for action in self.actions()):
            self.addAction("No saved sessions yet").setEnabled(False)
        elif files:
            self.addSeparator()
            self.addAction("Clear the list; the files stay").triggered.connect(self._forget)
