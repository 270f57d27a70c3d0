"""Asks for a robust fine-tuning and follows it: time left, live loss, cancel, go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QDialog, QWidget

from app.base.jobs import ShouldStop
from app.base.services import Services
from app.networks.dialog import Tell
from app.widgets.basics import allow, fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.form import MOST_SEED, Choice, Count, Fields, Number, PathText, Text
from app.widgets.job_line import JobLine, Reading
from app.widgets.plot_view import PlotView
from core.commands.works import CommandWork
from core.networks.spec import NetworkSpec
from core.reports.plot import Plot, Series
from core.robustify.config import LARGEST_EPSILON, RobustifyConfig, RobustifyOptions

HEIGHT = 190
MOST_POINTS = 2000
"""Beyond this every second point is dropped: the screen has no more columns."""


class LossView(PlotView):
    """Relative squared distance to the original's features: of perturbed photographs, and of clean ones."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Loss against photographs seen", parent)
        self.setFixedHeight(HEIGHT)
        self.points: list[tuple[int, float, float]] = []

    def forget(self) -> None:
        """Forget every point."""
        self.points.clear()
        self._show()

    def add(self, n_seen: int, perturbed: float, clean: float) -> None:
        """Draw one more point."""
        self.points.append((n_seen, perturbed, clean))
        if len(self.points) > MOST_POINTS:
            self.points = self.points[::2]
        self._show()

    def _show(self) -> None:
        seen, perturbed, clean = zip(*self.points, strict=True) if self.points else ((), (), ())
        lines = (("perturbed", "warm", perturbed), ("clean", "cool", clean))
        series = [Series(seen, loss, ink, name, line="-") for name, ink, loss in lines]
        self.show_plot(Plot("photographs seen", "loss", tuple(series), across=(0,)))


EXPLANATION = (
    "Label-free adversarial fine-tuning: the features of perturbed photographs are pulled towards the network's own "
    "features of the clean ones. The original stays as it is; the result becomes a network of yours, measured against "
    "it. A cancelled training goes on from where it stopped when it is started again with the same values."
)
DEFAULTS = RobustifyConfig()
WIDTH = 660


class RobustifyDialog(QDialog, Fields):
    """A form, and the state of the training under it; `tell(note, network)` is called when it is done."""

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
    seed = Count("Seed", "Seed for photographs, crops and random starts", most=MOST_SEED)
    title = Text("Title", hint="The network's title, robustified")

    def __init__(self, session: Services, tell: Tell, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._tell = session, tell
        self.make_fields()
        self.n_images.setGroupSeparatorShown(True)
        self.work, self.loss = JobLine(), LossView()
        self.start = make_button("Start", "primary", self._ask)
        stop_tip = "Stop after this batch; the same values resume from there"
        self.stop = make_button("Cancel training", do=self.work.cancel, tip=stop_tip)
        close = make_button("Close", do=self.close, tip="Training continues while this is closed")
        text, form = make_label(EXPLANATION, "muted", wraps=True), self.make_rows(*self.fields(), gap=8)
        self.copy = make_copy_button(lambda: CommandWork("robustify", {"options": self.options()}), self.work.error)
        buttons = make_row(self.copy, -1, self.stop, close, self.start)
        fill_dialog(self, "Robustify a network", text, form, self.work, self.loss, buttons, width=WIDTH)
        self.work.changed.connect(self.refresh)
        self.refresh()

    def set_networks(self, specs: Sequence[NetworkSpec], current: str = "") -> None:
        """List networks to start from."""
        self.network.set_choices([(spec.id, spec.title) for spec in specs], current or self.network.value())
        self.tell()
        self.refresh()

    def tell(self) -> None:
        """Another training is wished: what was told of an earlier one goes."""
        if not self.work.busy:
            self.work.say()
            self.loss.forget()

    def options(self) -> RobustifyOptions:
        """What the form says. Raises BadInputError for a value that cannot be used."""
        return self.make_config(RobustifyOptions, images=self.images.path() or Path())

    def train(self, options: RobustifyOptions) -> None:
        """Train on the lane."""

        def make(stop: ShouldStop) -> Iterator[Any]:
            from core.robustify.run import iter_run

            return iter_run(options, device=self._session.engine.device, should_stop=stop)

        self.loss.forget()
        self.work.run(
            self._session.lane,
            "robustify",
            make,
            title=f"Robustifying {options.network}…",
            on_done=self._take_trained,
            read=self.read_progress,
            stopped="Cancelled. Start resumes it.",
        )

    def read_progress(self, progress: Any) -> Reading | None:
        """How far a training is; its losses (perturbed, clean) are drawn."""
        if not hasattr(progress, "n_seen"):
            return None
        self.loss.add(progress.n_seen, progress.loss, progress.clean_loss)
        where = f"at {progress.size} px, epsilon {progress.epsilon:.2f}"
        text = f"{progress.n_seen:,} of {progress.n_images:,} photographs {where}"
        return Reading(progress.n_seen / max(progress.n_images, 1), text, progress.seconds_left)

    def refresh(self) -> None:
        """Nothing can be changed while it trains."""
        reason = "" if self.images.value() else "Choose a folder of photographs first"
        reason = "No network here can be trained" if self.network.count() == 0 else reason
        self.loss.setVisible(self.work.busy or len(self.loss.points) > 1)  # one point is no curve
        self.start.setVisible(not self.work.busy)
        allow(self.start, reason, "Start, or resume the same training")
        self.stop.setVisible(self.work.busy)
        for key in self.fields():
            self.allow(key, "Training is running" if self.work.busy else "")

    def _ask(self) -> None:
        if (options := self.work.attempt(self.options)) is not None:
            self.train(options)

    def _take_trained(self, done: Any) -> None:
        shifts = "; ".join(
            f"L2 {one.epsilon:g}: {one.tuned:.2f} (before: {one.original:.2f})" for one in done.published.records
        )
        note = f"Kept as {done.network.title} ({done.network.id}). Relative feature shift at {shifts}."
        self.work.say(note)
        self._tell(note, done.network.id)
