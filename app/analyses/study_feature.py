"""The test of the method in the window: opens its dialog, runs it on the lane, shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices

from app.analyses.page import read_progress
from app.analyses.study_dialog import StudyDialog
from app.analyses.study_job import StudyFinished, copy_study, iter_whole_study, measure_study
from app.base.desk import Desk, Feature
from app.widgets.ask_path import ask_open
from core.sweeps.study.config import StudyConfig

KIND, STEP_SECONDS = "study", "study pace"


class Study(Feature):
    """Holds the dialog and the last answer."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.dialog: StudyDialog | None = None
        self.finished: StudyFinished | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command."""
        return {"study": self.show_study}

    @Slot()
    def show_study(self) -> None:
        """Open the dialog and measure how fast the networks are here."""
        if self.dialog is None:
            self.dialog = made = StudyDialog(self._desk.parent)
            made.start_requested.connect(self._start)
            made.report_requested.connect(self._open_report)
            made.save_requested.connect(self._save)
            self._session.lane.submit(
                STEP_SECONDS,
                partial(measure_study, self._session.engine, StudyConfig()),
                on_done=made.set_step_seconds,
                title="Timing the networks…",
            )
        self.dialog.show()
        self.dialog.raise_()

    @Slot(object)
    def _start(self, config: StudyConfig) -> None:
        if self.dialog is not None:
            self.dialog.work.run(
                self._session.lane,
                KIND,
                partial(iter_whole_study, self._session.engine, config),
                title="Testing the method…",
                on_done=self.take_answer,
                read=read_progress,
                stopped="Stopped. Run it again to resume.",
            )

    def take_answer(self, finished: StudyFinished) -> None:
        """Show an answer."""
        self.finished = finished
        if self.dialog is not None:
            self.dialog.show_answer(finished)

    @Slot()
    def _open_report(self) -> None:
        if self.finished is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.finished.page)))

    @Slot()
    def _save(self) -> None:
        parent = ask_open(self.dialog, "Save the test of the method in", Path.home())
        if parent is not None and self.finished is not None:
            folder = self.finished.folder
            make = partial(copy_study, folder, parent / folder.name)
            self._session.controller.write("Saving the test of the method…", make)
