"""Asks where one new folder goes and says what it will hold, for dialogs that write one. Never writes a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QWidget

from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row

TEXT_WIDTH = 520


class NewFolderDialog(QDialog):
    """A folder to choose, inside which one new folder is made.

    Parameters
    ----------
    title : str
        Of the dialog.
    name : str
        Of the new folder.
    about : sequence of QWidget
        What is written, above the choice.
    verb : str
        On the button that goes on.
    folder : Path
        Chosen at first.
    """

    def __init__(
        self, title: str, name: str, *, about: list[QWidget], verb: str, folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._name = name
        self.field = QLineEdit(str(folder))
        self.field.setAccessibleName("Folder")
        browse = make_button("Choose…", tip="Choose the folder")
        cancel = make_button("Cancel")
        self.go = make_button(verb, "primary")
        self.go.setDefault(True)
        self._lands = make_label(role="muted", wraps=True)
        self._lands.setMinimumWidth(TEXT_WIDTH)
        choice = (make_heading("Folder"), make_row(self.field, browse), self._lands, make_row(-1, cancel, self.go))
        self.setLayout(make_column(*about, *choice, gap=12, margin=24))
        self.field.textChanged.connect(self._show_place)
        browse.clicked.connect(self._browse)
        cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self.accept)
        self._show_place()

    def parent_folder(self) -> Path:
        """The folder chosen."""
        return Path(self.field.text().strip()).expanduser()

    def folder(self) -> Path:
        """The new folder."""
        return self.parent_folder() / self._name

    @Slot()
    def _show_place(self) -> None:
        place = self.folder()
        held = place.exists()
        self.go.setEnabled(bool(self.field.text().strip()) and not held)
        taken = f"{place} is there already, and nothing is overwritten. Choose another folder."
        self._lands.setText(taken if held else f"Lands in {place}")

    @Slot()
    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), str(self.parent_folder()))
        if chosen:
            self.field.setText(chosen)
