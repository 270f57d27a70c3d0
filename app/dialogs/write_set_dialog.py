"""Asks where a stimulus set goes and says once more what it holds and what to know. Never writes a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QWidget

from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from core.stimuli.config import SetConfig
from core.stimuli.names import safe_name

CONTENTS = (
    "Every file is saved as 8-bit PNG, read back from disk and scored again. manifest.json, manifest.csv and README.md "
    "tell how each was made; `main.py rebuild` makes the set again, bit for bit."
)
TEXT_WIDTH = 520


class WriteSetDialog(QDialog):
    """A folder to choose, inside which one new folder is made for the set."""

    def __init__(
        self, config: SetConfig, folder: Path, *, n_items: int, n_warned: int, side: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Write the set")
        self._name = safe_name(config.name)
        self.field = QLineEdit(str(folder))
        self.field.setAccessibleName("Folder")
        browse = make_button("Choose…", tip="Choose the folder")
        cancel = make_button("Cancel")
        self.write = make_button("Write", "primary")
        self.write.setDefault(True)
        self._lands = make_label(role="muted", wraps=True)
        controls = ", ".join(kind.words for kind in config.controls)
        text = make_label(CONTENTS, wraps=True)
        text.setMinimumWidth(TEXT_WIDTH)
        warned = make_label(f"⚠ {n_warned} of {n_items} items have warnings; they stand in the README.", "", wraps=True)
        warned.setVisible(bool(n_warned))
        self.setLayout(
            make_column(
                make_label(config.name, "title"),
                make_label(f"{n_items} items, {n_items * config.n_files} files; controls: {controls}", "muted"),
                make_label(config.layout.describe(side), "muted", wraps=True),
                text,
                warned,
                make_heading("Folder"),
                make_row(self.field, browse),
                self._lands,
                make_row(-1, cancel, self.write),
                gap=12,
                margin=24,
            )
        )
        self.field.textChanged.connect(self._show_place)
        browse.clicked.connect(self._browse)
        cancel.clicked.connect(self.reject)
        self.write.clicked.connect(self.accept)
        self._show_place()

    def parent_folder(self) -> Path:
        """The folder chosen."""
        return Path(self.field.text().strip()).expanduser()

    def folder(self) -> Path:
        """The new folder the set goes to."""
        return self.parent_folder() / self._name

    @Slot()
    def _show_place(self) -> None:
        held = self.folder().exists()
        self.write.setEnabled(bool(self.field.text().strip()) and not held)
        place = self.folder()
        self._lands.setText(
            f"{place} is there already, and nothing is overwritten: choose another folder, or name the set otherwise."
            if held
            else f"Lands in {place}"
        )

    @Slot()
    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for stimulus sets", str(self.parent_folder()))
        if chosen:
            self.field.setText(chosen)
