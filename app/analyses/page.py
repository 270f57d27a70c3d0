"""The workspace of one question: form, cost, run and cancel, the answer's figure, its export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QWidget

from app.analyses.answer_view import AnswerView, DisagreementView, DiscriminabilityView, FragilityView
from app.analyses.meaning_view import MeaningView
from app.analyses.numbers_table import lay_out_columns
from app.analyses.sweep_form import SweepForm
from app.analyses.sweep_job import Finished, Underway, begin_analysis, copy_results, iter_analysis, read_progress
from app.analyses.transfer_view import TransferView
from app.base.services import Services
from app.base.turns import Turns
from app.look.theme import theme_in_use
from app.widgets.ask_path import ask_open, ask_path
from app.widgets.basics import (
    allow,
    make_badge,
    make_button,
    make_column,
    make_heading,
    make_label,
    make_panel,
    make_row,
    make_split,
    set_look,
    show_text,
)
from app.widgets.captions import EmptyState
from app.widgets.form import attempt
from app.widgets.full_panel import MARK, make_full_button
from app.widgets.image_view import PictureMenu
from app.widgets.job_line import Reading
from app.widgets.plain_table import PlainTable
from app.widgets.plot_view import PlotView
from app.widgets.recent_button import RecentButton
from app.widgets.where_row import WhereRow
from app.widgets.work_page import JobPage
from core.cluster.where import Where
from core.datasets.subject import SubjectInfo, load_subject
from core.errors import ProbeError
from core.paths import data_folder
from core.reports.draw_plot import FORMATS, save_plots
from core.reports.inks import find_inks
from core.session.files import ANALYSES, MOST, list_recent
from core.stimuli.plan import PROBES_EACH
from core.sweeps.cells import find_store
from core.sweeps.config import Question, SweepConfig
from core.sweeps.plan import SWEEP, name_layers
from core.sweeps.step_seconds import measure_step_seconds
from core.templates import read_formulas

JOB, STEP_SECONDS = "analysis", "pace"
NO_MASK = "The mask of Explore is not used: an analysis lets images change everywhere."
UNFINISHED = "This analysis is not finished: run it to go on where it stopped."
LEAST_TABLE = 64
SHARES = (100, 43)
"""Of the height, for the figure and the table; the line between them can be dragged."""
VIEWS: dict[Question, type[AnswerView]] = {
    Question.FRAGILITY: FragilityView,
    Question.DISCRIMINABILITY: DiscriminabilityView,
    Question.TRANSFER: TransferView,
    Question.MEANING: MeaningView,
    Question.DISAGREEMENT: DisagreementView,
}
ASKS = {
    Question.FRAGILITY: "How much do predicted responses change when the image changes slightly?",
    Question.DISCRIMINABILITY: "Which measure tells encoders apart better: sensitivity or predictivity?",
    Question.TRANSFER: "Do perturbations made for one encoder also move the others?",
    Question.MEANING: "Which ROIs, places and spatial frequencies do perturbations touch?",
    Question.DISAGREEMENT: "Which pairs of encoders can one image tell apart, raising one and lowering the other?",
}


class AnalysisPage(JobPage):
    """One question; `probe_requested` (config, encoder, target, image) asks for a probe to be shown in Explore."""

    probe_requested = Signal(object, int, int, int)
    collect_requested = Signal(object)
    """The config of the analysis whose probes go into the tray."""
    open_requested = Signal(object)
    """The folder of an analysis to be shown; None to ask for one."""

    RUN, RUN_TIP = "Run the analysis", "The same settings resume where they stopped"
    STOP_TIP = RUN_TIP
    EXPORT_TIP = "Save the report, figures (SVG, PDF, PNG) and tables (CSV; Parquet with the extra `parquet`)"
    EXPORT_LATER = "Run the analysis first"

    def __init__(self, question: Question, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.question, self._session = question, session
        self.finished: Finished | None = None
        self.form, self.where = SweepForm(question), WhereRow(session)
        ask = partial(self.open_requested.emit, None)
        self.earlier = RecentButton("Earlier…", partial(list_analyses, question), self.open_requested.emit, ask)
        self.collect = make_button("Add probes to the tray", do=self._collect)
        self.table = PlainTable("Numbers", stretches=False, sorts=True)
        self.no_mask = make_label("", "muted", wraps=True)
        self.badge, self.answer_badge, self.so_far = make_badge(), make_badge(), make_badge("", "warning")
        self._answer = make_column(margin=12)
        self._plots: list[PlotView] = []
        self._lay_out()
        self._connect()
        self.refresh()
        Turns(self).begin(self._make_view())

    def _make_view(self) -> Iterator[object]:
        kind = VIEWS[self.question]
        while "view" not in vars(self) and len(self._plots) < kind.PLOTS:
            self._plots.append(PlotView())
            yield self._plots
        yield self.view

    @cached_property
    def view(self) -> AnswerView:
        """What draws the answer, over its numbers; made in turns of its own, or when it is first asked for."""
        view = VIEWS[self.question](self._plots)
        view.probe_requested.connect(self._ask)
        for plot in view.findChildren(PlotView):
            menu = PictureMenu(plot)
            menu.said.connect(self._session.controller.noted)
            menu.figure_wanted.connect(partial(self._save_plot, plot))
            plot.setProperty(MARK, "Plot")
        told = make_label("Formulas", "muted")
        told.setToolTip("\n".join(f"{name}: {text}" for name, text in read_formulas(self.question).items()))
        head = make_row(make_heading("Numbers"), told, -1, self.so_far, self.answer_badge, self.collect)
        below = make_panel(make_column(head, self.table))
        head.addWidget(make_full_button(below, "Numbers"))
        self._answer.addWidget(make_split(view, below, shares=SHARES, upright=True))
        return view

    def follow_subject(self) -> None:
        """List the encoders of the subject in Explore."""
        subject, catalogue = self._session.state.subject, self._session.controller.catalogue
        if subject is not None:
            encoders = catalogue.encoders_of(subject.id)
            keys = [(one.network, one.layer) for one in encoders]
            usual = [key for key in keys if catalogue.is_usual(subject.id, *key)]
            self.form.set_subject(subject, encoders, usual)
            _show_kinds(self.badge, (subject.id,), catalogue.subjects)

    def start(self) -> None:
        """Run or resume the sweep."""
        if (config := attempt(self.form.value, self.form.problem)) is not None:
            self._begin(config)

    def _take_up(self, config: SweepConfig) -> None:
        self.form.set_value(config)  # which does not show every setting
        self._begin(config)

    def _begin(self, config: SweepConfig) -> None:
        self.where.run(self.work, partial(begin_analysis, config), partial(self._run, config))

    def _run(self, config: SweepConfig, where: Where) -> None:
        self.work.run(
            self._session.lane,
            JOB,
            partial(iter_analysis, self._session.engine, config, where),
            title=f"{self.question.capitalize()}…",
            on_done=self.take_answer,
            read=self._take_progress,
            stopped="Stopped. Run again to resume.",
        )

    def work_to_copy(self) -> SweepConfig:
        """The analysis the form describes."""
        return self.form.value()

    def take_answer(self, finished: Finished) -> None:
        """Show an answer, or what there is of one that was stopped."""
        self.finished = finished if finished.is_whole else None
        if not self.work.busy:  # an answer opened with a session tells nothing of the one that is made
            self.work.say(f"Done. Files in {finished.folder}" if finished.is_whole else UNFINISHED, share=1.0)
        self._show(finished)

    def _take_progress(self, record: object) -> Reading | None:
        if isinstance(record, Underway):
            self.where.follow(record.store)
        if isinstance(record, Underway) and record.so_far is not None:
            if record.so_far is not self.shown:
                self.finished = None
                self._show(record.so_far)
            self._tell_so_far(int(record.progress.done))
        return read_progress(record)

    @property
    def shown(self) -> Finished | None:
        """What is drawn: what is finished, or what of it is finished so far."""
        return self.view.finished

    def _show(self, finished: Finished) -> None:
        whose = "; ".join(load_subject(one).named for one in finished.sweep.config.subjects)
        for plot in self.view.findChildren(PlotView):
            plot.whose = whose if finished.is_whole else f"{whose}, preliminary"
        self.view.show_answer(finished)
        _show_kinds(self.answer_badge, finished.sweep.config.subjects, self._session.controller.catalogue.subjects)
        self._fill_table(finished)
        self._tell_so_far(finished.n_done)
        self.stack.setCurrentIndex(1)
        self.refresh()

    def _tell_so_far(self, n_done: int) -> None:
        """Say how much of the analysis what is drawn stands for."""
        if (shown := self.shown) is not None:
            config, whole = shown.sweep.config, shown.whole
            parts = (("encoders", config.encoders, whole.encoders), ("targets", config.targets, whole.targets))
            some = ", ".join(f"{len(part)} of {len(every)} {name}" for name, part, every in parts)
            self.so_far.setText(f"Preliminary: {n_done} of {shown.n_cells} cells, {some}")
            self.so_far.setVisible(not shown.is_whole)

    def _lay_out(self) -> None:
        self.table.setMinimumHeight(LEAST_TABLE)
        title = make_row(make_label(self.question.capitalize(), "title"), -1, self.badge)
        form = (title, make_label(ASKS[self.question], "muted", wraps=True), self.no_mask, self.form)
        empty = EmptyState("No results yet", "Choose encoders and targets, then run the analysis.")
        self.lay_out(form, self._answer, empty=empty, more=[self.earlier], above=[self.where])

    def _connect(self) -> None:
        self.where.again.connect(self.start)
        self.where.seek(SWEEP, self._take_up, fits=lambda config: config.question is self.question)
        self.form.changed.connect(self.refresh)
        self._session.state.attack_changed.connect(self.refresh)
        self.form.changed.connect(self._measure)
        self._session.state.subject_changed.connect(self.follow_subject)
        self._session.controller.catalogue_changed.connect(self.follow_subject)

    def refresh(self) -> None:
        """Show what can be done now."""
        ready = self.form.config is not None
        reason = "" if ready else self.form.problem.text() or "Choose a subject in Explore first"
        self.show_state(reason, answered=self.finished is not None)
        show_text(self.no_mask, NO_MASK if self._session.state.attack.mask else "")
        n_probes = 0 if self.finished is None else count_probes(self.finished.sweep.config)
        tip = f"Add the {n_probes} probes behind these results, each at the highest budget, made again and compared"
        allow(self.collect, "" if self.finished else self.EXPORT_LATER, tip)

    def _measure(self) -> None:
        """Measure the speed of networks whose cost could only be guessed; what was measured before is read."""
        config = self.form.config
        layers = () if config is None else name_layers(config)
        if any(layer not in self.form.step_seconds for layer in layers):
            self._session.lane.submit(
                f"{STEP_SECONDS} of {self.question}",
                lambda stop: measure_step_seconds(self._session.engine, layers, should_stop=stop),
                on_done=self.form.set_step_seconds,
                refuse=lambda _text: None,  # the cost stays a guess
                title="Timing the networks…",
            )

    def _fill_table(self, finished: Finished) -> None:
        columns, formulas = lay_out_columns(finished.table), read_formulas(self.question)
        numbers = [number for number, one in enumerate(columns) if not all(isinstance(cell, str) for cell in one.cells)]
        tips = [find_formula(one.name, formulas) for one in columns]
        self.table.set_header([one.title for one in columns], tips, right=numbers)
        rows = list(zip(*(one.cells for one in columns), strict=True))
        keys = [str(row[0]) for row in rows]
        self.table.fill(list(zip(keys, rows, strict=True)), tips=[find_formula(key, formulas) for key in keys])

    def ask_export(self) -> None:
        """Ask where, and copy the answer's files there."""
        parent = ask_open(self, "Save the analysis in", Path.home())
        if parent is not None and self.finished is not None:
            make = partial(copy_results, self.finished.folder, parent / self.finished.folder.name)
            self._session.controller.write("Saving the analysis…", make)

    def save_plot_to(self, plot: PlotView, path: Path) -> str:
        """Save one plot in the theme's colours, told whose responses it shows. Raises ProbeError if it cannot be."""
        caption = "" if self.shown is None else caption_of(self.shown)
        return save_plots([plot.shown], path, find_inks(theme_in_use().name), caption=caption)

    def _save_plot(self, plot: PlotView) -> None:
        kinds = ";;".join(f"{kind.upper()} (*.{kind})" for kind in FORMATS)
        if chosen := ask_path(self, "Save figure", f"{self.question}.svg", kinds):
            self._session.controller.write("Saving the figure…", partial(self.save_plot_to, plot, chosen))

    def _collect(self) -> None:
        if self.finished is not None:
            self.collect_requested.emit(self.finished.sweep)

    def _ask(self, encoder: int, target: int, image: int) -> None:
        if self.shown is not None:
            self.probe_requested.emit(self.shown.sweep.config, encoder, target, image)


