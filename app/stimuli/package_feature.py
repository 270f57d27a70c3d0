"""Packages in the window: shows the dialog, reads, plans and writes on the lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices

from app.base.desk import Desk, Feature
from app.stimuli.package_dialog import PackageDialog
from app.widgets.job_line import Reading
from core.experiments.packages.package import FORMATS, PackageKind, PackageProgress, iter_package
from core.experiments.packages.plan import PackagePlan, make_plan
from core.experiments.packages.template import Template
from core.stimuli.manifest import StimulusSet, read_manifest

READ, PLAN, WRITE = "read set", "plan package", "write package"


class Packages(Feature):
    """Holds the dialog; `find_newest` gives the folder of the set that was written last."""

    def __init__(self, desk: Desk, find_newest: Callable[[], Path | None]) -> None:
        super().__init__(desk)
        self._find_newest = find_newest
        self.dialog: PackageDialog | None = None

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handler of the command."""
        return {"make_package": self.show_newest}

    @Slot()
    def show_newest(self) -> None:
        """Open the dialog with the set that was written last, or with what it held."""
        newest = self._find_newest()
        self.show_dialog("" if newest is None else str(newest))

    def show_dialog(self, folder: str = "") -> None:
        """Open the dialog with a set, or with what it held; a running job is shown as it is."""
        if self.dialog is None:
            self.dialog = made = PackageDialog(self._desk.parent)
            made.set_chosen.connect(self._read)
            made.plan_requested.connect(self._plan)
            made.package_requested.connect(self._write)
            made.folder_requested.connect(self._open_folder)
        self.dialog.start(folder)
        self.dialog.show()
        self.dialog.raise_()

    @Slot(str)
    def _read(self, folder: str) -> None:
        dialog, lane = self.dialog, self._session.lane
        if dialog is not None:
            done, refuse, title = dialog.show_set, dialog.refuse_set, "Reading the set…"
            lane.submit(READ, lambda _stop: read_manifest(Path(folder)), on_done=done, refuse=refuse, title=title)

    @Slot(object, object)
    def _plan(self, found: StimulusSet, template: Template) -> None:
        dialog, lane = self.dialog, self._session.lane
        if dialog is not None:
            done, refuse, title = dialog.show_plan, dialog.refuse_plan, "Ordering the trials…"
            lane.submit(PLAN, lambda _stop: make_plan(found, template), on_done=done, refuse=refuse, title=title)

    @Slot(object, object, object)
    def _write(self, plan: PackagePlan, kind: PackageKind, folder: Path) -> None:
        if self.dialog is not None:
            self.dialog.work.run(
                self._session.lane,
                WRITE,
                lambda stop: iter_package(plan, kind, folder, should_stop=stop),
                title=f"Writing the {FORMATS[kind].title} package…",
                on_done=self._take_package,
                read=lambda at: Reading(at.done / at.total, f"Writing {at.what} ({at.done} of {at.total})"),
                stopped="Cancelled. Nothing was written.",
            )

    @Slot(object)
    def _open_folder(self, folder: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _take_package(self, last: PackageProgress) -> None:
        if self.dialog is not None and last.folder is not None:
            self.dialog.show_done(last.folder)
            self._session.controller.noted.emit(f"Wrote the package {last.folder}")
