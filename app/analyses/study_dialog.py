"""Asks for a test of the method and shows its answer: cost, progress by cell, sentences, figures. Never runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QTabWidget,
    QWidget,
)

from app.analyses.study_job import FIGURES, StudyFinished
from app.widgets.basics import make_badge, make_button, make_column, make_label, make_row, pad_spin_box
from app.widgets.progress_line import ProgressLine
from app.widgets.segmented import Segmented
from core.errors import BadInputError
from core.sweeps.plan import format_duration
from core.sweeps.step_seconds import Layer
from core.sweeps.study.config import StudyConfig, make_quick
from core.sweeps.study.plan import describe_cost

EXPLANATION = (
    "Voxels are simulated in layers of the embedded networks, so their true axes are known. Other layers and networks "
    "are fitted to their noisy responses, probed, and the probes are shown to the true voxels: which encoder is "
    "nearest to the truth, which measure would have picked it, and when do the paper's four findings hold?"
)
FIRST_SIZE = QSize(980, 760)
FIELD_WIDTH = 150
MOST_SEED = 2**31 - 1
LARGEST_EPSILON = 30.0


class ScaledImage(QLabel):
    """A picture as wide as there is room for, in its own proportions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(200, 160)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)  # the room decides, not the picture

    def show_picture(self, whole: QPixmap) -> None:
        """Show another one."""
        self._whole = whole
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the new room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._whole.isNull():
            ratio = self.devicePixelRatioF()
            kept, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            fitted = self._whole.scaled(self.size() * ratio, kept, smooth)
            fitted.setDevicePixelRatio(ratio)
            self.setPixmap(fitted)


