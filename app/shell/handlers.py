"""The commands about the program and what they open: its picture, log, keys, help, report, licences.

Never sends anything anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QGuiApplication, QPixmap, QTextDocument
from PySide6.QtWidgets import QDialog, QListWidget, QMessageBox, QPlainTextEdit, QTextBrowser, QWidget

from app.base.pictures import save_window_picture
from app.base.problems import MOST_LINES, LogStore, version_of
from app.look.icons import application_icon
from app.look.theme import theme_in_use
from app.shell.shortcuts import read_keys
from app.shell.shortcuts_sheet import ShortcutsSheet
from app.widgets.ask_path import ask_path
from app.widgets.basics import bring, fill_dialog, make_button, make_column, make_label, make_row, make_split
from app.widgets.desk import Desk, Feature, does
from app.widgets.full_panel import toggle_full
from core.paths import docs_folder

PAGES = (
    ("first-experiment", "First experiment"),
    ("your-own-data", "Bring your own data"),
    ("whole-encoders", "Whole encoders"),
    ("probes", "Targets and attacks"),
    ("four-questions", "The four questions"),
    ("which-model", "Which model is right?"),
    ("experiment", "From probes to an experiment"),
    ("cluster", "Many processes, clusters"),
    ("python", "From Python"),
    ("command-line", "Command line"),
    ("formulas", "Formulas"),
    ("glossary", "What do these numbers mean?"),
    ("window", "The window, work space by work space"),
    ("troubleshooting", "Troubleshooting"),
)
"""File and title of each page, in reading order."""


class PictureBrowser(QTextBrowser):
    """A page whose pictures are never wider than the window."""

    def loadResource(self, kind: int, name: QUrl | str) -> object:
        """A picture, made smaller where it is wider than the page; anything else as it is."""
        if kind != QTextDocument.ResourceType.ImageResource.value:
            return super().loadResource(kind, name)
        picture = QPixmap(self.source().resolved(QUrl(name)).toLocalFile())
        room = self.viewport().width() - 64
        if picture.width() <= room or room <= 0:
            return picture
        return picture.scaledToWidth(room, Qt.TransformationMode.SmoothTransformation)


class HelpPages(QWidget):
    """The documentation, beside the main window; links between pages are followed here, others in the browser."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Probescope: help")
        self.setWindowIcon(application_icon())
        self.setObjectName("window")
        self.resize(1080, 760)
        self.list, self.browser = QListWidget(), PictureBrowser()
        self.list.setAccessibleName("Pages")
        self.browser.setAccessibleName("Page")
        self.browser.setOpenExternalLinks(True)
        self.browser.document().setDocumentMargin(16)
        self.list.setSpacing(3)
        self.list.addItems([title for _, title in PAGES])
        self.setLayout(make_column(make_split(self.list, self.browser, shares=(22, 86)), margin=8))
        self.list.currentRowChanged.connect(self._open)
        self.browser.sourceChanged.connect(self._follow)

    def show_page(self, name: str) -> None:
        """Bring a page of `PAGES` to the front."""
        bring(self)
        self.list.setCurrentRow([page for page, _ in PAGES].index(name))

    def _open(self, row: int) -> None:
        file = QUrl.fromLocalFile(str(docs_folder() / f"{PAGES[row][0]}.md"))
        if self.browser.source().path() != file.path():
            self.browser.setSource(file, QTextDocument.ResourceType.MarkdownResource)

    def _follow(self, source: QUrl) -> None:
        """Mark the page a link led to."""
        names = [name for name, _ in PAGES]
        name = source.fileName().removesuffix(".md")
        if name in names:
            self.list.setCurrentRow(names.index(name))


WHAT = (
    "Adversarial probes of fMRI encoders: change an image by a small, bounded amount so that the predicted response "
    "of a voxel rises or falls, and see what the rest of the cortex does."
)
REAL = (
    "Networks, photographs and cortical surface are real. A subject marked “simulated” has made-up voxels with a known "
    "answer; one marked “measured” has recorded responses."
)
SOURCES = (
    "The analyses follow definitions of this program's own, inspired by McNeal & Ratan Murty 2025 (arXiv 2509.23333). "
    "BSD-3-Clause. Third-party notices are in NOTICE.md, licences of images and weights in resources/licences."
)
MARK_PIXELS = 56


