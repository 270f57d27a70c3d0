"""Asks which encoders to fit, tells the cost before, the progress during and the scores after. Never fits anything.

asking -> estimating -> asking -> fitting -> asking (with a result, a failure or nothing)
"""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QWidget

from app.base.catalogue import Catalogue
from app.encoders.fit_form import FitForm
from app.widgets.basics import make_button, make_column, make_heading, make_label, make_line, make_row
from app.widgets.progress_line import ProgressLine
from core.encoders.fit_request import FitRequest
from core.encoders.layer_search import SearchProgress
from core.errors import ProbeError

LEAST_WIDTH = 620
STAGES = {
    "features": "Passing images through the network",
    "readout": "Fitting voxel batches",
    "scores": "Scoring",
    "done": "Done",
}
UNITS = {"features": "images", "readout": "batches"}


class FitDialog(QDialog):
    """A form, an estimate, a line of progress and a summary; stays open while fitting and afterwards."""

    estimate_requested = Signal(object)
    fit_requested = Signal(object)
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Fit encoders")
        self.setMinimumWidth(LEAST_WIDTH)
        self._fitting = False
        self._busy = False
        self.form = FitForm()
        self.cost = make_label("Estimate the cost before you start.", "muted", wraps=True)
        self.refusal = make_label("", "field-error", wraps=True)
        self.line = ProgressLine()
        self.stage = make_label("", "muted", wraps=True)
        self.summary = make_label("", wraps=True)
        self.estimate = make_button("Estimate cost", tip="Time one small batch here and count the rest")
        self.fit = make_button("Fit", "primary")
        self.fit.setDefault(True)
        self.cancel = make_button("Cancel fit", tip="Stop; finished features and voxel batches are kept")
        self.close_button = make_button("Close")
        self._lay_out()
        self.form.changed.connect(self._take_change)
        self.estimate.clicked.connect(self._request_estimate)
        self.fit.clicked.connect(self._request_fit)
        self.cancel.clicked.connect(self.cancel_requested)
        self.close_button.clicked.connect(self.close)
        self._refresh()

    def offer(self, catalogue: Catalogue, *, subject: str, network: str) -> None:
        """Offer subjects and networks, and start with these."""
        self.form.offer(catalogue, subject=subject, network=network)
        self._refresh()

    def show_estimate(self, text: str) -> None:
        """What the fit would cost."""
        self._busy = False
        self.cost.setText(text)
        self._refresh()

    def begin(self) -> None:
        """A fit starts."""
        self._fitting, self._busy = True, False
        self.summary.setText("")
        self.line.set_share(0.0)
        self.stage.setText("Opening the network and the recordings…")
        self._refresh()

    def show_progress(self, progress: SearchProgress) -> None:
        """How far it is: layer, stage, image or voxel batch, time left."""
        fit = progress.fit
        within = fit.done / fit.total if fit.total else 0.0
        self.line.set_share(within)
        layer = f"Layer {progress.number} of {progress.n_layers}, {progress.layer}: " if progress.n_layers > 1 else ""
        what = f" ({fit.what})" if fit.what and fit.what != fit.stage else ""
        counted = f" · {fit.done:,} of {fit.total:,} {UNITS[fit.stage]}" if fit.stage in UNITS else ""
        left = "" if fit.seconds_left is None else f" · {fit.seconds_left:,.0f} s left"
        self.stage.setText(f"{layer}{STAGES.get(fit.stage, fit.stage)}{what}{counted}{left}")

    def show_result(self, text: str) -> None:
        """The fit ended well."""
        self._end("", text)
        self.line.set_share(1.0)

    def show_stopped(self) -> None:
        """The fit was cancelled."""
        self._end("Cancelled. Fit again to go on: features and finished voxel batches were kept.", "")

    def show_failure(self, text: str) -> None:
        """Estimate or fit failed; says why."""
        self._end("", "")
        self.refusal.setText(text)

    def request(self) -> FitRequest | None:
        """What the form asks for; None, with the reason shown, where it cannot be done."""
        try:
            made = self.form.value()
        except ProbeError as error:
            self.refusal.setText(str(error))
            return None
        self.refusal.setText("")
        return made

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing leaves a running fit running; it is cancelled here or in the window."""
        event.accept()

    def _end(self, stage: str, summary: str) -> None:
        self._fitting = self._busy = False
        self.line.set_share(0.0)
        self.stage.setText(stage)
        self.summary.setText(summary)
        self._refresh()

    def _lay_out(self) -> None:
        costs = make_row(self.cost, self.estimate)
        costs.setStretch(0, 1)
        self.setLayout(
            make_column(
                make_label("Fit encoders", "title"),
                make_label(
                    "An encoder predicts the responses of a subject's voxels from the features of a network.",
                    "muted",
                    wraps=True,
                ),
                self.form,
                make_line(),
                make_heading("Cost"),
                costs,
                self.refusal,
                make_line(),
                self.line,
                self.stage,
                self.summary,
                -1,
                make_row(self.cancel, -1, self.close_button, self.fit),
                gap=8,
                margin=20,
            )
        )

    @Slot()
    def _take_change(self) -> None:
        self.cost.setText("Estimate the cost before you start.")
        self.refusal.setText("")
        self._refresh()

    @Slot()
    def _request_estimate(self) -> None:
        made = self.request()
        if made is not None:
            self._busy = True
            self.cost.setText("Measuring one small batch…")
            self._refresh()
            self.estimate_requested.emit(made)

    @Slot()
    def _request_fit(self) -> None:
        made = self.request()
        if made is not None:
            self.fit_requested.emit(made)

    def _refresh(self) -> None:
        ready, idle = self.form.is_ready(), not (self._fitting or self._busy)
        self.form.setEnabled(not self._fitting)
        for button in (self.fit, self.estimate):
            button.setEnabled(ready and idle)
        reason = "" if ready else "Choose a subject and a network first"
        self.fit.setToolTip("A fit is running" if self._fitting else reason or "Fit, score and save the encoder")
        self.cancel.setEnabled(self._fitting)
        self.cancel.setToolTip(
            "Stop; finished features and voxel batches are kept" if self._fitting else "No fit is running"
        )
