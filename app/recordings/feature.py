"""Recordings in the window: shows the import assistant and what was imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from app.recordings.import_dialog import ImportDialog
from app.recordings.import_pages import FoundView
from app.widgets.basics import bring, fill_dialog, make_button, make_label, make_row
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from core.datasets.kinds import is_image
from core.datasets.subject_files import remove_subject
from core.datasets.summary import ImportSummary, load_summary

FIRST_SIZE = (720, 540)
QUESTION = "Remove {title}?\n\nIts responses are deleted. Its images, stored elsewhere, and its encoders are kept."


class RecordingDialog(QDialog):
    """What an imported subject's recording holds; `remove` is done once the user has confirmed it."""

    def __init__(self, summary: ImportSummary, remove: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary, self._remove = summary, remove
        found = FoundView()
        found.show_summary(summary)
        tip = "Delete the imported responses from this computer"
        self.remove = make_button("Remove subject…", do=self._ask, tip=tip)
        close = make_button("Close", "primary", self.accept)
        close.setDefault(True)
        title, buttons = make_label(summary.title, "title", wraps=True), make_row(self.remove, -1, close)
        fill_dialog(self, "Recording", title, found, buttons, stretch=1)
        self.resize(*FIRST_SIZE)

    def _ask(self) -> None:
        text = QUESTION.format(title=self._summary.title)
        buttons = QMessageBox.StandardButton
        if QMessageBox.question(self, "Remove subject", text, buttons.Yes | buttons.Cancel) == buttons.Yes:
            self._remove(self._summary.subject)
            self.accept()


class Recordings(Feature):
    """Holds the assistant; `fit` asks which encoders of the subject now open are fitted."""

    def __init__(self, desk: Desk, fit: Callable[[], object]) -> None:
        super().__init__(desk)
        self._fit = fit
        self.dialog: ImportDialog | None = None

    def drops(self) -> Sequence[Drop]:
        """Folders and descriptions of recordings."""
        thing, promise = "recordings (a folder or its .toml)", "Inspect {name} as a recording"
        return (Drop(thing, promise, _is_recording, lambda paths: self.show_assistant(str(paths[0]))),)

    @Slot()
    @does("import_recordings")
    def show_assistant(self, source: str = "") -> None:
        """Open the assistant, with a folder that was dropped or none."""
        if self.dialog is None:
            self.dialog = ImportDialog(self._session, self._fit, self._desk.parent)
        self.dialog.start(source)
        bring(self.dialog)

    @does("show_recording")
    def show_recording(self) -> None:
        """Show what was imported of the subject on screen."""
        subject = self._session.state.subject
        if subject is None:
            return
        with self._session.problems.shown():
            RecordingDialog(load_summary(subject.id), self._remove, self._desk.parent).open()

    def _remove(self, subject: str) -> None:
        controller = self._session.controller
        with self._session.problems.shown():
            remove_subject(subject)
            controller.reread_catalogue()
            controller.open_subject(self._session.catalogue.choose_subject(""))
            controller.noted.emit(f"Removed {subject}. Its images and encoders are kept.")


def _is_recording(paths: Paths) -> bool:
    return paths[0].suffix.lower() == ".toml" or (paths[0].is_dir() and not is_image(paths[0]))
