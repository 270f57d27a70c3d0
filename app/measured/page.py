"""The work space after the experiment: set and responses in, measured against predicted shifts out."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLayout, QMessageBox, QStackedWidget, QWidget

from app.base.services import Services
from app.measured.form import MeasuredForm
from app.measured.probe_pictures import ProbePictures
from app.measured.view import MeasuredView
from app.widgets.ask_path import ask_open, ask_path
from app.widgets.basics import make_badge, make_button, make_column, make_heading, make_label, make_row
from app.widgets.captions import EmptyState
from app.widgets.editors import ChoiceBox
from app.widgets.job_line import Reading
from app.widgets.plain_table import PlainTable
from app.widgets.plot_picker import PlotPicker
from app.widgets.segmented import Segmented
from app.widgets.work_page import JobPage
from core.errors import BadInputError
from core.experiments.measured.compare import Comparison, Cut, Row, choose_probes, iter_compare
from core.experiments.measured.compare_plots import plot_judgement
from core.experiments.measured.compare_tables import HEADER, SIMULATED_WARNING, describe_judgement, lay_out_row
from core.experiments.measured.measured import Measured, match_trials
from core.experiments.measured.planned import Measure, MeasuredPlan, plan_set
from core.experiments.measured.practise import SimulateOptions, simulate_responses, write_template
from core.experiments.measured.trial import ReadOptions, Trials
from core.experiments.measured.trials import read_for, takes
from core.progress import Progress
from core.session.files import SETS, add_recent
from core.session.record import MeasuredRecord
from core.session.reference import refer_as_opened
from core.stimuli.manifest import MANIFEST, read_manifest
from core.templates import read_formulas

OPEN, LOOK, COMPARE = "measured files", "measured look", "comparison"
PICTURES_LEAST = 300
TABLE_HEIGHT = 170
SHIFTS, JUDGED = "shifts", "judged"
PARTS = (
    (SHIFTS, "Shifts", "Measured against predicted shifts"),
    (JUDGED, "Which model?", "Control by level sets, and which encoder wins on controversial probes"),
)
COLUMNS = [name for name in HEADER if name != "measure"]
"""The measure is chosen above the table."""
ASKS = "Do measured responses move as the stimulus set predicted?"
EMPTY = (
    "Open a stimulus set and the responses measured with it, or drop both here. A table needs a column that names the "
    "stimulus and one for each voxel or ROI; “Empty table…” makes one."
)


Opened = tuple[MeasuredPlan, Trials | None]
"""A set that was read and checked, and the trials measured with it; None before there is a file."""


class MeasuredPage(JobPage):
    """Opens, shows what was found, compares, and leads from a point to its pictures."""

    RUN = "Compare"
    EXPORT, EXPORT_TIP, EXPORT_LATER = "Save report…", "Report, tables and figures in a new folder", "Compare first"

    def __init__(self, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._opened: Opened | None = None
        self._measured: Measured | None = None
        self.comparison: Comparison | None = None
        self._rows: tuple[Row, ...] = ()
        self._probe = -1
        self._kept: MeasuredRecord | None = None  # of a session that is being opened
        self.form = MeasuredForm()
        self.view, self.pictures = MeasuredView(), ProbePictures()
        self.table = PlainTable("Measured against predicted, by network", stretches=False)
        self.warnings, self.hint = make_label("", "muted", wraps=True), make_label("", "faint", wraps=True)
        self.badge = make_badge("simulated responses", "warning")
        self.measure = Segmented([(one, one.words, _explain(one)) for one in Measure])
        self.cut = ChoiceBox("Group probes by")
        self.part = Segmented(PARTS)
        self.judged, self.parts = PlotPicker("Figure"), QStackedWidget()
        self.formulas = make_button("Formulas", "link", tip="How every number is defined")
        head = (make_label("Measured", "title"), make_label(ASKS, "muted", wraps=True))
        self.lay_out((*head, self.form), self._make_answer(), empty=EmptyState("Nothing compared yet", EMPTY))
        self._connect()
        self.refresh()

    def work_to_copy(self) -> object:
        """The comparison the form describes."""
        from core.commands.works import ask_comparison

        form = self.form
        if form.folder is None or not form.paths:
            raise BadInputError(f"{self._reason()}: then what compares them can be copied.")
        return ask_comparison(form.folder, form.paths, form.reading(), form.matching(), form.config())

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open sets and responses among some paths."""
        sets = [path for path in paths if _is_set(path)]
        files = [path for path in paths if not _is_set(path) and takes(path)]
        if sets:
            self.form.take_set(sets[-1])
        if files:
            self.form.take_files(files)

    def record(self) -> MeasuredRecord | None:
        """What is open, for a session; None before there is a set."""
        files = {what: refer_as_opened(path.absolute()) for what, path in self.form.files().items()}
        return MeasuredRecord(files, self.form.values(), self.comparison is not None) if files else None

    def restore(self, files: Mapping[str, Path], record: MeasuredRecord) -> None:
        """Open what a session kept and was found again, and compare it again where it was compared."""
        self._kept = record
        self.form.set_values(record.fields)
        self.form.open(files)

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
        plots = [plot for group in plot_judgement(comparison).values() for plot in group]
        self.judged.show_plots(plots, list(describe_judgement(comparison)))
        self.part.setVisible(bool(plots))
        self.show_part(JUDGED if plots else SHIFTS)
        self._probe = -1
        self.pictures.clear()
        self.view.choose(-1)
        self.fill_table()
        self.stack.setCurrentIndex(1)
        self.refresh()

    def show_part(self, part: str) -> None:
        """Show shifts, or what level sets and controversial probes say."""
        self.part.set_value(part)
        self.parts.setCurrentIndex(int(part == JUDGED))
        self.measure.setVisible(part == SHIFTS)

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

    def draw_row(self) -> None:
        """Draw the chosen row."""
        row = self.chosen_row()
        if self.comparison is not None and row is not None:
            chosen = choose_probes(self.comparison.shifts.probes, row.cut, row.value)
            self.hint.setText(self.view.show_row(self.comparison, row, chosen))
            if self._probe >= 0:
                self.pictures.show_probe(self.comparison, self._probe, row.network)

    def chosen_row(self) -> Row | None:
        """The row of the table that is drawn."""
        key = self.table.current_key()
        return self._rows[int(key)] if key and int(key) < len(self._rows) else None

    def show_probe(self, number: int) -> None:
        """Show the pictures of a probe."""
        row = self.chosen_row()
        if self.comparison is not None and row is not None:
            self._probe = number
            self.view.choose(number)
            self.pictures.show_probe(self.comparison, number, row.network)

    def show_formulas(self) -> None:
        """Say how every number is defined."""
        text = "".join(
            f"<p><b>{html.escape(name)}</b>: {html.escape(text)}</p>"
            for name, text in read_formulas("comparison").items()
        )
        QMessageBox(QMessageBox.Icon.NoIcon, "Formulas", text, QMessageBox.StandardButton.Close, self).open()

    def _make_answer(self) -> QLayout:
        self.cut.setToolTip("One row a network, or one for each group of probes")
        self.table.setFixedHeight(TABLE_HEIGHT)
        self.table.set_header(COLUMNS, [HEADER[name] for name in COLUMNS])
        top = make_row(self.part, self.measure, -1, self.badge, self.formulas)
        self.pictures.setMinimumWidth(PICTURES_LEAST)
        middle = make_row(make_column(self.view, self.hint, gap=4, stretch=0), self.pictures, gap=12, shares=(2, 1))
        numbers = make_row(make_heading("Numbers"), -1, make_label("Group by", "muted"), self.cut)
        shifts = QWidget()
        shifts.setLayout(make_column(middle, numbers, self.table, stretch=0))
        for widget in (shifts, self.judged):
            self.parts.addWidget(widget)
        return make_column(top, self.parts, self.warnings, margin=12, stretch=1)

    def _connect(self) -> None:
        form = self.form
        form.reread.connect(self._reread)
        form.changed.connect(self._look)
        form.template.clicked.connect(partial(self._ask_table, "measured"))
        form.practice.clicked.connect(partial(self._ask_table, "simulated"))
        self.formulas.clicked.connect(self.show_formulas)
        self.measure.chosen.connect(self.fill_table)
        self.part.chosen.connect(self.show_part)
        self.cut.currentIndexChanged.connect(self.fill_table)
        self.table.itemSelectionChanged.connect(self.draw_row)
        self.view.picked.connect(self.show_probe)

    def start(self) -> None:
        """Compare."""
        measured, config = self._measured, self.form.config()
        if measured is not None:
            self.work.run(
                self._session.lane,
                COMPARE,
                lambda stop: iter_compare(measured, config, should_stop=stop),
                title="Comparing measured with predicted shifts…",
                on_done=self._take_done,
                read=lambda at: Reading(at.share, f"{at.done} of {at.total} rows"),
            )

    def _submit(self, kind: str, work: Callable[[], Any], done: Callable[[Any], None], title: str) -> None:
        self._session.lane.submit(kind, lambda _stop: work(), on_done=done, refuse=self._refuse, title=title)

    def _reread(self) -> None:
        """Open set and files again; what was computed of others is forgotten."""
        self._opened, self._measured = None, None
        self.refresh()
        if self.form.folder is not None:
            work = partial(_open_files, self.form.folder, self.form.paths, self.form.reading())
            self._submit(OPEN, work, self._take_opened, "Reading the stimulus set and its responses…")
        elif self.form.paths:
            self.form.refuse("Open the stimulus set these responses were measured with.")

    def _take_opened(self, opened: Opened) -> None:
        self._opened = opened
        plan, trials = opened
        with self._session.problems.shown():
            add_recent(plan.folder, SETS)
        self.form.show_plan(plan)
        self.form.show_columns(() if trials is None else trials.columns)
        if self._kept is not None:
            self.form.set_values(self._kept.fields)  # those that only the files offer, too
        self._look()

    def _look(self) -> None:
        """Join set and trials as the form says, and show what was found."""
        plan, trials = self._opened or (None, None)
        if plan is not None and trials is not None:
            work = partial(match_trials, plan, trials, self.form.matching())
            self._submit(LOOK, work, self._take_look, "Matching the responses to the set…")
        elif plan is not None:
            self._take_look(None)

    def _take_look(self, measured: Measured | None) -> None:
        self._measured = measured
        self.form.show_findings(measured.findings if measured is not None else None)
        self.refresh()
        kept, self._kept = self._kept, None
        if kept is not None and kept.compared and not self._reason():
            self.start()

    def _take_done(self, record: Progress[Comparison]) -> None:
        if record.result is not None:
            self.take_comparison(record.result)

    def _refuse(self, text: str) -> None:
        """A bad file is reported beside its field."""
        self._measured = self._kept = None
        self.form.refuse(text)
        self.refresh()

    def refresh(self) -> None:
        """Show what can be done now."""
        self.show_state(self._reason(), answered=self.comparison is not None)

    def _reason(self) -> str:
        """Why nothing can be compared now; "" if it can."""
        if self.form.folder is None:
            return "Open a stimulus set first"
        if self._measured is None:
            return "Open responses that fit the set first"
        if self._measured.findings.unknown and not self.form.unknown.value():
            return "Some ids are not in the set: tick “Ignore unknown ids”, or correct the file"
        return ""

    def _fill_cuts(self, comparison: Comparison) -> None:
        cuts = dict.fromkeys(row.cut for row in comparison.rows)
        self.cut.set_choices((cut, "none (all probes)" if cut is Cut.ALL else str(cut)) for cut in cuts)

    def _ask_table(self, ending: str, *_clicked: bool) -> None:
        """Ask for a file, and write an empty table to fill in, or simulated responses that are then opened."""
        plan, _ = self._opened or (None, None)
        title = "Write SIMULATED responses" if ending == "simulated" else "Write an empty table"
        if plan is None:
            return
        start = self.form.start_folder() / f"{plan.name}_{ending}.csv"
        path, write = ask_path(self, title, str(start), "Table (*.csv)"), self._session.controller.write
        if path is not None and ending == "simulated":
            make = partial(simulate_responses, plan, path, SimulateOptions())
            write("Simulating responses…", make, on_done=lambda made: self.form.take_files([made]))
        elif path is not None:
            write("Writing an empty table…", partial(_write_empty, plan, path))

    def ask_export(self) -> None:
        """Ask where, and write the report there."""
        chosen = ask_open(self, "Save the report in", self.form.start_folder())
        if chosen is not None and self.comparison is not None:
            folder = chosen / f"{self.comparison.measured.plan.name}-measured"
            self._session.controller.write("Saving the report…", partial(_write_report, self.comparison, folder))


def _write_report(comparison: Comparison, folder: Path) -> str:
    from core.experiments.measured.compare_report import write_comparison

    return f"Saved the comparison to {write_comparison(comparison, folder)}"


def _write_empty(plan: MeasuredPlan, path: Path) -> str:
    return f"Saved an empty table to {write_template(plan, path)}. Further lines for the same stimulus are repeats."


def _open_files(folder: Path, paths: Sequence[Path], reading: ReadOptions) -> Opened:
    plan = plan_set(read_manifest(folder))
    return plan, read_for(plan, paths, reading) if paths else None


def _is_set(path: Path) -> bool:
    return path.name == MANIFEST or (path / MANIFEST).is_file()


def _explain(measure: Measure) -> str:
    return {
        Measure.SHIFT: "The measured shift of the perturbed stimulus, and that of the control",
        Measure.CONTROL: "What the control of equal norm does by itself: it should do little",
        Measure.CONTRAST: "Perturbed against control: what the direction adds to a change of that size",
    }[measure]
