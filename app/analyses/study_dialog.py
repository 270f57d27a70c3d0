"""The test of the method in the window: what is asked, its cost, progress by cell, sentences and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QDialog, QTabWidget, QWidget

from app.analyses.sweep_form import NORMS
from app.analyses.sweep_job import (
    FIGURES,
    STUDY_FILES,
    StudyFinished,
    begin_study,
    copy_results,
    iter_study,
    read_progress,
)
from app.base.services import Services
from app.widgets.ask_path import ask_open
from app.widgets.basics import allow, bring, fill_dialog, make_badge, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.desk import Desk, Feature, does
from app.widgets.form import MOST_SEED, Count, Fields, Pick, Text
from app.widgets.image_view import PictureLabel
from app.widgets.job_line import JobLine
from app.widgets.where_row import WhereRow
from core.attacks.config import parse_epsilon, write_epsilon
from core.cluster.where import Where
from core.commands.works import CommandWork
from core.errors import BadInputError
from core.sweeps.config import rescale_budget
from core.sweeps.step_seconds import Layer, measure_step_seconds
from core.sweeps.study.config import StudyConfig, make_quick
from core.sweeps.study.plan import STUDY, estimate_study
from core.types import NormName

EXPLANATION = (
    "Voxels are simulated in layers of the embedded networks, so their true axes are known. Other layers and networks "
    "are fitted to their noisy responses, probed, and the probes are shown to the true voxels: which encoder is "
    "nearest to the truth, which measure would have picked it, and when do the paper's four findings hold?"
)
FIRST_SIZE = QSize(980, 760)
FIELD_WIDTH = 150
LEAST_PICTURE = (200, 160)
EXTENTS = (
    ("full", "Full", "Six teachers, six candidates: about half an hour on two cores"),
    ("quick", "Quick", "Two teachers, four candidates: a minute or two, with wide intervals"),
)
BUSY = "The test is running"


class Study(Feature):
    """Holds the dialog."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.dialog: StudyDialog | None = None

    @does("study")
    def show_study(self) -> None:
        """Open the dialog and measure how fast the networks are here."""
        if self.dialog is None:
            self.dialog = StudyDialog(self._session, self._desk.parent)
            self.dialog.where.seek(STUDY, self.dialog.run_study)
            self.dialog.measure()
        bring(self.dialog)


