"""The pages of the import assistant, each a form or a table."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QScrollArea, QWidget

from app.look.theme import Theme
from app.recordings.ceiling_bars import CeilingBars
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from app.widgets.job_line import JobLine, Reading
from core.datasets.importer import ImportProgress
from core.datasets.kinds import HINTS, TITLES
from core.datasets.summary import ImportSummary

NAME_WIDTH = 104
TOML_FILTER = "Description (*.toml)"
HINT = "Nothing is kept if you cancel. You can keep working meanwhile; probes wait until the import is done."
NEEDS_SOURCE = "Choose a folder or a description first"


class ChoosePage(QWidget):
    """What to import from; `looked` asks to inspect it, `template_wanted` for a TOML file to start from."""

    looked = Signal(str)
    template_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit()
        self.field.setPlaceholderText("Folder of the recording, or a .toml file that describes it")
        self.field.setAccessibleName("Source")
        folder = make_button("Choose folder…")
        file = make_button("Choose .toml…", tip="A file that describes your own arrays")
        template = make_button("Save a .toml template…", "link", tip="Fill it in, then choose it here")
        self.look = make_button("Inspect", "primary")
        self.error = make_label(role="field-error", wraps=True)
        kinds = QGridLayout()
        kinds.setHorizontalSpacing(16)
        kinds.setVerticalSpacing(6)
        kinds.setColumnStretch(1, 1)
        for row, (kind, title) in enumerate(TITLES.items()):
            kinds.addWidget(make_label(title), row, 0)
            kinds.addWidget(make_label(HINTS[kind], "muted"), row, 1)
        self.setLayout(
            make_column(
                make_label("Choose the folder of the recording. Nothing is read or copied yet.", wraps=True),
                make_row(self.field, folder, file),
                self.error,
                make_heading("What can be imported"),
                kinds,
                template,
                -1,
                make_row(-1, self.look),
                gap=10,
            )
        )
        self.field.textChanged.connect(self._refresh)
        self.field.returnPressed.connect(self._look)
        folder.clicked.connect(self._choose_folder)
        file.clicked.connect(self._choose_file)
        template.clicked.connect(self.template_wanted)
        self.look.clicked.connect(self._look)
        self._refresh()

    def set_source(self, source: str) -> None:
        """Show a folder as chosen."""
        self.field.setText(source)

    def set_busy(self, busy: bool) -> None:
        """Whether the source is being inspected."""
        self.look.setText("Inspecting…" if busy else "Inspect")
        self.look.setEnabled(not busy and bool(self.field.text().strip()))

    @Slot()
    def _refresh(self) -> None:
        chosen = bool(self.field.text().strip())
        self.look.setEnabled(chosen)
        self.look.setToolTip("" if chosen else NEEDS_SOURCE)
        self.error.setText("")

    @Slot()
    def _look(self) -> None:
        if self.look.isEnabled():
            self.looked.emit(self.field.text().strip())

    @Slot()
    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of the recording", self.field.text())
        if chosen:
            self.field.setText(chosen)

    @Slot()
    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Description of the recording", self.field.text(), TOML_FILTER)
        if chosen:
            self.field.setText(chosen)


class FactTable(QScrollArea):
    """Rows of a name and a value that wraps."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows: list[tuple[str, str]] = []

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show other rows."""
        self.rows = list(rows)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, NAME_WIDTH)
        grid.setColumnStretch(1, 1)
        for number, (name, value) in enumerate(rows):
            shown = make_label(value, wraps=True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(make_label(name, "muted"), number, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(shown, number, 1, Qt.AlignmentFlag.AlignTop)
        grid.setRowStretch(len(rows), 1)
        inside = QWidget()
        inside.setLayout(grid)
        self.setWidget(inside)


class ProgressPage(QWidget):
    """How far an import is."""

    def __init__(self) -> None:
        super().__init__()
        self.what = make_label(role="strong")
        self.work = JobLine()
        self.cancel = make_button("Cancel import")
        hint = make_label(
            "Nothing is kept if you cancel. You can keep working meanwhile; probes wait until the import is done.",
            "muted",
            wraps=True,
        )
        self.setLayout(make_column(-1, self.what, self.work, hint, -1, make_row(-1, self.cancel), gap=10))
        self.cancel.clicked.connect(self.work.cancel)

    def begin(self, subject: str) -> None:
        """An import starts."""
        self.what.setText(f"Importing {subject}…")

    def read(self, progress: ImportProgress) -> Reading:
        """How far one record is; its name is shown above."""
        named = f"Reading {progress.name}" if progress.name else "Reading…"
        self.what.setText("Writing…" if progress.stage == "writing" else named)
        share = (progress.done + progress.part) / max(progress.total, 1)
        return Reading(share, f"{progress.done} of {progress.total}", progress.seconds_left)


class SummaryPage(QWidget):
    """What an import found; `opened` and `fit_wanted` go on with the subject."""

    opened = Signal()
    fit_wanted = Signal()
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.rows = FactTable()
        self.bars = CeilingBars()
        self.open = make_button("Open subject", "primary")
        self.fit = make_button("Fit encoders…", tip="Open the subject and choose networks and layers to fit")
        close = make_button("Close")
        column = make_column(self.rows, self.bars, make_row(close, -1, self.fit, self.open), gap=12)
        column.setStretch(0, 1)
        self.setLayout(column)
        self.open.clicked.connect(self.opened)
        self.fit.clicked.connect(self.fit_wanted)
        close.clicked.connect(self.closed)

    def show_summary(self, summary: ImportSummary) -> None:
        """One import."""
        self.rows.set_rows(summary.lines())
        self.bars.set_counts(summary.noise_ceiling)

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.bars.set_theme(theme)
