"""The work space after the experiment: set and responses in, measured against predicted shifts out."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHeaderView, QMessageBox, QScrollArea, QStackedWidget, QWidget

from app.base.services import Services
from app.look.theme import Theme
from app.measured.form import MeasuredForm
from app.measured.job import Opened, compare, look_at, open_files, write_empty, write_practice, write_report
from app.measured.probe_pictures import ProbePictures
from app.measured.view import MeasuredView
from app.widgets.ask_path import ask_files, ask_open, ask_path
from app.widgets.basics import make_badge, make_button, make_column, make_heading, make_label, make_row
from app.widgets.editors import ChoiceBox
from app.widgets.job_line import JobLine, Reading
from app.widgets.plain_table import PlainTable
from app.widgets.segmented import Segmented
from app.widgets.tabs import WorkPage
from core.experiments.measured.compare import CompareProgress, Comparison, Cut, Row, choose_probes
from core.experiments.measured.compare_tables import HEADER, SIMULATED_WARNING, lay_out_row
from core.experiments.measured.measured import Measured
from core.experiments.measured.planned import Measure
from core.experiments.measured.trial import ENDINGS
from core.experiments.measured.trials import takes
from core.stimuli.manifest import MANIFEST
from core.templates import read_formulas

OPEN, LOOK, COMPARE = "measured files", "measured look", "comparison"
FORM_WIDTH = 346
PICTURES_LEAST = 300
TABLE_HEIGHT = 170
COLUMNS = [name for name in HEADER if name != "measure"]
"""The measure is chosen above the table."""
FILES_FILTER = f"Responses ({' '.join('*' + ending for ending in ENDINGS)});;All files (*)"
TABLE_FILTER, IDS_FILTER, MASK_FILTER = "Table (*.csv)", "Ids or events (*.txt *.csv *.tsv)", "NIfTI (*.nii *.nii.gz)"
ASKS = "Do measured responses move as the stimulus set predicted?"
EMPTY = (
    "Open a stimulus set and the responses measured with it, or drop both here.\n\n"
    "A table needs a column that names the stimulus and one for each voxel or ROI;\n"
    "“Empty table…” makes one."
)


class MeasuredPage(WorkPage):
    """Opens, shows what was found, compares, and leads from a point to its pictures."""

    def __init__(self, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._opened: Opened | None = None
        self._measured: Measured | None = None
        self.comparison: Comparison | None = None
        self._rows: tuple[Row, ...] = ()
        self._probe = -1
        self.form = MeasuredForm()
        self.run = make_button("Compare", "big")
        self.export = make_button("Save report…")
        self.work = JobLine()
        self.view, self.pictures = MeasuredView(), ProbePictures()
        self.table = PlainTable("Measured against predicted, by network", COLUMNS)
        self.warnings = make_label("", "muted", wraps=True)
        self.badge = make_badge("simulated responses", "warning")
        self.measure = Segmented([(one, one.words, _explain(one)) for one in Measure])
        self.cut = ChoiceBox("Group probes by")
        self.formulas = make_button("Formulas", "link", tip="How every number is defined")
        self.stack = QStackedWidget()
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()
        self._refresh()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.view.set_theme(theme)

    def hasHeightForWidth(self) -> bool:
        """Plot and pictures take the height there is: wrapped texts must not make the page taller than the window."""
        return False

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take a set's folder or manifest, and measured files."""
        if any(_takes(Path(url.toLocalFile())) for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped: a set, its responses, or both at once."""
        event.acceptProposedAction()
        self.open_paths([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open sets and responses among some paths."""
        sets = [path for path in paths if _is_set(path)]
        files = [path for path in paths if not _is_set(path) and takes(path)]
        if sets:
            self.form.take_set(sets[-1])
        if files:
            self.form.take_files(files)

    def take_comparison(self, comparison: Comparison) -> None:
        """Show an answer."""
        self.comparison = comparison
        self.work.say("Done.", share=1.0)
        simulated = comparison.measured.findings.is_simulated
        self.badge.setVisible(simulated)
        self.badge.setToolTip(SIMULATED_WARNING)
        self.warnings.setText("\n".join(comparison.warnings))
        self.warnings.setVisible(bool(comparison.warnings))
        self._fill_cuts(comparison)
        self._probe = -1
        self.pictures.clear()
        self.view.choose(-1)
        self.fill_table()
        self.stack.setCurrentIndex(1)
        self._refresh()

    @Slot()
    def fill_table(self) -> None:
        """Show the rows of the chosen measure and cut; the first is drawn."""
        if self.comparison is None:
            return
        cut = Cut(self.cut.value() or Cut.ALL)
        self._rows = self.comparison.select(measure=Measure(self.measure.value()), cut=cut)
        cells = [lay_out_row(row) for row in self._rows]
        self.table.fill([(str(number), [row[name] for name in COLUMNS]) for number, row in enumerate(cells)])
        self.table.select_key("0")
        self.draw_row()

    @Slot()
    def draw_row(self) -> None:
        """Draw the chosen row."""
        row = self.chosen_row()
        if self.comparison is not None and row is not None:
            chosen = choose_probes(self.comparison.shifts.probes, row.cut, row.value)
            self.view.show_row(self.comparison, row, chosen)
            if self._probe >= 0:
                self.pictures.show_probe(self.comparison, self._probe, row.network)

    def chosen_row(self) -> Row | None:
        """The row of the table that is drawn."""
        key = self.table.current_key()
        return self._rows[int(key)] if key and int(key) < len(self._rows) else None

    @Slot(int)
    def show_probe(self, number: int) -> None:
        """Show the pictures of a probe."""
        row = self.chosen_row()
        if self.comparison is not None and row is not None:
            self._probe = number
            self.view.choose(number)
            self.pictures.show_probe(self.comparison, number, row.network)

    @Slot()
    def show_formulas(self) -> None:
        """Say how every number is defined."""
        text = "".join(
            f"<p><b>{html.escape(name)}</b>: {html.escape(text)}</p>"
            for name, text in read_formulas("comparison").items()
        )
        QMessageBox(QMessageBox.Icon.NoIcon, "Formulas", text, QMessageBox.StandardButton.Close, self).open()

    def save_to(self, folder: Path) -> str:
        """Write the report into a new folder. Raises ProbeError if it is not free."""
        if self.comparison is None:
            raise RuntimeError("There is no comparison to save.")
        return write_report(self.comparison, folder)

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidget(self.form)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        head = (make_label("Measured", "title"), make_label(ASKS, "muted", wraps=True))
        left = QWidget()
        left.setProperty("role", "panel")
        left.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        left.setFixedWidth(FORM_WIDTH)
        column = make_column(*head, scroll, self.run, self.work, self.export, margin=16)
        column.setStretch(2, 1)
        left.setLayout(column)
        empty = make_label(EMPTY, "muted")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack.addWidget(empty)
        self.stack.addWidget(self._make_answer())
        right = QWidget()
        right.setProperty("role", "panel")
        right.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        right.setLayout(make_column(self.stack))
        row = make_row(left, right, gap=6)
        row.setStretch(1, 1)
        self.setLayout(row)

    def _make_answer(self) -> QWidget:
        self.cut.setToolTip("One row a network, or one for each group of probes")
        self.table.setFixedHeight(TABLE_HEIGHT)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        for place, name in enumerate(COLUMNS):
            role = Qt.ItemDataRole.ToolTipRole
            self.table.model().setHeaderData(place, Qt.Orientation.Horizontal, HEADER[name], role)
        top = make_row(self.measure, -1, self.badge, self.formulas)
        self.pictures.setMinimumWidth(PICTURES_LEAST)
        middle = make_row(self.view, self.pictures, gap=12)
        middle.setStretch(0, 2)
        middle.setStretch(1, 1)
        numbers = make_row(make_heading("Numbers"), -1, make_label("Group by", "muted"), self.cut)
        column = make_column(top, middle, numbers, self.table, self.warnings, margin=12)
        column.setStretch(1, 1)
        answer = QWidget()
        answer.setLayout(column)
        return answer

    def _connect(self) -> None:
        form = self.form
        form.reread.connect(self._reread)
        form.changed.connect(self._look)
        form.set_requested.connect(self._ask_set)
        form.files_requested.connect(partial(self._ask_files, "Open responses", FILES_FILTER, form.take_files))
        form.masks_requested.connect(partial(self._ask_files, "Open ROI masks", MASK_FILTER, form.take_masks))
        form.ids_requested.connect(partial(self._ask_files, "Open the trials' ids", IDS_FILTER, form.take_ids))
        form.template_requested.connect(self._ask_template)
        form.practice_requested.connect(self._ask_practice)
        self.formulas.clicked.connect(self.show_formulas)
        self.run.clicked.connect(self.start_or_cancel)
        self.export.clicked.connect(self._ask_report)
        self.measure.chosen.connect(self.fill_table)
        self.cut.currentIndexChanged.connect(self.fill_table)
        self.table.itemSelectionChanged.connect(self.draw_row)
        self.view.probe_chosen.connect(self.show_probe)
        self.work.changed.connect(self._refresh)

    @Slot()
    def start_or_cancel(self) -> None:
        """Compare; while it runs, cancel."""
        if self.work.busy:
            self.work.cancel()
        elif self._measured is not None:
            self.work.run(
                self._session.lane,
                COMPARE,
                partial(compare, self._measured, self.form.config()),
                title="Comparing measured with predicted shifts…",
                on_done=self._take_done,
                read=lambda at: Reading(at.done / max(at.n_rows, 1), f"{at.done} of {at.n_rows} rows"),
            )

    def _submit(self, kind: str, work: Callable[[], Any], done: Callable[[Any], None], title: str) -> None:
        self._session.lane.submit(kind, lambda _stop: work(), on_done=done, refuse=self._refuse, title=title)

    @Slot()
    def _reread(self) -> None:
        """Open set and files again; what was computed of others is forgotten."""
        self._opened, self._measured = None, None
        self._refresh()
        if self.form.folder is not None:
            work = partial(open_files, self.form.folder, self.form.paths, self.form.reading())
            self._submit(OPEN, work, self._take_opened, "Reading the stimulus set and its responses…")
        elif self.form.paths:
            self.form.refuse("Open the stimulus set these responses were measured with.")

    def _take_opened(self, opened: Opened) -> None:
        self._opened = opened
        self.form.show_plan(opened.plan)
        self.form.show_columns(opened.trials.columns if opened.trials is not None else ())
        self._look()

    @Slot()
    def _look(self) -> None:
        """Join set and trials as the form says, and show what was found."""
        if self._opened is not None:
            work = partial(look_at, self._opened, self.form.matching())
            self._submit(LOOK, work, self._take_look, "Matching the responses to the set…")

    def _take_look(self, measured: Measured | None) -> None:
        self._measured = measured
        self.form.show_findings(measured.findings if measured is not None else None)
        self._refresh()

    def _take_done(self, record: CompareProgress) -> None:
        if record.result is not None:
            self.take_comparison(record.result)

    def _refuse(self, text: str) -> None:
        """A bad file is reported beside its field."""
        self._measured = None
        self.form.refuse(text)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        busy = self.work.busy
        reason = "" if busy else self._reason()
        self.run.setText("Cancel" if busy else "Compare")
        self.run.setEnabled(not reason)
        self.run.setToolTip(reason)
        self.export.setEnabled(self.comparison is not None)
        self.export.setToolTip("Report, tables and figures in a new folder" if self.comparison else "Compare first")

    def _reason(self) -> str:
        """Why nothing can be compared now; "" if it can."""
        if self.form.folder is None:
            return "Open a stimulus set first"
        if self._measured is None:
            return "Open responses that fit the set first"
        if self._measured.findings.unknown and not self.form.accepts_unknown():
            return "Some ids are not in the set: tick “Ignore unknown ids”, or correct the file"
        return ""

    def _fill_cuts(self, comparison: Comparison) -> None:
        cuts = dict.fromkeys(row.cut for row in comparison.rows)
        self.cut.set_choices((cut, "nothing: all probes" if cut is Cut.ALL else str(cut)) for cut in cuts)

    @Slot()
    def _ask_set(self) -> None:
        chosen = ask_open(self, "Open a stimulus set", self._start_folder())
        if chosen is not None:
            self.form.take_set(chosen)

    def _ask_files(self, title: str, pattern: str, take: Callable[[Sequence[Path]], None]) -> None:
        chosen = ask_files(self, title, self._start_folder(), pattern)
        if chosen:
            take(chosen)

    @Slot()
    def _ask_template(self) -> None:
        path = self._ask_table("Write an empty table", "measured")
        if path is not None and self._opened is not None:
            self._session.controller.write("Writing an empty table…", partial(write_empty, self._opened.plan, path))

    @Slot()
    def _ask_practice(self) -> None:
        path = self._ask_table("Write SIMULATED responses", "simulated")
        if path is not None and self._opened is not None:
            make = partial(write_practice, self._opened.plan, path)
            take = self.form.take_files
            self._session.controller.write("Simulating responses…", make, on_done=lambda made: take([made]))

    @Slot()
    def _ask_report(self) -> None:
        chosen = ask_open(self, "Save the report in", self._start_folder())
        if chosen is not None and self.comparison is not None:
            folder = chosen / f"{self.comparison.measured.plan.name}-measured"
            self._session.controller.write("Saving the report…", partial(write_report, self.comparison, folder))

    def _ask_table(self, title: str, ending: str) -> Path | None:
        if self._opened is None:
            return None
        start = Path(self._start_folder()) / f"{self._opened.plan.name}_{ending}.csv"
        return ask_path(self, title, str(start), TABLE_FILTER)

    def _start_folder(self) -> str:
        known = self.form.paths[0] if self.form.paths else self.form.folder
        return str(known.parent) if known is not None else str(Path.home())


def _is_set(path: Path) -> bool:
    return path.name == MANIFEST or (path / MANIFEST).is_file()


def _takes(path: Path) -> bool:
    return _is_set(path) or takes(path)


def _explain(measure: Measure) -> str:
    return {
        Measure.SHIFT: "The measured shift of the perturbed stimulus, and that of the control",
        Measure.CONTROL: "What the control of equal norm does by itself: it should do little",
        Measure.CONTRAST: "Perturbed against control: what the direction adds to a change of that size",
    }[measure]