def list_analyses(question: Question) -> list[tuple[Path, str]]:
    """The newest analyses of a question made or opened here, by folder, with the time and what they cover."""
    places = {*(data_folder() / "analyses").glob(f"{question}-*"), *list_recent(ANALYSES)}
    found = []
    for folder in sorted(places, key=lambda one: one.stat().st_mtime, reverse=True):
        with suppress(ProbeError):
            store = find_store(SWEEP, folder)
            if store.config.question is question:
                made = datetime.fromtimestamp(folder.stat().st_mtime).strftime("%d %b %Y %H:%M")
                rest = ", not finished" * bool(store.missing())
                found.append((folder, f"{made}: {store.config.describe().split(',')[0]}{rest}"))
    return found[:MOST]


def find_formula(name: str, formulas: Mapping[str, str]) -> str:
    """The formula of the quantity that a column or a row is named after, with its own name; "" for none."""
    found = [key for key in formulas if key in name.lower() or key.lower() in name.lower()]
    return f"{max(found, key=len)}: {formulas[max(found, key=len)]}" if found else ""


def caption_of(shown: Finished) -> str:
    """What a saved plot says under it: whose responses, how they were probed, and whether that is all of it."""
    config = shown.sweep.config
    so_far = "" if shown.is_whole else f" Preliminary: the analysis asks for {shown.whole.describe()}."
    return f"{'; '.join(load_subject(one).named for one in config.subjects)}. {config.describe()}.{so_far}"


def count_probes(config: SweepConfig) -> int:
    """Probes behind the points of an analysis, at one budget."""
    aims, n_encoders = len(config.images) * len(config.targets) * len(config.norms), len(config.encoders)
    if config.question is Question.DISAGREEMENT:
        return aims * len(PROBES_EACH) * n_encoders * (n_encoders - 1) // 2
    return aims * n_encoders * len(config.directions)


def _show_kinds(badge: QLabel, subjects: Sequence[str], known: Sequence[SubjectInfo]) -> None:
    """Say whose responses are shown, and whether they are simulated or measured."""
    shown = [info for info in known if info.id in subjects]
    kinds = sorted({info.kind for info in shown})
    badge.setText(" and ".join(kinds))
    badge.setToolTip("\n".join(f"{info.title}: {info.note}" for info in shown))
    set_look(badge, "badge", "warning" if "simulated" in kinds else "accent")
