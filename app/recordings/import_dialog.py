"""The import assistant: choose a folder, see what it holds, decide, import, see what came out.

choose -> options -> progress -> summary           (back from options; cancel returns from progress to options)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from PySide6.QtWidgets import QDialog, QStackedWidget, QWidget

from app.base.jobs import ShouldStop
from app.base.services import Services
from app.recordings.import_options_page import OptionsPage
from app.recordings.import_pages import TOML_FILTER, ChoosePage, ProgressPage, SummaryPage
from app.widgets.ask_path import ask_path
from app.widgets.basics import fill_dialog, make_label
from app.widgets.copy_work import make_copy_button
from app.widgets.form import attempt
from core.commands.works import CommandWork
from core.datasets.description import TEMPLATE
from core.datasets.import_options import ImportOptions
from core.datasets.importer import ImportProgress, iter_import
from core.datasets.kinds import PROBE, SourceSummary, inspect_source, plan_import
from core.datasets.subject import load_subject
from core.encoders.library import check_no_encoders
from core.errors import BadInputError
from core.files import replace_file
from core.surfaces.store import list_surfaces

FIRST_SIZE = (860, 620)
TITLES = ("Import recordings", "What to import", "Importing", "Imported")
IMPORT, INSPECT = "import", "inspect"


class ImportDialog(QDialog):
    """Stays beside the window; its jobs run on the lane, where probes wait for them.

    `fit` asks which encoders of the new subject are fitted.
    """

    def __init__(self, services: Services, fit: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._lane, self._ask_fit = services, services.lane, fit
        self._finding: SourceSummary | None = None
        self._subject = ""
        self.heading = make_label(role="title")
        self.choose = ChoosePage(self._look, self.save_template, self.reject)
        self.options = OptionsPage(self._go_back, self._import)
        self.options.buttons.insertWidget(1, make_copy_button(self._find, self.options.error))
        self.progress = ProgressPage()
        self.pages = QStackedWidget()
        for page in (self.choose, self.options, self.progress):
            self.pages.addWidget(page)
        fill_dialog(self, "Import recordings", self.heading, self.pages, gap=14, stretch=1)
        self.resize(*FIRST_SIZE)
        self.options.changed.connect(self._look_again)
        self.progress.work.changed.connect(self._follow_import)
        self._turn_to(self.choose)

    def start(self, source: str) -> None:
        """Start again, with a folder that was dropped or none; a running import goes on."""
        if self.progress.work.busy:
            return
        self.options.set_surfaces([info.name for info in self._services.problems.attempt(list_surfaces) or ()])
        self._finding = None
        self._turn_to(self.choose)
        if source:
            self.choose.field.setText(source)
            self._look(source)

    def reject(self) -> None:
        """Closing, by Escape too, stops a running import."""
        self.progress.work.cancel()
        super().reject()

    def run_import(self, kind: str, source: str, options: ImportOptions) -> None:
        """Import a source of a kind."""
        self.progress.work.run(
            self._lane,
            IMPORT,
            partial(_run_import, kind, Path(source), options),
            title=f"Importing {options.subject}…",
            on_done=self._take_done,
            read=self.progress.read,
            stopped="Cancelled; nothing was imported.",
        )

    @cached_property
    def summary(self) -> SummaryPage:
        """The last page, made when there is something to show: its plot takes as long as all other pages."""
        made = SummaryPage(self.close, self._fit, self._open)
        self.pages.addWidget(made)
        return made

    def _take_finding(self, finding: SourceSummary) -> None:
        is_new = self._finding is None or self._finding.source != finding.source
        self._finding = finding
        self.choose.set_busy(False)
        self.options.show_finding(finding, is_new=is_new)
        if not self.progress.work.busy:
            self._turn_to(self.options)

    def _refuse(self, text: str) -> None:
        """Say on the page in question why a source cannot be used or an import failed."""
        self.choose.set_busy(False)
        page = self.options if self._finding is not None else self.choose
        page.error.setText(text)
        if not self.progress.work.busy:
            self._turn_to(page)

    def _take_done(self, progress: ImportProgress) -> None:
        self._services.controller.reread_catalogue()
        if progress.result is not None:
            self._subject = progress.result.subject
            self.summary.found.show_summary(progress.result)
            self._turn_to(self.summary)

    def _turn_to(self, page: QWidget) -> None:
        self.pages.setCurrentWidget(page)
        self.heading.setText(TITLES[self.pages.currentIndex()])

    def _look(self, source: str) -> None:
        self.choose.set_busy(True)
        self._finding = None
        self._inspect(source, ImportOptions(PROBE, resample=self.choose.resample.value()))

    def _inspect(self, source: str, options: ImportOptions) -> None:
        self._lane.submit(
            INSPECT,
            lambda _stop: inspect_source(Path(source), options=options),
            on_done=self._take_finding,
            refuse=self._refuse,
            title="Inspecting the recording…",
        )

    def _look_again(self) -> None:
        options = attempt(self._options, self.options.error)
        if self._finding is not None and options is not None:
            # All ROIs are looked at, so that those left out stay available.
            self._inspect(self._finding.source, replace(options, rois=()))

    def _import(self) -> None:
        options = attempt(self._options, self.options.error)
        if self._finding is not None and options is not None:
            self.progress.what.setText(f"Importing {options.subject}…")
            self._turn_to(self.progress)
            self.run_import(self._finding.kind, self._finding.source, options)

    def _find(self) -> CommandWork:
        if (found := self._finding) is None:
            raise BadInputError("Choose a recording first.")
        return CommandWork("import", {"kind": found.kind, "source": Path(found.source), "options": self._options()})

    def _follow_import(self) -> None:
        """Back to the options where an import has ended without a summary; they say how."""
        work = self.progress.work
        if not work.busy and self.pages.currentWidget() is self.progress:
            self._refuse(work.error.text() or work.note.text())

    def _options(self) -> ImportOptions:
        return replace(self.options.options(), resample=self.choose.resample.value())

    def _go_back(self) -> None:
        self._finding = None
        self._turn_to(self.choose)

    def _open(self) -> None:
        self._services.controller.open_subject(self._subject)
        self.close()

    def _fit(self) -> None:
        self._open()
        self._ask_fit()

    def save_template(self) -> None:
        """Ask where, and write a description to be filled in."""
        if chosen := ask_path(self, "Save a template", "subject.toml", TOML_FILTER):
            with self._services.problems.shown():
                replace_file(chosen, lambda partial: partial.write_text(TEMPLATE, encoding="utf-8"))
                told = f"Saved the template to {chosen}. Fill it in, then choose it."
                self._services.controller.noted.emit(told)


def _run_import(kind: str, source: Path, options: ImportOptions, _stop: ShouldStop) -> Iterator[ImportProgress]:
    """Look at the source and import it; on the worker's thread."""
    check_no_encoders(options.subject)
    yield from iter_import(plan_import(kind, source, options), options)
    load_subject(options.subject)  # it is opened next, and then known
