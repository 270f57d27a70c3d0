"""Asks where an export goes and shows what it will hold. Never writes a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QLineEdit, QWidget

from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from core.probes.probe import Probe
from core.stimuli.names import name_pair

CONTENTS = (
    "Original, perturbed, equal-norm random control and sign-flipped image as 8-bit PNG, each read back and scored "
    "again, with manifest.csv, manifest.json and README.md."
)
TEXT_WIDTH = 520


class ExportDialog(QDialog):
    """A folder to choose, inside which one new folder is made for the probe."""

    def __init__(self, probe: Probe, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export stimuli")
        self._name = name_pair(probe)
        self.field = QLineEdit(str(folder))
        self.field.setAccessibleName("Folder")
        label = probe.config.target.label
        browse = make_button("Choose…", tip="Choose the folder")
        cancel = make_button("Cancel")
        self.export = make_button("Export", "primary")
        self.export.setDefault(True)
        self._lands = make_label(role="muted", wraps=True)
        text = make_label(CONTENTS, wraps=True)
        text.setMinimumWidth(TEXT_WIDTH)
        self.setLayout(
            make_column(
                make_label(label[0].upper() + label[1:], "title"),
                make_label(probe.config.attack.describe(), "muted"),
                text,
                make_heading("Folder"),
                make_row(self.field, browse),
                self._lands,
                make_row(-1, cancel, self.export),
                gap=12,
                margin=24,
            )
        )
        self.field.textChanged.connect(self._show_place)
        browse.clicked.connect(self._browse)
        cancel.clicked.connect(self.reject)
        self.export.clicked.connect(self.accept)
        self._show_place()

    def parent_folder(self) -> Path:
        """The folder chosen."""
        return Path(self.field.text().strip()).expanduser()

    def folder(self) -> Path:
        """The new folder the export goes to."""
        return self.parent_folder() / self._name

    @Slot()
    def _show_place(self) -> None:
        self.export.setEnabled(bool(self.field.text().strip()))
        self._lands.setText(f"Lands in {self.folder()}")

    @Slot()
    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for exports", str(self.parent_folder()))
        if chosen:
            self.field.setText(chosen)
