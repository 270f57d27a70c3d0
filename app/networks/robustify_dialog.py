"""Asks for a robust fine-tuning and follows it: time left, live loss, cancel, go on. Never trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QWidget,
)

from app.look.theme import Theme
from app.networks.loss_view import LossView
from app.widgets.basics import make_button, make_column, make_label, make_row, pad_spin_box
from core.errors import BadInputError
from core.networks.spec import NetworkSpec
from core.robustify.config import RobustifyConfig
from core.robustify.options import LARGEST_EPSILON, RobustifyOptions

EXPLANATION = (
    "Label-free adversarial fine-tuning: the features of perturbed photographs are pulled to the network's own "
    "features of the clean ones. The original stays as it is; the result becomes a network of yours, measured against "
    "it. A cancelled training goes on from where it stopped when it is started again with the same values."
)
DEFAULTS = RobustifyConfig()
WIDTH = 660
MOST_PHOTOGRAPHS = 10_000_000


class RobustifyDialog(QDialog):
    """A form, and the state of the training under it.

    Signals
    -------
    start_requested(object)
        The `RobustifyOptions`.
    cancel_requested
    """

    start_requested = Signal(object)
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Robustify a network")
        self.setMinimumWidth(WIDTH)
        self._running = False
        self.network = QComboBox()
        self.network.setAccessibleName("Network")
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Folder of photographs")
        self.folder.setPlaceholderText("Any photographs, searched through; some thousands are good")
        self.epsilon = QDoubleSpinBox()
        self.epsilon.setRange(0.01, LARGEST_EPSILON)
        self.epsilon.setSingleStep(0.5)
        self.epsilon.setValue(DEFAULTS.epsilon)
        self.epsilon.setSuffix("  L2 at 224 px, [0, 1] pixels")
        self.photographs = QSpinBox()
        self.photographs.setRange(1, MOST_PHOTOGRAPHS)
        self.photographs.setSingleStep(1000)
        self.photographs.setGroupSeparatorShown(True)
        self.photographs.setValue(DEFAULTS.n_images)
        self.photographs.setSuffix(" seen in all, with repetition")
        for box in (self.epsilon, self.photographs):
            pad_spin_box(box)
        self.title = QLineEdit()
        self.title.setAccessibleName("Title")
        self.title.setPlaceholderText("The network's title, robustified")
        self._make_state()
        self._lay_out()
        self._connect()
        self.show_idle()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.loss.set_theme(theme)

    def set_networks(self, specs: Sequence[NetworkSpec], current: str = "") -> None:
        """Offer networks to start from."""
        wanted = current or self.network.currentData()
        with QSignalBlocker(self.network):
            self.network.clear()
            for spec in specs:
                self.network.addItem(spec.title, spec.id)
            self.network.setCurrentIndex(max(0, self.network.findData(wanted)))
        self._refresh()

    def options(self) -> RobustifyOptions:
        """What the form says. Raises BadInputError for a value that cannot be used."""
        return RobustifyOptions(
            network=str(self.network.currentData()),
            images=Path(self.folder.text().strip()).expanduser(),
            epsilon=self.epsilon.value(),
            n_images=self.photographs.value(),
            title=self.title.text().strip(),
        )

    def show_running(self, text: str) -> None:
        """A training starts."""
        self._running = True
        self.error.hide()
        self.loss.clear()
        self.progress.setRange(0, 0)
        self.note.setText(text)
        for part in (self.progress, self.loss):
            part.show()
        self._refresh()

    def show_progress(self, n_seen: int, n_images: int, *, losses: tuple[float, float], text: str) -> None:
        """How far it is, with the running losses (perturbed, clean)."""
        self.progress.setRange(0, n_images)
        self.progress.setValue(n_seen)
        self.loss.add(n_seen, *losses)
        self.note.setText(text)

    def show_idle(self, note: str = "", error: str = "") -> None:
        """Nothing runs; tells how it ended."""
        self._running = False
        self.progress.hide()
        self.loss.setVisible(self.loss.has_points)
        self.note.setText(note)
        self.error.setText(error)
        self.error.setVisible(bool(error))
        self._refresh()

    def _make_state(self) -> None:
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.loss = LossView()
        self.note = make_label(role="muted", wraps=True)
        self.error = make_label(role="field-error", wraps=True)
        self.start = make_button("Start", "primary")
        self.stop = make_button("Cancel training", tip="Stop after this batch; the same values go on from there")
        self._close = make_button("Close", tip="The training goes on while this is closed")
        self._browse = make_button("Choose…", tip="Choose a folder of photographs")

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        folder = make_row(self.folder, self._browse)
        folder.setStretch(0, 1)
        form.addRow("Network", self.network)
        form.addRow("Photographs", folder)
        form.addRow("Epsilon", self.epsilon)
        form.addRow("Amount", self.photographs)
        form.addRow("Title", self.title)
        text = make_label(EXPLANATION, "muted", wraps=True)
        buttons = make_row(-1, self.stop, self._close, self.start)
        self.setLayout(
            make_column(text, form, self.error, self.note, self.progress, self.loss, buttons, gap=12, margin=24)
        )

    def _connect(self) -> None:
        self._browse.clicked.connect(self._choose)
        self._close.clicked.connect(self.close)
        self.stop.clicked.connect(self.cancel_requested)
        self.start.clicked.connect(self._ask)
        self.folder.textChanged.connect(self._refresh)

    @Slot()
    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of photographs", self.folder.text() or str(Path.home()))
        if chosen:
            self.folder.setText(chosen)

    @Slot()
    def _refresh(self) -> None:
        reason = "" if self.folder.text().strip() else "Choose a folder of photographs first"
        reason = "No network here can be trained" if self.network.count() == 0 else reason
        self.start.setVisible(not self._running)
        self.start.setEnabled(not reason)
        self.start.setToolTip(reason or "Start, or go on from where the same training stopped")
        self.stop.setVisible(self._running)
        for field in (self.network, self.folder, self.epsilon, self.photographs, self.title, self._browse):
            field.setEnabled(not self._running)

    @Slot()
    def _ask(self) -> None:
        try:
            self.start_requested.emit(self.options())
        except BadInputError as error:
            self.show_idle(error=str(error))
