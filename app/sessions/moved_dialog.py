"""Asks where the data of a session are that are not at their place any more; only the very same files count.

Never searches by itself: what a file or folder holds is looked at when the user names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QLabel, QPushButton, QWidget

from app.widgets.basics import make_button, make_column, make_label, make_row, set_look
from core.errors import ProbeError
from core.session.check import Missing
from core.session.record import FileReference
from core.session.reference import check_same, find_file

TITLE = "Some data of this session were not found"
TOLD = "Files are known by their content, so they may have been renamed. What stays missing is kept in the session."


class MovedDialog(QDialog):
    """`found` is where each missing file is now; `folder` the last one searched."""

    def __init__(self, missing: Sequence[Missing], *, start: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Find data")
        self.setMinimumWidth(640)
        self.found: dict[str, Path] = {}
        self.folder = start
        self._files = {one.what: one.reference for one in missing if one.reference is not None}
        self._labels: dict[str, QLabel] = {}
        self._buttons: dict[str, QPushButton] = {}
        self.problem = make_label("", "field-error", wraps=True)
        self.problem.hide()
        self.search = make_button("Search a folder…", tip="Search a folder and its subfolders for all of them")
        self.search.setEnabled(bool(self._files))
        self.open_it = make_button("Open the session", "primary", tip="Open it with what was found, without the rest")
        self.open_it.setDefault(True)
        cancel = make_button("Cancel", tip="Leave everything as it is")
        parts = (make_label(TITLE, "title"), make_label(TOLD, "muted", wraps=True), self._make_rows(missing))
        buttons = make_row(self.search, -1, cancel, self.open_it)
        self.setLayout(make_column(*parts, self.problem, -1, buttons, gap=12, margin=20))
        self.search.clicked.connect(self._search)
        cancel.clicked.connect(self.reject)
        self.open_it.clicked.connect(self.accept)

    def locate(self, what: str, path: Path) -> None:
        """Take a file the user named for one that is missing, if it is the same."""
        self._take(partial(self._check, what, path))

    def search_in(self, folder: Path) -> None:
        """Look for everything that is missing in a folder."""
        self.folder = folder
        self._take(partial(self._look, folder))

    def _make_rows(self, missing: Sequence[Missing]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        for row, one in enumerate(missing):
            grid.addWidget(make_label(one.what.capitalize(), "strong"), row, 0)
            label = make_label(one.sentence, wraps=True)
            self._labels[one.what] = label
            grid.addWidget(label, row, 1)
            if one.reference is None:
                continue
            button = make_button("Choose…", tip=f"Choose where the {one.what} is now")
            button.setAccessibleName(f"Choose the {one.what}")
            button.clicked.connect(partial(self._ask, one.what))
            self._buttons[one.what] = button
            grid.addWidget(button, row, 2)
        return grid

    def _ask(self, what: str) -> None:
        name = self._files[what].path.name
        chosen, _ = QFileDialog.getOpenFileName(self, f"Where is {name}?", str(self.folder))
        if chosen:
            self.folder = Path(chosen).parent
            self.locate(what, Path(chosen))

    @Slot()
    def _search(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Search a folder", str(self.folder))
        if chosen:
            self.search_in(Path(chosen))

    def _take(self, find: Callable[[], None]) -> None:
        try:
            find()
            problem = ""
        except ProbeError as error:
            problem = str(error)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))

    def _check(self, what: str, path: Path) -> None:
        self._note(what, check_same(self._files[what], path))
        self._look(path.parent, must_find=False)  # what lay together often moved together

    def _look(self, folder: Path, *, must_find: bool = True) -> None:
        wanted = {what: file for what, file in self._files.items() if what not in self.found}
        for what, reference in wanted.items():
            place = _find_in(reference, folder)
            if place is not None:
                self._note(what, place)
        if must_find and not any(what in self.found for what in wanted):
            names = ", ".join(file.path.name for file in wanted.values())
            raise ProbeError(f"Nothing in {folder} is {names}. Choose another folder, or open the session without it.")

    def _note(self, what: str, place: Path) -> None:
        self.found[what] = place
        self._labels[what].setText(f"Found: {place}")
        set_look(self._labels[what], "role", "strong")
        self._buttons[what].setEnabled(False)


def _find_in(reference: FileReference, folder: Path) -> Path | None:
    return find_file(reference, [folder])
