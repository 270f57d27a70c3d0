"""The window of a target's fingerprint: its predicted response by category and beside every ROI, with its probe."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog

from app.widgets.basics import bring, fill_dialog, make_button, make_label, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.desk import Desk
from app.widgets.job_line import JobLine, Reading
from app.widgets.plot_view import PlotView
from core.commands.works import ask_fingerprint
from core.figures.fingerprint import plot_categories, plot_contrasts
from core.progress import Progress, ShouldStop

if TYPE_CHECKING:
    from core.probes.fingerprint import Fingerprint

WAIT = "Choose an encoder and a target."


class FingerprintWindow(QDialog):
    """Follows the target in Explore for as long as it is open. The first one of an encoder predicts every image."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.parent)
        self._services = desk.services
        self._predicting: tuple[str, ...] = ()
        self._encoder: tuple[str, ...] = ()
        """Subject, network and layer that are being predicted with, and those of what is shown."""
        self.found: Fingerprint | None = None
        self.whose = make_label(WAIT, "strong", wraps=True)
        self.categories, self.contrasts = PlotView("Response by category"), PlotView("Contrast with every ROI")
        for plot in (self.categories, self.contrasts):
            plot.setMinimumSize(640, 250)
        self.work = JobLine()
        copy = make_copy_button(lambda: ask_fingerprint(self._services.state.choice()), self.work.error)
        foot = make_row(copy, -1, make_button("Close", do=self.close))
        fill_dialog(self, "Fingerprint", self.whose, self.categories, self.contrasts, self.work, foot)
        self.finished.connect(self.work.drop)
        state = self._services.state
        for changed in (state.target_changed, state.card_changed):
            changed.connect(self._follow)
        state.probe_changed.connect(self._draw)

    def open(self) -> None:
        """Come to the front with what is chosen now."""
        bring(self)
        self._follow()

    def _follow(self) -> None:
        """Ask for what is chosen. Another target of the same encoder waits for the images that are being predicted."""
        state, engine = self._services.state, self._services.engine
        subject, target, key = state.subject, state.target, state.encoder
        if not self.isVisible() or subject is None or target is None or state.card is None:
            return
        if self.work.busy and self._predicting == (subject.id, *key):
            return
        self.work.drop()
        self._predicting = (subject.id, *key)

        def make(should_stop: ShouldStop) -> object:
            from core.probes.fingerprint import iter_fingerprint
            from core.probes.natural import list_seen

            encoder = engine.open_encoder(subject.id, *key)
            return iter_fingerprint(encoder, subject, target, list_seen(subject), should_stop=should_stop)

        self.work.run(
            self._services.lane, "fingerprint", make, title="Predicting natural images…", on_done=self._take, read=_read
        )

    def _take(self, last: Progress[Fingerprint]) -> None:
        if last.result is None or last.result.target != self._services.state.target:
            self._follow()
            return
        self.found, self._encoder = last.result, self._predicting
        self._draw()

    def _draw(self) -> None:
        if self.found is None:
            return
        probe, marks, shown = self._services.state.probe, {}, (*self._encoder, self.found.target)
        if probe is not None and attrgetter("subject", "network", "layer", "target")(probe.config) == shown:
            marks = {"clean image": probe.of_target(probe.clean), "its probe": probe.of_target(probe.perturbed)}
        label = self.found.target.label
        network, layer = self._encoder[1:]
        self.whose.setText(f"{label[0].upper()}{label[1:]} · {network} {layer} · {self.found.n_images:,} images")
        self.categories.show_plot(plot_categories(self.found, marks))
        self.contrasts.show_plot(plot_contrasts(self.found))


def _read(record: Progress[Fingerprint]) -> Reading:
    return Reading(record.done / record.total, f"Image {record.done:.0f} of {record.total}", record.seconds_left)
