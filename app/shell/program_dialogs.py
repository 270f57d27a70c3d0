"""What the program says of itself: its version, its log, the report of a defect. Never sends anything anywhere."""

from __future__ import annotations

from importlib import metadata

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QLabel, QPlainTextEdit, QWidget

from app.base.log_store import MOST_LINES, LogStore
from app.look.icons import application_icon
from app.widgets.basics import make_button, make_column, make_label, make_row

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
TEXT_WIDTH = 460


class AboutDialog(QDialog):
    """Mark, version and three short paragraphs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Probescope")
        mark = QLabel()
        mark.setPixmap(application_icon().pixmap(MARK_PIXELS, MARK_PIXELS))
        names = make_column(make_label("Probescope", "title"), make_label(_version(), "muted"), gap=2)
        close = make_button("Close", "primary")
        close.clicked.connect(self.accept)
        texts = [make_label(text, wraps=True) for text in (WHAT, REAL, SOURCES)]
        for text in texts:
            text.setMinimumWidth(TEXT_WIDTH)
        head = make_row(mark, names, -1, gap=16)
        self.setLayout(make_column(head, *texts, make_row(-1, close), gap=14, margin=24))


def _version() -> str:
    try:
        return f"version {metadata.version('probescope')}"
    except metadata.PackageNotFoundError:
        return "running from its folder"


class CrashDialog(QDialog):
    """Says that something went wrong in the program itself, and where the report lies."""

    def __init__(self, report: str, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Internal error in Probescope")
        self.resize(760, 460)
        title = make_label("Something went wrong inside the program", "title")
        kept = f" The report was saved in {path}." if path else ""
        goes_on = "You can keep working, and your session was saved."
        advice = f"{goes_on} Please copy the report into an issue so that it can be fixed."
        told = make_label(advice + kept, wraps=True)
        self.report = QPlainTextEdit(report)
        self.report.setReadOnly(True)
        self.report.setAccessibleName("Report")
        self.report.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        copy = make_button("Copy report", "primary", tip="Copy the report to the clipboard")
        close = make_button("Close")
        copy.clicked.connect(self._copy)
        close.clicked.connect(self.accept)
        column = make_column(title, told, self.report, make_row(-1, close, copy), gap=12, margin=20)
        column.setStretch(2, 1)
        self.setLayout(column)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.report.toPlainText())


class LogWindow(QDialog):
    """A plain window beside the main one."""

    def __init__(self, store: LogStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Log")
        self.resize(820, 420)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Log")
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setPlainText("\n".join(store.lines))
        self.text.setPlaceholderText("No messages yet")
        copy = make_button("Copy all", tip="Copy the log to the clipboard")
        copy.clicked.connect(self._copy)
        store.added.connect(self._append)
        self.setLayout(make_column(self.text, make_row(-1, copy), margin=12))

    @Slot(str)
    def _append(self, line: str) -> None:
        self.text.appendPlainText(line)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
