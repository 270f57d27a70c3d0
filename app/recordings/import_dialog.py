"""The import assistant: choose a folder, see what it holds, decide, import, see what came out.

choose -> options -> progress -> summary           (back from options; cancel returns from progress to options)
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QStackedWidget, QWidget

from app.look.theme import Theme
from app.recordings.import_options_page import OptionsPage
from app.recordings.import_pages import ChoosePage, ProgressPage, SummaryPage
from app.widgets.basics import make_column, make_label
from core.datasets.import_options import ImportOptions
from core.datasets.kinds import PROBE, SourceSummary
from core.datasets.summary import ImportSummary
from core.errors import ProbeError

FIRST_SIZE = (860, 620)
TITLES = ("Import recordings", "What to import", "Importing", "Imported")


class ImportDialog(QDialog):
    """Stays beside the window; what it asks for comes back through its `take_...` methods.

    Signals
    -------
    inspect_requested(str, object)
        A source and the options to look with.
    import_requested(str, str, object)
        Kind, source and options.
    template_requested
        Save a TOML template.
    open_requested(str), fit_requested(str)
        Go on with a subject.
    """

    inspect_requested = Signal(str, object)
    import_requested = Signal(str, str, object)
    template_requested = Signal()
    open_requested = Signal(str)
    fit_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Import recordings")
        self.resize(*FIRST_SIZE)
        self._finding: SourceSummary | None = None
        self._subject = ""
        self.heading = make_label(role="title")
        self.choose, self.options = ChoosePage(), OptionsPage()
        self.progress, self.summary = ProgressPage(), SummaryPage()
        self.pages = QStackedWidget()
        for page in (self.choose, self.options, self.progress, self.summary):
            self.pages.addWidget(page)
        column = make_column(self.heading, self.pages, gap=14, margin=24)
        column.setStretch(1, 1)
        self.setLayout(column)
        self._connect()
        self._turn_to(self.choose)

    @property
    def is_importing(self) -> bool:
        """Whether an import runs."""
        return self.progress.work.busy

    def start(self, source: str, surfaces: tuple[str, ...]) -> None:
        """Start again, with a folder that was dropped or none; a running import goes on."""
        if self.is_importing:
            return
        self.options.set_surfaces(surfaces)
        self._finding = None
        self._turn_to(self.choose)
        if source:
            self.choose.set_source(source)
            self._look(source)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.summary.set_theme(theme)

    def take_finding(self, finding: SourceSummary) -> None:
        """What a source holds."""
        is_new = self._finding is None or self._finding.source != finding.source
        self._finding = finding
        self.choose.set_busy(False)
        self.options.show_finding(finding, is_new=is_new)
        if not self.is_importing:
            self._turn_to(self.options)

    def refuse(self, text: str) -> None:
        """Say on the page in question why a source cannot be used or an import failed."""
        self.choose.set_busy(False)
        page = self.options if self._finding is not None else self.choose
        page.error.setText(text)
        if not self.is_importing:
            self._turn_to(page)

    def take_summary(self, summary: ImportSummary) -> None:
        """The import is done."""
        self._subject = summary.subject
        self.summary.show_summary(summary)
        self._turn_to(self.summary)

    def reject(self) -> None:
        """Closing, by Escape too, stops a running import."""
        self.progress.work.cancel()
        super().reject()

    def _connect(self) -> None:
        self.choose.looked.connect(self._look)
        self.choose.template_wanted.connect(self.template_requested)
        self.options.changed.connect(self._look_again)
        self.options.accepted.connect(self._import)
        self.options.went_back.connect(self._go_back)
        self.progress.work.changed.connect(self._follow_import)
        self.summary.opened.connect(self._open)
        self.summary.fit_wanted.connect(self._fit)
        self.summary.closed.connect(self.close)

    def _turn_to(self, page: QWidget) -> None:
        self.pages.setCurrentWidget(page)
        self.heading.setText(TITLES[self.pages.currentIndex()])

    @Slot(str)
    def _look(self, source: str) -> None:
        self.choose.set_busy(True)
        self._finding = None
        self.inspect_requested.emit(source, ImportOptions(PROBE))

    @Slot()
    def _look_again(self) -> None:
        options = self._read_options()
        if self._finding is not None and options is not None:
            # All ROIs are looked at, so that those left out stay available.
            self.inspect_requested.emit(self._finding.source, replace(options, rois=()))

    @Slot()
    def _import(self) -> None:
        options = self._read_options()
        if self._finding is not None and options is not None:
            self.progress.begin(options.subject)
            self._turn_to(self.progress)
            self.import_requested.emit(self._finding.kind, self._finding.source, options)

    @Slot()
    def _follow_import(self) -> None:
        """Back to the options where an import has ended without a summary; they say how."""
        work = self.progress.work
        if not work.busy and self.pages.currentWidget() is self.progress:
            self.refuse(work.error.text() or work.note.text())

    def _read_options(self) -> ImportOptions | None:
        try:
            return self.options.options()
        except ProbeError as error:
            self.options.error.setText(str(error))
            return None

    @Slot()
    def _go_back(self) -> None:
        self._finding = None
        self._turn_to(self.choose)

    @Slot()
    def _open(self) -> None:
        self.open_requested.emit(self._subject)
        self.close()

    @Slot()
    def _fit(self) -> None:
        self.fit_requested.emit(self._subject)
        self.close()
