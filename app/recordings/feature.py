"""Recordings in the window: shows the import assistant and what was imported."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from app.recordings.import_dialog import ImportDialog
from app.recordings.import_pages import TOML_FILTER, CeilingBars, SummaryTable
from app.widgets.ask_path import ask_path
from app.widgets.basics import bring, fill_dialog, make_button, make_label, make_row
from app.widgets.desk import Desk, Drop, Feature, Paths, does
from core.datasets.description import TEMPLATE
from core.datasets.subject_files import remove_subject
from core.datasets.summary import ImportSummary, load_summary
from core.files import replace_file
from core.surfaces.store import list_surfaces

FIRST_SIZE = (720, 540)
QUESTION = "Remove {title}?\n\nIts responses are deleted. Its images, stored elsewhere, and its encoders are kept."


class RecordingDialog(QDialog):
    """What an imported subject's recording holds; `remove_requested` once the user has confirmed to remove it."""

    remove_requested = Signal(str)

    def __init__(self, summary: ImportSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._summary = summary
        rows, bars = SummaryTable(), CeilingBars()
        rows.show_summary(summary, bars)
        tip = "Delete the imported responses from this computer"
        self.remove = make_button("Remove subject…", do=self._ask, tip=tip)
        close = make_button("Close", "primary", self.accept)
        close.setDefault(True)
        title, buttons = make_label(summary.title, "title", wraps=True), make_row(self.remove, -1, close)
        fill_dialog(self, "Recording", title, rows, bars, buttons, stretch=1)
        self.resize(*FIRST_SIZE)

    def _ask(self) -> None:
        text = QUESTION.format(title=self._summary.title)
        buttons = QMessageBox.StandardButton
        if QMessageBox.question(self, "Remove subject", text, buttons.Yes | buttons.Cancel) == buttons.Yes:
            self.remove_requested.emit(self._summary.subject)
            self.accept()


class Recordings(Feature):
    """Holds the assistant."""

    fit_wanted = Signal()
    """Fit encoders of the subject now open."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
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
            self.dialog = self._make_dialog()
        self.dialog.start(source, self._surfaces())
        bring(self.dialog)

    @does("show_recording")
    def show_recording(self) -> None:
        """Show what was imported of the subject on screen."""
        subject = self._session.state.subject
        if subject is None:
            return
        with self._session.problems.shown():
            dialog = RecordingDialog(load_summary(subject.id), self._desk.parent)
            dialog.remove_requested.connect(self._remove)
            dialog.open()

    def _remove(self, subject: str) -> None:
        """Delete an imported subject and open another."""
        controller = self._session.controller
        with self._session.problems.shown():
            remove_subject(subject)
            controller.reread_catalogue()
            controller.open_subject(self._session.catalogue.choose_subject(""))
            controller.noted.emit(f"Removed {subject}. Its images and encoders are kept.")

    def _make_dialog(self) -> ImportDialog:
        made = ImportDialog(self._session.lane, self._desk.parent)
        made.imported.connect(self._session.controller.reread_catalogue)
        made.template_requested.connect(self._save_template)
        made.open_requested.connect(self._session.controller.open_subject)
        made.fit_requested.connect(self._fit)
        return made

    def _surfaces(self) -> tuple[str, ...]:
        return tuple(info.name for info in self._session.problems.attempt(list_surfaces) or ())

    def _fit(self, subject: str) -> None:
        self._session.controller.open_subject(subject)
        self.fit_wanted.emit()

    def _save_template(self) -> None:
        chosen = ask_path(self._desk.parent, "Save a template", "subject.toml", TOML_FILTER)
        if chosen is None:
            return
        with self._session.problems.shown():
            replace_file(chosen, lambda partial: partial.write_text(TEMPLATE, encoding="utf-8"))
            self._session.controller.noted.emit(f"Saved the template to {chosen}. Fill it in, then choose it.")


def _is_recording(paths: Paths) -> bool:
    return paths[0].is_dir() or paths[0].suffix.lower() == ".toml"
