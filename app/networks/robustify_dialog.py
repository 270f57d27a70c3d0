"""Asks for a robust fine-tuning and follows it: time left, live loss, cancel, go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDialog, QWidget

from app.look.theme import Theme
from app.networks.loss_view import LossView
from app.widgets.basics import make_button, make_column, make_label, make_row
from app.widgets.form import Choice, Count, Fields, Number, PathText, Text
from app.widgets.job_line import JobLine, Reading
from core.errors import BadInputError
from core.networks.spec import NetworkSpec
from core.robustify.config import RobustifyConfig
from core.robustify.options import LARGEST_EPSILON, RobustifyOptions

EXPLANATION = (
    "Label-free adversarial fine-tuning: the features of perturbed photographs are pulled towards the network's own "
    "features of the clean ones. The original stays as it is; the result becomes a network of yours, measured against "
    "it. A cancelled training goes on from where it stopped when it is started again with the same values."
)
DEFAULTS = RobustifyConfig()
WIDTH = 660


class RobustifyDialog(QDialog, Fields):
    """A form, and the state of the training under it.

    Signals
    -------
    start_requested(object)
        The `RobustifyOptions`.
    """

    start_requested = Signal(object)

    network = Choice("Network")
    images = PathText(
        "Photographs",
        ask="Folder of photographs",
        hint="Any photographs, subfolders included; a few thousand work well",
        name="Folder of photographs",
    )
    epsilon = Number(
        "Epsilon",
        "L2 budget of the perturbations it is trained against",
        first=DEFAULTS.epsilon,
        least=0.01,
        most=LARGEST_EPSILON,
        step=0.5,
        unit="  L2 at 224 px, [0, 1] pixels",
    )
    n_images = Count(
        "Amount",
        "Photographs seen in total; each may be used repeatedly",
        first=DEFAULTS.n_images,
        least=1,
        most=10_000_000,
        step=1000,
        unit=" seen in total, with repetition",
    )
    title = Text("Title", hint="The network's title, robustified")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Robustify a network")
        self.setMinimumWidth(WIDTH)
        self.make_fields()
        self.n_images.setGroupSeparatorShown(True)
        self._make_state()
        self._lay_out()
        self._close.clicked.connect(self.close)
        self.stop.clicked.connect(self.work.cancel)
        self.work.changed.connect(self.refresh)
        self.start.clicked.connect(self._ask)
        self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Take the theme's colours."""
        self.loss.set_theme(theme)

    def set_networks(self, specs: Sequence[NetworkSpec], current: str = "") -> None:
        """List networks to start from."""
        self.network.set_choices([(spec.id, spec.title) for spec in specs], current or self.network.value())
        self.refresh()

    def options(self) -> RobustifyOptions:
        """What the form says. Raises BadInputError for a value that cannot be used."""
        return self.make_config(RobustifyOptions, images=self.images.path() or Path())

    def read_progress(self, progress: Any) -> Reading | None:
        """How far a training is; its losses (perturbed, clean) are drawn."""
        if not hasattr(progress, "n_seen"):
            return None
        self.loss.add(progress.n_seen, progress.loss, progress.clean_loss)
        where = f"at {progress.size} px, epsilon {progress.epsilon:.2f}"
        text = f"{progress.n_seen:,} of {progress.n_images:,} photographs {where}"
        return Reading(progress.n_seen / max(progress.n_images, 1), text, progress.seconds_left)

    def _make_state(self) -> None:
        self.work, self.loss = JobLine(), LossView()
        self.start = make_button("Start", "primary")
        self.stop = make_button("Cancel training", tip="Stop after this batch; the same values resume from there")
        self._close = make_button("Close", tip="Training continues while this is closed")

    def _lay_out(self) -> None:
        form = self.make_rows("network", "images", "epsilon", "n_images", "title", gap=8)
        text = make_label(EXPLANATION, "muted", wraps=True)
        buttons = make_row(-1, self.stop, self._close, self.start)
        self.setLayout(make_column(text, form, self.work, self.loss, buttons, gap=12, margin=24))

    def refresh(self) -> None:
        """Nothing can be changed while it trains."""
        reason = "" if self.images.value() else "Choose a folder of photographs first"
        reason = "No network here can be trained" if self.network.count() == 0 else reason
        self.loss.setVisible(self.work.busy or self.loss.has_points)
        self.start.setVisible(not self.work.busy)
        self.start.setEnabled(not reason)
        self.start.setToolTip(reason or "Start, or resume the same training")
        self.stop.setVisible(self.work.busy)
        for key in self.fields():
            self.allow(key, "Training is running" if self.work.busy else "")

    @Slot()
    def _ask(self) -> None:
        try:
            self.start_requested.emit(self.options())
        except BadInputError as error:
            self.work.say(error=str(error))
