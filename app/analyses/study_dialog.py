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
from app.widgets.job_line import JobLine
from app.widgets.segmented import Segmented
from core.errors import BadInputError
from core.sweeps.pace import Layer
from core.sweeps.study.config import StudyConfig, make_quick
from core.sweeps.study.store import describe_cost

EXPLANATION = (
    "Voxels are simulated in layers of the embedded networks, so their true axes are known. Other layers and networks "
    "are fitted to their noisy responses, probed, and the probes are shown to the true voxels: which encoder is "
    "nearest to the truth, which measure would have picked it, and when do the paper's four findings hold?"
)
FIRST_SIZE = QSize(980, 760)
FIELD_WIDTH = 150
MOST_SEED = 2**31 - 1
LARGEST_EPSILON = 30.0


class Picture(QLabel):
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
    report_requested, save_requested
    """

    start_requested = Signal(object)
    report_requested = Signal()
    save_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Test the method")
        self.resize(FIRST_SIZE)
        self._paces, self._bad = dict[Layer, float](), ""
        self._make_form()
        self._make_state()
        self._lay_out()
        self._connect()
        self._refresh()

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

    def show_answer(self, finished: StudyFinished) -> None:
        """Show what was found."""
        self.work.say(f"Done. Files in {finished.folder}", share=1.0)
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
        self.cost, self.work = make_label("", "muted", wraps=True), JobLine()
        self.start = make_button("Run the test", "primary", tip="The same settings go on where they were stopped")
        self.stop = make_button("Cancel", tip="Finished cells stay; run again to go on")
        self.report = make_button("Open the report", tip="Run the test first")
        self.save = make_button("Save…", tip="Run the test first")
        self.badge = make_badge("simulated", "warning")
        self.badge.hide()
        self.answer = make_label("The answer appears here.", wraps=True)
        self.answer.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pictures = {tab: Picture() for tab in FIGURES}
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
        column = make_column(text, form, self.cost, self.work, self.tabs, buttons, gap=10, margin=20)
        column.setStretchFactor(self.tabs, 1)
        self.setLayout(column)

    def _connect(self) -> None:
        self.extent.chosen.connect(self._choose_extent)
        self.noise.editingFinished.connect(self._look_again)
        for box in (self.epsilon, self.images, self.seed):
            box.valueChanged.connect(self._look_again)
        self.start.clicked.connect(self._ask)
        self.stop.clicked.connect(self.work.cancel)
        self.work.changed.connect(self._refresh)
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
            self._bad = ""
        except BadInputError as error:
            self.cost.setText("")
            self._bad = str(error)
        self.work.refuse(self._bad)
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        self.start.setVisible(not self.work.busy)
        self.start.setEnabled(not self._bad)
        self.stop.setVisible(self.work.busy)
        for field in (self.extent, self.noise, self.epsilon, self.images, self.seed):
            field.setEnabled(not self.work.busy)

    @Slot()
    def _ask(self) -> None:
        try:
            self.start_requested.emit(self.value())
        except BadInputError as error:
            self.work.say(error=str(error))


def _pad(inside: QWidget) -> QWidget:
    holder = QWidget()
    holder.setLayout(make_column(inside, margin=12))
    return holder
