"""Asks which encoders to fit, shows the cost before, the progress during and the scores after.

asking -> estimating -> asking -> fitting -> asking (with a result, a failure or nothing)
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from app.base.catalogue import Catalogue
from app.encoders.fit_form import FitForm
from app.widgets.basics import allow, fill_dialog, make_button, make_heading, make_label, make_line, make_row
from app.widgets.job_line import JobLine, Reading
from core.encoders.fit_request import FitRequest, SearchProgress

LEAST_WIDTH = 620
STAGES = {
    "features": "Passing images through the network",
    "readout": "Fitting voxel batches",
    "scores": "Scoring",
    "done": "Done",
}
EXPLANATION = "An encoder predicts the responses of a subject's voxels from the features of a network."
NO_ESTIMATE = "Estimate the cost before you start."
UNITS = {"features": "images", "readout": "batches"}


class FitDialog(QDialog):
    """A form, an estimate, a line of progress and a summary; stays open while fitting and afterwards."""

    estimate_requested = Signal(object)
    fit_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._estimating, self._is_current = False, True
        self.form = FitForm()
        self.cost = make_label(NO_ESTIMATE, "muted", wraps=True)
        self.work = JobLine()
        self.summary = make_label("", wraps=True)
        self.estimate = make_button(
            "Estimate cost", do=self._request_estimate, tip="Time one small batch and extrapolate"
        )
        self.fit = make_button("Fit", "primary", self._request_fit)
        self.fit.setDefault(True)
        self.cancel = make_button("Cancel fit", do=self.work.cancel)
        self.close_button = make_button("Close", do=self.close)
        self._lay_out()
        self.form.changed.connect(self._take_change)
        self.work.changed.connect(self._refresh)
        self._refresh()

    def offer(self, catalogue: Catalogue, *, subject: str, network: str) -> None:
        """List subjects and networks, and start with these."""
        self.form.offer(catalogue, subject=subject, network=network)
        self._refresh()

    def show_estimate(self, text: str, error: str = "") -> None:
        """What the fit would cost."""
        self._estimating = False
        self.cost.setText(text if self._is_current else NO_ESTIMATE)
        self.work.refuse(error)
        self._refresh()

    def refuse_estimate(self, text: str) -> None:
        """Why the cost cannot be told."""
        self.show_estimate(NO_ESTIMATE, text)

    def show_result(self, text: str) -> None:
        """The fit ended well."""
        self.work.say(share=1.0)
        self.summary.setText(text)

    def request(self) -> FitRequest | None:
        """What the form asks for; None, with the reason shown, where it cannot be done."""
        self.work.say()
        return self.work.attempt(self.form.value)

    def _lay_out(self) -> None:
        fill_dialog(
            self,
            "Fit encoders",
            make_label("Fit encoders", "title"),
            make_label(EXPLANATION, "muted", wraps=True),
            self.form,
            make_line(),
            make_heading("Cost"),
            make_row(self.cost, self.estimate, stretch=0),
            make_line(),
            self.work,
            self.summary,
            -1,
            make_row(self.cancel, -1, self.close_button, self.fit),
            gap=8,
            margin=20,
            width=LEAST_WIDTH,
        )

    def _take_change(self) -> None:
        self._is_current = False  # whatever is being estimated
        self.cost.setText(NO_ESTIMATE)
        self.work.say()
        self._refresh()

    def _request_estimate(self) -> None:
        if (made := self.request()) is not None:
            self._estimating = self._is_current = True
            self.cost.setText("Timing one small batch…")
            self._refresh()
            self.estimate_requested.emit(made)

    def _request_fit(self) -> None:
        if (made := self.request()) is not None:
            self.fit_requested.emit(made)

    def _refresh(self) -> None:
        ready, fitting = self.form.is_ready(), self.work.busy
        self.form.setEnabled(not fitting)
        for button in (self.fit, self.estimate):
            button.setEnabled(ready and not fitting and not self._estimating)
        reason = "" if ready else "Choose a subject and a network first"
        self.fit.setToolTip("A fit is running" if fitting else reason or "Fit, score and save the encoder")
        allow(self.cancel, "" if fitting else "No fit is running", "Stop; finished features and voxel batches are kept")


def read_progress(progress: SearchProgress) -> Reading:
    """How far a fit is: layer, stage, image or voxel batch, time left."""
    fit = progress.fit
    layer = f"Layer {progress.number} of {progress.n_layers}, {progress.layer}: " if progress.n_layers > 1 else ""
    what = f" ({fit.what})" if fit.what and fit.what != fit.stage else ""
    counted = f" · {fit.done:,} of {fit.total:,} {UNITS[fit.stage]}" if fit.stage in UNITS else ""
    text = f"{layer}{STAGES.get(fit.stage, fit.stage)}{what}{counted}"
    return Reading(fit.done / fit.total if fit.total else 0.0, text, fit.seconds_left)
