"""Offers the report of a defect for copying, while the session goes on. Never sends anything anywhere."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from app.widgets.basics import make_button, make_column, make_label, make_row


class CrashDialog(QDialog):
    """Says that something went wrong in the program itself, and where the report lies."""

    def __init__(self, report: str, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A defect in Probescope")
        self.resize(760, 460)
        title = make_label("Something went wrong inside the program", "title")
        kept = f" The report is kept in {path}." if path else ""
        goes_on = "Your session goes on, and what is open was saved."
        advice = f"{goes_on} Please copy the report into an issue so that it can be mended."
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