class StudyDialog(QDialog):
    """A form above the answer.

    Signals
    -------
    start_requested(object)
        The `StudyConfig`.
    cancel_requested, report_requested, save_requested
    """

    start_requested = Signal(object)
    cancel_requested = Signal()
    report_requested = Signal()
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Test the method")
        self.resize(FIRST_SIZE)
        self._running, self._paces = False, dict[Layer, float]()
        self._make_form()
        self._make_state()
        self._lay_out()
        self._connect()
        self.show_idle()

    def value(self) -> StudyConfig:
        """The study as wished. Raises BadInputError with one sentence if it cannot be run."""
        try:
            noise = tuple(float(word) for word in self.noise.text().split(",") if word.strip())
        except ValueError as error:
            raise BadInputError("Noise levels are numbers above 0, with commas between them.") from error
        seed = self.seed.value()
        first = make_quick(seed) if self.extent.value() == "quick" else StudyConfig(seed=seed)
        return replace(first, noise=noise, epsilon=self.epsilon.value(), n_images=self.images.value())

    def set_paces(self, paces: Mapping[Layer, float]) -> None:
        """Take the measured speed of each network; the cost is told from it."""
        self._paces = dict(paces)
        self._look_again()

    def show_running(self) -> None:
        """A study starts."""
        self._running = True
        self.progress.set_share(0)
        self.note.setText("Starting…")
        self._refresh()

    def show_progress(self, done: int, n_cells: int, *, cell: str, seconds_left: float | None) -> None:
        """How far it is, by cell."""
        self.progress.set_share(done / max(n_cells, 1))
        left = "" if seconds_left is None else f", {format_duration(seconds_left)} left"
        self.note.setText(f"{done} of {n_cells}: {cell}{left}")

    def show_idle(self, note: str = "", error: str = "") -> None:
        """Nothing runs; tells how it ended."""
        self._running = False
        self.note.setText(note)
        self.error.setText(error)
        self.error.setVisible(bool(error))
        self._refresh()

    def show_answer(self, finished: StudyFinished) -> None:
        """Show what was found."""
        self.progress.set_share(1.0)
        self.show_idle(f"Done. Files in {finished.folder}")
        self.answer.setText("\n\n".join(finished.sentences))
        for tab, path in finished.pictures.items():
            self.pictures[tab].show_picture(QPixmap(str(path)))
        self.badge.show()
        self.tabs.setCurrentIndex(0)
        self.tabs.setEnabled(True)
        for button in (self.report, self.save):
            button.setEnabled(True)
            button.setToolTip("")

    def _make_form(self) -> None:
        self.extent = Segmented(
            (
                ("full", "Full", "Four teachers, eight candidates, three noise levels: tens of minutes on two cores"),
                ("quick", "Quick", "Two teachers, four candidates: a minute or two, with wide intervals"),
            )
        )
        self.noise = QLineEdit("0.5, 1, 2")
        self.noise.setAccessibleName("Noise levels")
        self.noise.setToolTip("SD of the noise of a single measurement, in SDs of the signal; with commas between them")
        self.epsilon = QDoubleSpinBox()
        self.epsilon.setRange(0.01, LARGEST_EPSILON)
        self.epsilon.setValue(StudyConfig().epsilon)
        self.epsilon.setSuffix("  L2")
        self.epsilon.setAccessibleName("Epsilon")
        self.images, self.seed = QSpinBox(), QSpinBox()
        self.images.setRange(2, 64)
        self.images.setValue(StudyConfig().n_images)
        self.images.setAccessibleName("Images probed")
        self.seed.setRange(0, MOST_SEED)
        self.seed.setAccessibleName("Seed")
        for box in (self.epsilon, self.images, self.seed):
            pad_spin_box(box)
        for field in (self.noise, self.epsilon, self.images, self.seed):
            field.setFixedWidth(FIELD_WIDTH)

    def _make_state(self) -> None:
        self.cost, self.note = make_label("", "muted", wraps=True), make_label("", "muted", wraps=True)
        self.error = make_label("", "field-error", wraps=True)
        self.progress = ProgressLine()
        self.start = make_button("Run the test", "primary", tip="The same settings go on where they were stopped")
        self.stop = make_button("Cancel", tip="Finished cells stay; run again to go on")
        self.report = make_button("Open the report", tip="Run the test first")
        self.save = make_button("Save…", tip="Run the test first")
        self.badge = make_badge("simulated", "warning")
        self.badge.hide()
        self.answer = make_label("The answer appears here.", wraps=True)
        self.answer.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pictures = {tab: ScaledImage() for tab in FIGURES}
        self.tabs = QTabWidget()
        self.tabs.addTab(_pad(self.answer), "Answer")
        for tab, picture in self.pictures.items():
            self.tabs.addTab(picture, tab)
        self.tabs.setEnabled(False)
        for button in (self.report, self.save):
            button.setEnabled(False)

    def _lay_out(self) -> None:
        left, right = QFormLayout(), QFormLayout()
        left.addRow("Extent", self.extent)
        left.addRow("Noise (signal SD)", self.noise)
        right.addRow("Epsilon at 224 px", self.epsilon)
        right.addRow("Images probed", self.images)
        right.addRow("Seed", self.seed)
        form = make_row(left, 40, right, -1)
        buttons = make_row(self.badge, -1, self.save, self.report, self.stop, self.start)
        text = make_label(EXPLANATION, "muted", wraps=True)
        state = (self.cost, self.error, self.progress, self.note)
        column = make_column(text, form, *state, self.tabs, buttons, gap=10, margin=20)
        column.setStretchFactor(self.tabs, 1)
        self.setLayout(column)

    def _connect(self) -> None:
        self.extent.chosen.connect(self._choose_extent)
        self.noise.editingFinished.connect(self._look_again)
        for box in (self.epsilon, self.images, self.seed):
            box.valueChanged.connect(self._look_again)
        self.start.clicked.connect(self._ask)
        self.stop.clicked.connect(self.cancel_requested)
        self.report.clicked.connect(self.report_requested)
        self.save.clicked.connect(self.save_requested)

    @Slot()
    def _choose_extent(self) -> None:
        first = make_quick() if self.extent.value() == "quick" else StudyConfig()
        self.noise.setText(", ".join(f"{level:g}" for level in first.noise))
        self.images.setValue(first.n_images)
        self._look_again()

    @Slot()
    def _look_again(self) -> None:
        try:
            cost = describe_cost(self.value(), self._paces)
            self.cost.setText(cost if self._paces else "Measuring how fast the networks are here…")
            self.error.setText("")
        except BadInputError as error:
            self.cost.setText("")
            self.error.setText(str(error))
        self.error.setVisible(bool(self.error.text()))
        self._refresh()

    def _refresh(self) -> None:
        self.start.setVisible(not self._running)
        self.start.setEnabled(not self.error.text())
        self.stop.setVisible(self._running)
        for field in (self.extent, self.noise, self.epsilon, self.images, self.seed):
            field.setEnabled(not self._running)

    @Slot()
    def _ask(self) -> None:
        try:
            self.start_requested.emit(self.value())
        except BadInputError as error:
            self.show_idle(error=str(error))


def _pad(inside: QWidget) -> QWidget:
    holder = QWidget()
    holder.setLayout(make_column(inside, margin=12))
    return holder
