"""The workspace of one question: form, cost, run and cancel, the answer's figure, its export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QLabel,
    QLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.analyses.answer_view import AnswerView
from app.analyses.discriminability_view import DiscriminabilityView
from app.analyses.fragility_view import FragilityView
from app.analyses.meaning_view import MeaningView
from app.analyses.sweep_form import SweepForm
from app.analyses.sweep_job import Finished, copy_analysis, iter_analysis
from app.analyses.transfer_view import TransferView
from app.base.pictures import FORMATS, save_plot
from app.base.services import Services
from app.look.theme import Theme
from app.widgets.ask_path import ask_open, ask_path
from app.widgets.basics import (
    make_badge,
    make_button,
    make_column,
    make_heading,
    make_label,
    make_line,
    make_row,
    set_look,
)
from app.widgets.image_view import PictureMenu
from app.widgets.job_line import JobLine, Reading
from app.widgets.tabs import WorkPage
from app.widgets.themed_plot import ThemedPlot
from core.datasets.subject import SubjectInfo, load_subject
from core.sweeps.config import Question, SweepConfig
from core.sweeps.plan import name_layers
from core.sweeps.step_seconds import measure_step_seconds
from core.templates import read_formulas

JOB, STEP_SECONDS = "analysis", "pace"
EXPORT_TIP = "Save the report, figures (SVG, PDF, PNG) and tables (CSV; Parquet with the extra `parquet`)"
RUN_TIP = "The same settings resume where they stopped"
NO_SUBJECT_TIP = "Choose a subject in Explore first"
FORM_WIDTH = 324
LEAST_TABLE = 64
SHARES = (100, 24)
"""Of the height, for the figure and the table; the line between them can be dragged."""
VIEWS: dict[Question, type[AnswerView]] = {
    Question.FRAGILITY: FragilityView,
    Question.DISCRIMINABILITY: DiscriminabilityView,
    Question.TRANSFER: TransferView,
    Question.MEANING: MeaningView,
}
ASKS = {
    Question.FRAGILITY: "How much do predicted responses change when the image changes slightly?",
    Question.DISCRIMINABILITY: "Which measure tells encoders apart better: sensitivity or predictivity?",
    Question.TRANSFER: "Do perturbations made for one encoder also move the others?",
    Question.MEANING: "Which ROIs, places and spatial frequencies do perturbations touch?",
}


class AnalysisPage(WorkPage):
    """One question; `probe_requested` (config, encoder, target, image) asks for a probe to be shown in Explore."""

    probe_requested = Signal(object, int, int, int)
    collect_requested = Signal(object)
    """The config of the analysis whose probes go into the tray."""

    def __init__(self, question: Question, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question, self._session = question, session
        self.finished: Finished | None = None
        self.form = SweepForm(question)
        self.view = VIEWS[question]()
        self.run = make_button("Run the analysis", "big", tip=RUN_TIP)
        self.export = make_button("Export…", tip="Run the analysis first")
        self.collect = make_button("Add probes to the tray", tip="Run the analysis first")
        self.work = JobLine()
        self.table = QTableWidget()
        self.stack = QStackedWidget()
        self.badge, self.answer_badge = make_badge(), make_badge()
        self._lay_out()
        self._connect()
        self._refresh()

    @property
    def question(self) -> Question:
        """Which analysis it is."""
        return self._question

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.view.set_theme(theme)

    @Slot()
    def follow_subject(self) -> None:
        """List the encoders of the subject in Explore."""
        subject, catalogue = self._session.state.subject, self._session.controller.catalogue
        if subject is not None:
            encoders = catalogue.encoders_of(subject.id)
            usual = [(one.network, one.layer) for one in encoders if _is_usual(catalogue, one.network, one.layer)]
            self.form.set_subject(subject, encoders, usual)
            _show_kinds(self.badge, (subject.id,), catalogue.subjects)

    @Slot()
    def start_or_cancel(self) -> None:
        """Run or resume; while it runs, cancel."""
        config = self.form.config_if_valid()
        if self.work.busy:
            self.work.cancel()
        elif config is not None:
            self.work.run(
                self._session.lane,
                JOB,
                partial(iter_analysis, self._session.engine, config),
                title=f"{self._question.capitalize()}…",
                on_done=self.take_answer,
                read=read_progress,
                stopped="Stopped. Run again to resume.",
            )

    def take_answer(self, finished: Finished) -> None:
        """Show an answer."""
        self.finished = finished
        if not self.work.busy:  # an answer opened with a session tells nothing of the one that is made
            self.work.say(f"Done. Files in {finished.folder}", share=1.0)
        self.view.show_answer(finished)
        _show_kinds(self.answer_badge, finished.sweep.config.subjects, self._session.controller.catalogue.subjects)
        self._fill_table(finished)
        self.stack.setCurrentIndex(1)
        self._refresh()

    def save_to(self, target: Path) -> str:
        """Copy the answer's files into a new folder. Raises ProbeError if it is not free."""
        if self.finished is None:
            raise RuntimeError("There are no results to save.")
        return copy_analysis(self.finished.folder, target)

    def _lay_out(self) -> None:
        title = make_row(make_label(self._question.capitalize(), "title"), -1, self.badge)
        left = self._make_left(title)
        empty = make_label("Choose encoders and targets, then run the analysis.", "muted")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        answer = QWidget()
        self.table.setMinimumHeight(LEAST_TABLE)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        told = make_label("Formulas", "muted")
        told.setToolTip("\n".join(f"{name}: {text}" for name, text in read_formulas(self._question).items()))
        numbers = make_row(make_heading("Numbers"), told, -1, self.answer_badge)
        below = QWidget()
        below.setLayout(make_column(numbers, self.table))
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setChildrenCollapsible(False)
        for place, (part, share) in enumerate(zip((self.view, below), SHARES, strict=True)):
            parts.addWidget(part)
            parts.setStretchFactor(place, share)
        parts.setSizes([6 * share for share in SHARES])
        answer.setLayout(make_column(parts, margin=12))
        self.stack.addWidget(empty)
        self.stack.addWidget(answer)
        right = QWidget()
        right.setProperty("role", "panel")
        right.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        right.setLayout(make_column(self.stack))
        row = make_row(left, right, gap=6)
        row.setStretch(1, 1)
        self.setLayout(row)

    def _make_left(self, title: QLayout) -> QWidget:
        """The form scrolls; what runs it, stops it and saves its answer is always in sight."""
        wishes = QWidget()
        asks = make_label(ASKS[self._question], "muted", wraps=True)
        wishes.setLayout(make_column(title, asks, self.form, -1, margin=16))
        scroll = QScrollArea()
        scroll.setWidget(wishes)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        foot = make_column(self.run, self.work, make_row(self.export, self.collect))
        foot.setContentsMargins(16, 4, 16, 12)
        left = QWidget()
        left.setProperty("role", "panel")
        left.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        left.setFixedWidth(FORM_WIDTH + 14)
        column = make_column(scroll, make_line(), foot, gap=0)
        column.setStretch(0, 1)
        left.setLayout(column)
        return left

    def _connect(self) -> None:
        self.run.clicked.connect(self.start_or_cancel)
        self.export.clicked.connect(self._export)
        self.collect.clicked.connect(self._collect)
        self.form.changed.connect(self._refresh)
        self.form.changed.connect(self._measure)
        self.view.probe_requested.connect(self._ask)
        for plot in self.view.findChildren(ThemedPlot):
            menu = PictureMenu(plot, plot.accessibleName())
            menu.said.connect(self._session.controller.noted)
            menu.figure_wanted.connect(partial(self._save_plot, plot))
        self._session.state.subject_changed.connect(self.follow_subject)
        self._session.controller.catalogue_changed.connect(self.follow_subject)
        self.work.changed.connect(self._refresh)

    @Slot()
    def _refresh(self) -> None:
        busy = self.work.busy
        ready = self.form.config_if_valid() is not None
        self.run.setText("Cancel" if busy else "Run the analysis")
        self.run.setEnabled(busy or ready)
        self.run.setToolTip(RUN_TIP if busy or ready else self.form.problem.text() or NO_SUBJECT_TIP)
        self.export.setEnabled(self.finished is not None)
        self.collect.setEnabled(self.finished is not None)
        n_probes = 0 if self.finished is None else count_probes(self.finished.sweep.config)
        tip = f"Add the {n_probes} probes behind these results, each at the highest budget"
        self.collect.setToolTip(tip if self.finished else "Run the analysis first")
        self.export.setToolTip(EXPORT_TIP if self.finished else "Run the analysis first")

    @Slot()
    def _measure(self) -> None:
        """Measure the speed of networks whose cost could only be guessed; what was measured before is read."""
        config = self.form.config_if_valid()
        layers = () if config is None else name_layers(config)
        if any(layer not in self.form.step_seconds for layer in layers):
            self._session.lane.submit(
                f"{STEP_SECONDS} of {self._question}",
                lambda stop: measure_step_seconds(self._session.engine, layers, should_stop=stop),
                on_done=self.form.set_step_seconds,
                refuse=lambda _text: None,  # the cost stays a guess
                title="Timing the networks…",
            )

    def _fill_table(self, finished: Finished) -> None:
        table = finished.table
        formulas = read_formulas(self._question)
        self.table.clear()
        self.table.setColumnCount(len(table.columns))
        self.table.setRowCount(len(table.rows))
        for line, row in enumerate(table.rows):
            for column, value in enumerate(row):
                text = f"{value:.3g}" if isinstance(value, float) else str(value)
                item = QTableWidgetItem(text)
                item.setToolTip(find_formula(text, formulas) if column == 0 else "")
                self.table.setItem(line, column, item)
        for column, name in enumerate(table.columns):
            head = QTableWidgetItem(name)
            head.setToolTip(find_formula(name, formulas))
            self.table.setHorizontalHeaderItem(column, head)
        self.table.resizeColumnsToContents()

    @Slot()
    def _export(self) -> None:
        parent = ask_open(self, "Save the analysis in", Path.home())
        if parent is not None and self.finished is not None:
            target = parent / self.finished.folder.name
            self._session.controller.write("Saving the analysis…", partial(copy_analysis, self.finished.folder, target))

    def save_plot_to(self, plot: ThemedPlot, path: Path) -> str:
        """Save one plot as it looks, told whose responses it shows. Raises ProbeError if it cannot be written."""
        return save_plot(plot, "" if self.finished is None else caption_of(self.finished.sweep.config), path)

    def _save_plot(self, plot: ThemedPlot) -> None:
        kinds = ";;".join(f"{kind.upper()} (*.{kind})" for kind in FORMATS)
        chosen = ask_path(self, "Save figure", f"{self._question}.svg", kinds)
        if chosen is not None:
            with self._session.problems.shown():
                self._session.controller.noted.emit(self.save_plot_to(plot, chosen))

    @Slot()
    def _collect(self) -> None:
        if self.finished is not None:
            self.collect_requested.emit(self.finished.sweep.config)

    @Slot(int, int, int)
    def _ask(self, encoder: int, target: int, image: int) -> None:
        if self.finished is not None:
            self.probe_requested.emit(self.finished.sweep.config, encoder, target, image)


