"""What the window does with recordings: shows the import assistant and runs its jobs. Never knows a layout of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog

from app.base.jobs import Failed, ShouldStop
from app.recordings.details import RecordingDialog
from app.recordings.import_dialog import ImportDialog
from core.datasets.description import TEMPLATE
from core.datasets.import_options import ImportOptions
from core.datasets.importer import ImportProgress, iter_import
from core.datasets.kinds import SourceSummary, inspect_source, plan_import
from core.datasets.subject_files import remove_subject
from core.datasets.summary import load_summary
from core.encoders.orphans import check_no_encoders
from core.errors import ProbeError
from core.files import replace_file
from core.surfaces.store import list_surfaces

if TYPE_CHECKING:
    from app.look.theme import Theme
    from app.shell.main_window import MainWindow

IMPORT, INSPECT = "import", "inspect"
FIT_COMMAND = "fit_encoders"
"""The command of the table that fits encoders of the open subject."""
TOML_FILTER = "Description (*.toml)"


class ImportTools(QObject):
    """Holds the assistant; its jobs run on the lane, where probes wait for them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self.dialog: ImportDialog | None = None

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about recordings."""
        return {"import_recordings": self.show_assistant, "show_recording": self.show_recording}

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        if self.dialog is not None:
            self.dialog.set_theme(theme)

    @Slot()
    def show_assistant(self, source: str = "") -> None:
        """Open the assistant, with a folder that was dropped or none."""
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.start(source, self._surfaces())
        self.dialog.show()
        self.dialog.raise_()

    @Slot()
    def show_recording(self) -> None:
        """Show what was imported of the subject on screen."""
        subject = self._session.state.subject
        if subject is None:
            return
        try:
            dialog = RecordingDialog(load_summary(subject.id), self._window.theme, self._window)
        except ProbeError as error:
            self._session.problems.show(error)
            return
        dialog.remove_requested.connect(self._remove)
        dialog.open()

    @Slot(str)
    def _remove(self, subject: str) -> None:
        """Delete an imported subject and open another."""
        try:
            remove_subject(subject)
        except ProbeError as error:
            self._session.problems.show(error)
            return
        self._session.controller.reread_catalogue()
        self._open(self._session.catalogue.choose_subject(""))
        self._session.controller.noted.emit(f"Removed {subject}. Its images and encoders stay.")

    @staticmethod
    def takes(path: Path) -> bool:
        """Whether something dropped on the window is a recording rather than an image."""
        return path.is_dir() or path.suffix.lower() == ".toml"

    def _make_dialog(self) -> ImportDialog:
        made = ImportDialog(self._window)
        made.set_theme(self._window.theme)
        made.inspect_requested.connect(self._inspect)
        made.import_requested.connect(self._import)
        made.template_requested.connect(self._save_template)
        made.cancel_requested.connect(self._cancel)
        made.open_requested.connect(self._open)
        made.fit_requested.connect(self._fit)
        return made

    def _surfaces(self) -> tuple[str, ...]:
        try:
            return tuple(info.name for info in list_surfaces())
        except ProbeError as error:
            self._session.problems.show(error)
            return ()

    @Slot(str, object)
    def _inspect(self, source: str, options: ImportOptions) -> None:
        self._session.lane.submit(
            INSPECT,
            lambda _stop: inspect_source(Path(source), options=options),
            on_done=self._take_finding,
            on_failed=self._refuse,
            title="Looking into the recording…",
        )

    @Slot(str, str, object)
    def _import(self, kind: str, source: str, options: ImportOptions) -> None:
        self._session.lane.submit(
            IMPORT,
            partial(_run_import, kind, Path(source), options),
            on_progress=self._take_progress,
            on_done=self._take_done,
            on_failed=self._refuse,
            on_stopped=self._take_stop,
            title=f"Importing {options.subject}…",
            patient=True,
        )

    @Slot()
    def _cancel(self) -> None:
        """Stop the import, also one that still waits for its turn."""
        self._session.lane.stop(IMPORT)

    def _take_finding(self, finding: SourceSummary) -> None:
        if self.dialog is not None:
            self.dialog.take_finding(finding)

    def _take_progress(self, progress: ImportProgress) -> None:
        if self.dialog is not None:
            self.dialog.take_progress(progress)

    def _take_done(self, progress: ImportProgress) -> None:
        self._session.controller.reread_catalogue()
        if self.dialog is not None and progress.summary is not None:
            self.dialog.take_summary(progress.summary)

    def _take_stop(self) -> None:
        if self.dialog is not None:
            self.dialog.take_stop()

    def _refuse(self, failed: Failed) -> None:
        if self.dialog is not None and isinstance(failed.error, ProbeError):
            self.dialog.refuse(str(failed.error))
        else:
            self._session.problems.show_failed(failed)

    @Slot(str)
    def _open(self, subject: str) -> None:
        """Show the subject as if it had been chosen in the controls."""
        catalogue, form = self._session.catalogue, self._window.controls.encoder
        form.set_subjects(catalogue.subjects, subject)
        form.subject_chosen.emit(subject)

    @Slot(str)
    def _fit(self, subject: str) -> None:
        self._open(subject)
        self._window.give_command(FIT_COMMAND)

    @Slot()
    def _save_template(self) -> None:
        start = str(Path.home() / "subject.toml")
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save a template", start, TOML_FILTER)
        if not chosen:
            return
        try:
            replace_file(Path(chosen), lambda partial_path: partial_path.write_text(TEMPLATE, encoding="utf-8"))
            self._session.controller.noted.emit(f"Saved the template to {chosen}. Fill it in, then choose it.")
        except ProbeError as error:
            self._session.problems.show(error)


def _run_import(kind: str, source: Path, options: ImportOptions, _stop: ShouldStop) -> Iterator[ImportProgress]:
    """Look at the source and import it; on the worker's thread."""
    check_no_encoders(options.subject)
    yield from iter_import(plan_import(kind, source, options), options)
