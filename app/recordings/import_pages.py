"""The pages of the import assistant, each a form or a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QLineEdit, QWidget

from app.widgets.ask_path import ask_open
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_row
from app.widgets.editors import FlagBox
from app.widgets.job_line import JobLine, Reading
from app.widgets.plain_table import FactTable, make_grid
from app.widgets.plot_view import PlotView
from core.datasets.importer import ImportProgress
from core.datasets.recording import list_kinds
from core.datasets.summary import ImportSummary
from core.reports.plot import Plot, Series

HEIGHT = 130
UNKNOWN = "No noise ceiling is known"
TOML_FILTER = "Description (*.toml)"
WHAT = "Folder of the recording, or a .toml file that describes it"
HINT = "Nothing is kept if you cancel. You can keep working meanwhile; probes wait until the import is done."


class CeilingBars(PlotView):
    """Ten bars over [0, 1], as high as there are voxels."""

    def __init__(self) -> None:
        super().__init__("Histogram of noise ceilings")
        self.setFixedHeight(HEIGHT)

    def set_counts(self, counts: tuple[int, ...]) -> None:
        """Show voxels in ten bins of [0, 1]; none says that the ceiling is unknown."""
        spoken = ", ".join(f"{count:,} from {bin_ / 10:.1f}" for bin_, count in enumerate(counts))
        self.setToolTip(f"Voxels by noise ceiling: {spoken}" if counts else UNKNOWN)
        places = [(bin_ + 0.5) / 10 for bin_ in range(len(counts))]
        bars = (Series(places, counts, "accent", bar=0.09),) if counts else ()
        self.show_plot(Plot("noise ceiling", "voxels", bars, x_range=(0.0, 1.03), empty=UNKNOWN))


class ChoosePage(QWidget):
    """What to import from: `look` inspects it, `template` asks for a TOML file to start from."""

    def __init__(self, look: Callable[[str], None], template: Callable[[], None], cancel: Callable[[], object]) -> None:
        super().__init__()
        self._inspect = look
        self.field = QLineEdit()
        self.field.setPlaceholderText(WHAT)
        self.field.setAccessibleName("Source")
        folder = make_button("Choose folder…", do=partial(self._choose, "Folder of the recording", ""))
        ask_file = partial(self._choose, "Description of the recording", TOML_FILTER)
        file = make_button("Choose .toml…", do=ask_file, tip="A file that describes your own arrays")
        start = make_button("Save a .toml template…", "link", template, tip="Fill it in, then choose it here")
        self.look = make_button("Inspect", "primary", self._look)
        self.resample = FlagBox("Resample masks, ROIs and ncsnr of another grid onto that of the betas")
        self.error = make_label(role="field-error", wraps=True)
        told = make_label("Choose the folder of the recording. Nothing is read or copied yet.", wraps=True)
        kinds = make_grid([(make_label(kind.title), make_label(kind.hint, "muted")) for kind in list_kinds().values()])
        heads = (
            told,
            make_row(self.field, folder, file),
            self.resample,
            self.error,
            make_heading("What can be imported"),
        )
        self.setLayout(
            make_column(*heads, kinds, start, -1, make_row(-1, make_button("Cancel", do=cancel), self.look), gap=10)
        )
        self.field.textChanged.connect(self._refresh)
        self.field.returnPressed.connect(self._look)
        self._refresh()

    def set_busy(self, busy: bool) -> None:
        """Whether the source is being inspected."""
        self.look.setText("Inspecting…" if busy else "Inspect")
        self.look.setEnabled(not busy and bool(self.field.text().strip()))

    def _refresh(self) -> None:
        chosen = bool(self.field.text().strip())
        self.look.setEnabled(chosen)
        self.look.setToolTip("" if chosen else "Choose a folder or a description first")
        self.error.setText("")

    def _look(self) -> None:
        if self.look.isEnabled():
            self._inspect(self.field.text().strip())

    def _choose(self, title: str, kinds: str, *_clicked: bool) -> None:
        if chosen := ask_open(self, title, self.field.text(), kinds):
            self.field.setText(str(chosen))


class FoundView(QWidget):
    """What an import found, over its noise ceilings."""

    def __init__(self) -> None:
        super().__init__()
        self.facts, self._bars = FactTable(), CeilingBars()
        self.setLayout(make_column(self.facts, self._bars, gap=12, stretch=0))

    def show_summary(self, summary: ImportSummary) -> None:
        """Show what an import found."""
        self.facts.set_rows(summary.lines())
        self._bars.set_counts(summary.noise_ceiling)


class ProgressPage(QWidget):
    """How far an import is."""

    def __init__(self) -> None:
        super().__init__()
        self.what, self.work = make_label(role="strong"), JobLine()
        self.cancel = make_button("Cancel import", do=self.work.cancel)
        hint = make_label(HINT, "muted", wraps=True)
        self.setLayout(make_column(-1, self.what, self.work, hint, -1, make_row(-1, self.cancel), gap=10))

    def read(self, progress: ImportProgress) -> Reading:
        """How far one record is; its name is shown above."""
        named = f"Reading {progress.what}" if progress.what else "Reading…"
        self.what.setText("Writing…" if progress.stage == "writing" else named)
        return Reading(progress.share, f"{int(progress.done)} of {progress.total}", progress.seconds_left)


class SummaryPage(QWidget):
    """What an import found, and the ways to go on."""

    def __init__(self, close: Callable[[], object], fit: Callable[[], None], open_it: Callable[[], None]) -> None:
        super().__init__()
        self.found = FoundView()
        tip = "Open the subject and choose networks and layers to fit"
        self.fit = make_button("Fit encoders…", do=fit, tip=tip)
        self.open = make_button("Open subject", "primary", open_it)
        buttons = make_row(make_button("Close", do=close), -1, self.fit, self.open)
        self.setLayout(make_column(self.found, buttons, gap=12, stretch=0))
