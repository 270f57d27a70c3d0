"""What an imported subject's recording holds, and the way to remove it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from app.look.theme import Theme
from app.recordings.ceiling_bars import CeilingBars
from app.recordings.import_pages import FactTable
from app.widgets.basics import make_button, make_column, make_label, make_row
from core.datasets.summary import ImportSummary

FIRST_SIZE = (720, 540)
QUESTION = "Remove {title}?\n\nIts responses are deleted. Its images, stored elsewhere, and its encoders are kept."


class RecordingDialog(QDialog):
    """Facts and noise ceilings; `remove_requested` once the user has confirmed."""

    remove_requested = Signal(str)

    def __init__(self, summary: ImportSummary, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Recording")
        self.resize(*FIRST_SIZE)
        self._summary = summary
        rows, bars = FactTable(), CeilingBars()
        rows.set_rows(summary.lines())
        bars.set_counts(summary.noise_ceiling)
        bars.set_theme(theme)
        self.remove = make_button("Remove subject…", tip="Delete the imported responses from this computer")
        close = make_button("Close", "primary")
        close.setDefault(True)
        title = make_label(summary.title, "title", wraps=True)
        column = make_column(title, rows, bars, make_row(self.remove, -1, close), gap=12, margin=24)
        column.setStretch(1, 1)
        self.setLayout(column)
        self.remove.clicked.connect(self._ask)
        close.clicked.connect(self.accept)

    @Slot()
    def _ask(self) -> None:
        text = QUESTION.format(title=self._summary.title)
        buttons = QMessageBox.StandardButton
        if QMessageBox.question(self, "Remove subject", text, buttons.Yes | buttons.Cancel) == buttons.Yes:
            self.remove_requested.emit(self._summary.subject)
            self.accept()