class StudyDialog(QDialog, Fields):
    """A form above the answer; runs the study on the lane."""

    extent = Pick("Extent", choices=EXTENTS, width=FIELD_WIDTH)
    noise = Text(
        "Noise (signal SD)",
        "SD of the noise of a single measurement, in SDs of the signal; separated by commas",
        settled=True,
        name="Noise levels",
        width=FIELD_WIDTH,
    )
    norm = Pick("Norm", choices=NORMS[:2], width=FIELD_WIDTH)
    epsilon = Text(
        "Epsilon at 224 px",
        "Budget of the probes in [0, 1] pixel units; Linf also as 2/255",
        settled=True,
        name="Epsilon",
        width=FIELD_WIDTH,
    )
    n_images = Count("Images probed", "Number of held-out images to probe", least=2, most=64, width=FIELD_WIDTH)
    seed = Count("Seed", "Seed of the simulated voxels, the noise and the probes", most=MOST_SEED, width=FIELD_WIDTH)

    def __init__(self, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.finished_study: StudyFinished | None = None
        self.resize(FIRST_SIZE)
        self._step_seconds, self._bad = dict[Layer, float](), ""
        self.make_fields()
        self._make_state()
        self._lay_out()
        self.work.changed.connect(self._refresh)
        self._show_study(StudyConfig())
        self.take_norm()

    def value(self) -> StudyConfig:
        """The study as wished. Raises BadInputError with one sentence if it cannot be run."""
        try:
            noise = tuple(float(word) for word in self.noise.words())
        except ValueError as error:
            raise BadInputError("Noise levels must be numbers above 0, separated by commas.") from error
        first = self._first(self.seed.value())
        norm = NormName(self.norm.value())
        epsilon = parse_epsilon(self.epsilon.value(), norm)
        return replace(first, noise=noise, norm=norm, epsilon=epsilon, n_images=self.n_images.value())

    def measure(self) -> None:
        """Measure how fast the networks are here."""
        measure = partial(measure_step_seconds, self._session.engine, StudyConfig().layers)
        self._session.lane.submit(
            "study pace",
            lambda stop: measure(should_stop=stop),
            on_done=self.set_step_seconds,
            title="Timing the networks…",
        )

    def run_study(self, config: StudyConfig) -> None:
        """Run or resume a study, and show its answer."""
        self.where.run(self.work, partial(begin_study, config), partial(self._run, config))

    def _run(self, config: StudyConfig, where: Where) -> None:
        self.work.run(
            self._session.lane,
            "study",
            partial(iter_study, self._session.engine, config, where),
            title="Testing the method…",
            on_done=self.show_answer,
            read=read_progress,
            stopped="Stopped. Run it again to resume.",
        )

    def set_step_seconds(self, step_seconds: Mapping[Layer, float]) -> None:
        """Store the measured speed of each network; the cost is estimated from it."""
        self._step_seconds = dict(step_seconds)
        self.tell()

    def show_answer(self, finished: StudyFinished) -> None:
        """Show what was found."""
        self.finished_study = finished
        self.work.say(f"Done. Files in {finished.folder}", share=1.0)
        self.answer.setText("\n\n".join(finished.sentences))
        for tab, path in finished.pictures.items():
            self.pictures[tab].show_image(QImage(str(path)))
        self.badge.show()
        self.tabs.setCurrentIndex(0)
        self.tabs.setEnabled(True)
        for button in (self.report, self.save):
            allow(button, "")

    def _make_state(self) -> None:
        self.cost, self.work = make_label("", "muted", wraps=True), JobLine()
        self.where = WhereRow(self._session)
        self.where.again.connect(self._start)
        tip = "The same settings resume where they stopped"
        self.start = make_button("Run the test", "primary", self._start, tip=tip)
        tip = "Finished cells are kept; run again to resume"
        self.stop = make_button("Cancel", do=self.work.cancel, tip=tip)
        self.report = make_button("Open the report", do=self._open_report)
        self.save = make_button("Save…", do=self._save)
        self.badge = make_badge("simulated", "warning")
        self.badge.hide()
        self.answer = make_label("The results appear here.", wraps=True)
        self.answer.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pictures = {tab: PictureLabel(tab, least=LEAST_PICTURE) for tab in FIGURES}
        self.tabs = QTabWidget()
        self.answer.setMargin(12)
        self.tabs.addTab(self.answer, "Answer")
        for tab, picture in self.pictures.items():
            self.tabs.addTab(picture, tab)
        self.tabs.setEnabled(False)
        for button in (self.report, self.save):
            allow(button, "Run the test first")

    def _lay_out(self) -> None:
        pairs = (("extent", "noise"), ("norm", "n_images"), ("epsilon", "seed"))
        words = {right: make_label(self.fields()[right].title, "muted") for _, right in pairs}
        for word in words.values():
            word.setMinimumWidth(words["noise"].sizeHint().width())
        form = self.make_rows(
            *((self.fields()[left].title, left, 40, words[right], right, -1) for left, right in pairs)
        )
        self.copy = make_copy_button(
            lambda: CommandWork("study", {"config": self.value(), "out": Path("study")}), self.work.error
        )
        buttons = make_row(self.badge, self.copy, -1, self.save, self.report, self.stop, self.start)
        text = make_label(EXPLANATION, "muted", wraps=True)
        parts = (text, form, self.where, self.cost, self.work, self.tabs, buttons)
        fill_dialog(self, "Simulation study", *parts, gap=10, margin=20, stretch=5)

    def take_extent(self, *_: object) -> None:
        """A quick study has fewer noise levels and images."""
        self._show_study(self._first(self.seed.value()))
        self.tell()

    def take_norm(self, *_: object) -> None:
        """Each norm has a budget that is usual."""
        norm, usual = NormName(self.norm.value()), StudyConfig()
        self.epsilon.set_value(write_epsilon(rescale_budget(usual.epsilon, usual.norm, to=norm), norm))
        self.tell()

    def tell(self) -> None:
        """Show the cost, or why it cannot be run."""
        try:
            cost, self._bad = estimate_study(self.value(), self._step_seconds).describe(), ""
        except BadInputError as error:
            cost, self._bad = "", error.plain
        self.cost.setText(cost if self._step_seconds or not cost else "Timing the networks…")
        self.work.refuse(self._bad)
        self._refresh()

    def _first(self, seed: int) -> StudyConfig:
        """The study of the extent, with nothing else chosen."""
        return make_quick(seed) if self.extent.value() == "quick" else StudyConfig(seed=seed)

    def _show_study(self, study: StudyConfig) -> None:
        self.show_config(study, keep=("noise", "norm", "epsilon"))
        self.noise.set_value(", ".join(f"{level:g}" for level in study.noise))

    def _refresh(self) -> None:
        self.start.setVisible(not self.work.busy)
        self.start.setEnabled(not self._bad)
        self.stop.setVisible(self.work.busy)
        self.allow_all(BUSY if self.work.busy else "")

    def _start(self) -> None:
        if (config := self.work.attempt(self.value)) is not None:
            self.run_study(config)

    def _open_report(self) -> None:
        if self.finished_study is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.finished_study.page)))

    def _save(self) -> None:
        parent = ask_open(self, "Save the test of the method in", Path.home())
        if parent is not None and self.finished_study is not None:
            folder = self.finished_study.folder
            make = partial(copy_results, folder, parent / folder.name, STUDY_FILES)
            self._session.controller.write("Saving the test of the method…", make)
