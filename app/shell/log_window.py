"""Shows the log as it grows and lets it be copied. Never filters what it shows."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from app.base.log_store import MOST_LINES, LogStore
from app.widgets.basics import make_button, make_column, make_row


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
        self.text.setPlaceholderText("Nothing noted yet")
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
