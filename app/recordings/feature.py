"""Recordings in the window: shows the import assistant and runs its jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot

from app.base.desk import Desk, Drop, Feature, Paths
from app.base.jobs import ShouldStop
from app.recordings.details import RecordingDialog
from app.recordings.import_dialog import ImportDialog
from app.widgets.ask_path import ask_path
from core.datasets.description import TEMPLATE
from core.datasets.import_options import ImportOptions
from core.datasets.importer import ImportProgress, iter_import
from core.datasets.kinds import inspect_source, plan_import
from core.datasets.subject_files import remove_subject
from core.datasets.summary import load_summary
from core.encoders.library import check_no_encoders
from core.errors import ProbeError
from core.files import replace_file
from core.surfaces.store import list_surfaces

if TYPE_CHECKING:
    from app.look.theme import Theme

IMPORT, INSPECT = "import", "inspect"
TOML_FILTER = "Description (*.toml)"


class Recordings(Feature):
    """Holds the assistant; its jobs run on the lane, where probes wait for them."""

    fit_wanted = Signal()
    """Fit encoders of the subject now open."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.dialog: ImportDialog | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about recordings."""
        return {"import_recordings": self.show_assistant, "show_recording": self.show_recording}

    def drops(self) -> Sequence[Drop]:
        """Folders and descriptions of recordings."""
        thing, promise = "recordings (a folder or its .toml)", "Inspect {name} as a recording"
        return (Drop(thing, promise, _is_recording, lambda paths: self.show_assistant(str(paths[0]))),)

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
            dialog = RecordingDialog(load_summary(subject.id), self._desk.theme(), self._desk.parent)
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
        self._session.controller.open_subject(self._session.catalogue.choose_subject(""))
        self._session.controller.noted.emit(f"Removed {subject}. Its images and encoders are kept.")

    def _make_dialog(self) -> ImportDialog:
        made = ImportDialog(self._desk.parent)
        made.set_theme(self._desk.theme())
        made.inspect_requested.connect(self._inspect)
        made.import_requested.connect(self._import)
        made.template_requested.connect(self._save_template)
        made.open_requested.connect(self._session.controller.open_subject)
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
        if self.dialog is not None:
            self._session.lane.submit(
                INSPECT,
                lambda _stop: inspect_source(Path(source), options=options),
                on_done=self.dialog.take_finding,
                refuse=self.dialog.refuse,
                title="Inspecting the recording…",
            )

    @Slot(str, str, object)
    def _import(self, kind: str, source: str, options: ImportOptions) -> None:
        if self.dialog is not None:
            self.dialog.progress.work.run(
                self._session.lane,
                IMPORT,
                partial(_run_import, kind, Path(source), options),
                title=f"Importing {options.subject}…",
                on_done=self._take_done,
                read=self.dialog.progress.read,
                stopped="Cancelled; nothing was imported.",
            )

    def _take_done(self, progress: ImportProgress) -> None:
        self._session.controller.reread_catalogue()
        if self.dialog is not None and progress.summary is not None:
            self.dialog.take_summary(progress.summary)

    @Slot(str)
    def _fit(self, subject: str) -> None:
        self._session.controller.open_subject(subject)
        self.fit_wanted.emit()

    @Slot()
    def _save_template(self) -> None:
        chosen = ask_path(self._desk.parent, "Save a template", "subject.toml", TOML_FILTER)
        if chosen is None:
            return
        try:
            replace_file(chosen, lambda partial_path: partial_path.write_text(TEMPLATE, encoding="utf-8"))
            self._session.controller.noted.emit(f"Saved the template to {chosen}. Fill it in, then choose it.")
        except ProbeError as error:
            self._session.problems.show(error)


def _is_recording(paths: Paths) -> bool:
    return paths[0].is_dir() or paths[0].suffix.lower() == ".toml"


def _run_import(kind: str, source: Path, options: ImportOptions, _stop: ShouldStop) -> Iterator[ImportProgress]:
    """Look at the source and import it; on the worker's thread."""
    check_no_encoders(options.subject)
    yield from iter_import(plan_import(kind, source, options), options)
