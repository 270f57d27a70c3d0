"""What the window does with packages: shows the dialog, reads, plans and writes on the lane. Never orders a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QPushButton

from app.base.jobs import Failed
from app.stimuli.package_dialog import PackageDialog
from app.widgets.basics import make_button
from core.errors import ProbeError
from core.experiments.packages.package import FORMATS, PackageKind, PackageProgress, iter_package
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template
from core.stimuli.manifest import StimulusSet, read_manifest

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

READ, PLAN, WRITE = "read set", "plan package", "write package"


class PackageTools(QObject):
    """Holds the dialog."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self.dialog: PackageDialog | None = None

    def table(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command."""
        return {"make_package": self.show_newest}

    def make_button(self) -> QPushButton:
        """A button that gives the command, for the page of the tray."""
        made = make_button("Make a package…", tip="BIDS, PsychoPy, jsPsych or Brain-Score, of a written set")
        made.clicked.connect(self.show_newest)
        return made

    @Slot()
    def show_newest(self) -> None:
        """Open the dialog with the set that was written last, or with what it held."""
        newest = self._window.tray_tools.written
        self.show_dialog("" if newest is None else str(newest))

    def show_dialog(self, folder: str = "") -> None:
        """Open the dialog with a set, or with what it held; a running job is shown as it is."""
        if self.dialog is None:
            self.dialog = made = PackageDialog(self._window)
            made.set_chosen.connect(self._read)
            made.plan_requested.connect(self._plan)
            made.package_requested.connect(self._write)
            made.cancel_requested.connect(partial(self._session.lane.stop, WRITE))
            made.folder_requested.connect(self._open_folder)
        self.dialog.start(folder)
        self.dialog.show()
        self.dialog.raise_()

    @Slot(str)
    def _read(self, folder: str) -> None:
        self._session.lane.submit(
            READ,
            lambda _stop: read_manifest(Path(folder)),
            on_done=self._take_set,
            on_failed=self._refuse_set,
            title="Reading the set…",
        )

    @Slot(object, object)
    def _plan(self, found: StimulusSet, template: Template) -> None:
        self._session.lane.submit(
            PLAN,
            lambda _stop: make_plan(found, template),
            on_done=self._take_plan,
            on_failed=self._refuse_plan,
            title="Ordering the trials…",
        )

    @Slot(object, object, object)
    def _write(self, plan: PackagePlan, kind: PackageKind, folder: Path) -> None:
        self._session.lane.submit(
            WRITE,
            lambda stop: iter_package(plan, kind, folder, should_stop=stop),
            on_progress=self._follow,
            on_done=self._take_package,
            on_failed=self._fail,
            on_stopped=self._take_stop,
            title=f"Writing the {FORMATS[kind].title} package…",
            replace=False,
            patient=True,
        )

    @Slot(object)
    def _open_folder(self, folder: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _take_set(self, found: StimulusSet) -> None:
        if self.dialog is not None:
            self.dialog.show_set(found)

    def _take_plan(self, plan: PackagePlan) -> None:
        if self.dialog is not None:
            self.dialog.show_plan(plan)

    def _follow(self, progress: PackageProgress) -> None:
        if self.dialog is not None:
            self.dialog.show_progress(progress)

    def _take_package(self, last: PackageProgress) -> None:
        if self.dialog is not None and last.folder is not None:
            self.dialog.show_done(last.folder)
            self._session.controller.noted.emit(f"Wrote the package {last.folder}")

    def _take_stop(self) -> None:
        if self.dialog is not None:
            self.dialog.show_stopped()

    def _refuse_set(self, failed: Failed) -> None:
        if self.dialog is not None:
            self.dialog.refuse_set(self._word(failed))

    def _refuse_plan(self, failed: Failed) -> None:
        if self.dialog is not None:
            self.dialog.refuse_plan(self._word(failed))

    def _fail(self, failed: Failed) -> None:
        if self.dialog is not None:
            self.dialog.show_failure(self._word(failed))

    def _word(self, failed: Failed) -> str:
        """The sentence of a known failure; a defect gets its report."""
        if isinstance(failed.error, ProbeError):
            return str(failed.error)
        self._session.problems.show_failed(failed)
        return "A defect: see the report."