def read_progress(record: Any) -> Reading | None:
    """How far a sweep or a study is, by its cells; its last record is the answer."""
    if not hasattr(record, "n_cells"):
        return None
    text = f"{record.done} of {record.n_cells}: {record.cell}"
    return Reading(record.done / max(record.n_cells, 1), text, record.seconds_left)


def find_formula(name: str, formulas: Mapping[str, str]) -> str:
    """The formula of the quantity that a column or a row is named after, with its own name; "" for none."""
    found = [key for key in formulas if key in name.lower() or key.lower() in name.lower()]
    return f"{max(found, key=len)}: {formulas[max(found, key=len)]}" if found else ""


def caption_of(config: SweepConfig) -> str:
    """What a saved plot says under it: whose responses, and how they were probed."""
    subjects = [load_subject(one) for one in config.subjects]
    whose = [one.title if one.kind in one.title.lower() else f"{one.title} ({one.kind})" for one in subjects]
    return f"{'; '.join(whose)}. {config.describe()}"


def count_probes(config: SweepConfig) -> int:
    """Probes behind the points of an analysis, at one budget."""
    aims = len(config.targets) * len(config.directions) * len(config.norms)
    return len(config.images) * len(config.encoders) * aims


def _is_usual(catalogue: Any, network: str, layer: str) -> bool:
    spec = catalogue.spec_of(network)
    return spec is not None and spec.default_layer == layer


def _show_kinds(badge: QLabel, subjects: Sequence[str], known: Sequence[SubjectInfo]) -> None:
    """Say whose responses are shown, and whether they are simulated or measured."""
    shown = [info for info in known if info.id in subjects]
    kinds = sorted({info.kind for info in shown})
    badge.setText(" and ".join(kinds))
    badge.setToolTip("\n".join(f"{info.title}: {info.note}" for info in shown))
    set_look(badge, "badge", "warning" if "simulated" in kinds else "accent")