class _Lines(QPlainTextEdit):
    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)

    def copy_all(self) -> None:
        """Put all of it on the clipboard."""
        QGuiApplication.clipboard().setText(self.toPlainText())


class CrashDialog(QDialog):
    """Says that something went wrong in the program itself, and where the report lies."""

    def __init__(self, report: str, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.report = _Lines("Report", report)
        goes_on = "You can keep working, and your session was saved."
        kept = f" The report was saved in {path}." if path else ""
        told = f"{goes_on} Please copy the report into an issue so that it can be fixed.{kept}"
        copy = make_button("Copy report", "primary", self.report.copy_all, tip="Copy the report to the clipboard")
        buttons = make_row(-1, make_button("Close", do=self.accept), copy)
        title = make_label("Something went wrong inside the program", "title")
        parts = (title, make_label(told, wraps=True), self.report, buttons)
        fill_dialog(self, "Internal error in Probescope", *parts, margin=20, stretch=2)
        self.resize(760, 460)


class LogWindow(QDialog):
    """A plain window beside the main one."""

    def __init__(self, store: LogStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = _Lines("Log", "\n".join(store.lines))
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setPlaceholderText("No messages yet")
        copy = make_button("Copy all", do=self.text.copy_all, tip="Copy the log to the clipboard")
        fill_dialog(self, "Log", self.text, make_row(-1, copy), gap=8, margin=12)
        self.resize(820, 420)
        store.added.connect(self.text.appendPlainText)


PNG_FILTER = "PNG (*.png)"


class Handlers(Feature):
    """One method a command."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._log: LogWindow | None = None
        self._help: HelpPages | None = None
        self._session.problems.crashed.connect(self.show_crash)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The commands about the program."""
        pages = {"help_first": PAGES[0][0], "help_pages": PAGES[1][0], "help_glossary": "glossary"}
        return {**super().commands(), **{name: partial(self.show_help, page) for name, page in pages.items()}}

    @does("window_picture")
    def save_window(self) -> None:
        """Ask for a file and save a picture of the window."""
        parent, settings = self._desk.parent, self._session.settings
        if path := ask_path(parent, "Save a picture of the window", "probescope.png", PNG_FILTER, settings=settings):
            with self._session.problems.shown():
                self._desk.say(save_window_picture(parent, path), "info")

    @does("full_panel")
    def toggle_full(self) -> None:
        """One panel over the work space in front, or all of them."""
        if (page := self._desk.tabs.stack.currentWidget()) is not None:
            toggle_full(page)

    @does("toggle_theme")
    def toggle_theme(self) -> None:
        """Switch dark and light."""
        self._session.settings.set("theme", "light" if theme_in_use().is_dark else "dark")

    @does("show_log")
    def show_log(self) -> None:
        """Open the log beside the window."""
        if self._log is None:
            self._log = LogWindow(self._session.log, self._desk.parent)
        bring(self._log)

    @does("show_shortcuts")
    def show_shortcuts(self) -> None:
        """Open the help sheet."""
        ShortcutsSheet(read_keys(self._session.settings), self._desk.parent).open()

    def show_help(self, page: str) -> None:
        """Open the documentation at a page."""
        if self._help is None:
            self._help = HelpPages(self._desk.parent)
        self._help.show_page(page)

    @does("about")
    def show_about(self) -> None:
        """Say what the program is, its version and its sources."""
        title = f"<b>Probescope</b>, version {version_of('probescope')}"
        text = "".join(f"<p>{part}</p>" for part in (title, WHAT, REAL, SOURCES))
        close = QMessageBox.StandardButton.Close
        box = QMessageBox(QMessageBox.Icon.NoIcon, "About Probescope", text, close, self._desk.parent)
        box.setIconPixmap(application_icon().pixmap(MARK_PIXELS, MARK_PIXELS))
        box.open()

    @does("copy_report")
    def copy_report(self) -> None:
        """Put a report of the program as it runs on the clipboard."""
        QGuiApplication.clipboard().setText(self._session.problems.describe_program())
        self._desk.say("Copied the program report: versions, device, settings and the last log lines.", "info")

    def show_crash(self, report: str, path: str) -> None:
        """Offer the report of a defect."""
        CrashDialog(report, path, self._desk.parent).open()
