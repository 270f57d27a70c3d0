"""The test of the method in the window: opens its dialog, runs it on the lane, shows it. Never computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from app.analyses.study_dialog import StudyDialog
from app.analyses.study_job import StudyFinished, copy_study, iter_whole_study, measure_study
from app.base.desk import Desk, Feature
from app.base.jobs import Failed
from core.sweeps.study.config import StudyConfig

KIND, PACE = "study", "study pace"
STOPPED = "Stopped. Run it again to go on where it stopped."


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
            made.cancel_requested.connect(partial(self._session.lane.stop, KIND))
            made.report_requested.connect(self._open_report)
            made.save_requested.connect(self._save)
            self._session.lane.submit(
                PACE,
                partial(measure_study, self._session.engine, StudyConfig()),
                on_done=made.set_paces,
                on_failed=self._fail,
                title="Measuring the networks…",
            )
        self.dialog.show()
        self.dialog.raise_()

    @Slot(object)
    def _start(self, config: StudyConfig) -> None:
        if self.dialog is None:
            return
        self.dialog.show_running()
        self._session.lane.submit(
            KIND,
            partial(iter_whole_study, self._session.engine, config),
            on_progress=self._follow,
            on_done=self.take_answer,
            on_failed=self._fail,
            on_stopped=partial(self._end, STOPPED),
            title="Testing the method…",
            patient=True,
        )

    def take_answer(self, finished: StudyFinished) -> None:
        """Show an answer."""
        self.finished = finished
        if self.dialog is not None:
            self.dialog.show_answer(finished)

    def _follow(self, record: Any) -> None:
        if self.dialog is not None and not isinstance(record, StudyFinished):
            self.dialog.show_progress(record.done, record.n_cells, cell=record.cell, seconds_left=record.seconds_left)

    def _end(self, note: str) -> None:
        if self.dialog is not None:
            self.dialog.show_idle(note)

    def _fail(self, failed: Failed) -> None:
        self._end("")
        self._session.problems.show_failed(failed)

    @Slot()
    def _open_report(self) -> None:
        if self.finished is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.finished.page)))

    @Slot()
    def _save(self) -> None:
        parent = QFileDialog.getExistingDirectory(self.dialog, "Save the test of the method in", str(Path.home()))
        if parent and self.finished is not None:
            folder = self.finished.folder
            self._session.lane.submit(
                "write",
                lambda _stop: copy_study(folder, Path(parent) / folder.name),
                on_done=self._session.controller.noted.emit,
                on_failed=self._session.problems.show_failed,
                title="Saving…",
            )
