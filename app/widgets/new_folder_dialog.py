"""Asks where one new folder goes, and says what it will hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QDialog, QWidget

from app.base.settings import Settings
from app.widgets.ask_path import export_folder
from app.widgets.basics import fill_dialog, make_button, make_heading, make_label, make_row
from app.widgets.form import Fields, PathText

TEXT_WIDTH = 520


class NewFolderDialog(QDialog, Fields):
    """A folder to choose, inside which one new folder is made.

    Parameters
    ----------
    title : Of the dialog.
    name : Of the new folder.
    about : What is written, above the choice: its name, how it is made, and what else to know.
    verb : On the button that goes on.
    folder : Chosen at first.
    """

    field = PathText("Folder", ask="Location of the new folder")

    def __init__(
        self, title: str, name: str, *, about: Sequence[str], verb: str, folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name = name
        self.make_fields()
        self.field.set_value(str(folder))
        self.go = make_button(verb, "primary", self.accept)
        self.go.setDefault(True)
        self._lands = make_label(role="muted", wraps=True)
        self._lands.setMinimumWidth(TEXT_WIDTH)
        place = make_row(self.field, self.field.browse)
        ends = make_row(-1, make_button("Cancel", do=self.reject), self.go)
        looks = ("title", "muted", *[""] * len(about))
        told = (make_label(text, look, wraps=True) for text, look in zip(about, looks, strict=False) if text)
        fill_dialog(self, title, *told, make_heading("Folder"), place, self._lands, ends)
        self.refresh()

    def parent_folder(self) -> Path:
        """The folder chosen."""
        return self.field.path() or Path()

    def folder(self) -> Path:
        """The new folder."""
        return self.parent_folder() / self._name

    def refresh(self) -> None:
        """Say where the new folder lands, or that the place is taken."""
        place = self.folder()
        held = place.exists()
        self.go.setEnabled(bool(self.field.value()) and not held)
        taken = f"{place} already exists and is not overwritten. Choose another folder."
        self._lands.setText(taken if held else f"Will be written to {place}")


def ask_new_folder(
    parent: QWidget, settings: Settings, title: str, name: str, *, about: Sequence[str], verb: str
) -> Path | None:
    """A new folder where exports went last, or elsewhere; None if the user cancelled."""
    folder = export_folder(settings)
    dialog = NewFolderDialog(title, name, about=about, verb=verb, folder=folder, parent=parent)
    if dialog.exec() != QDialog.DialogCode.Accepted:
        return None
    settings.set("export_folder", str(dialog.parent_folder()))
    return dialog.folder()
