"""Asks which encoders to fit, shows the cost before, the progress during and the scores after.

asking -> estimating -> asking -> fitting -> asking (with a result, a failure or nothing)
"""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtWidgets import QDialog, QWidget

from app.base.services import Services
from app.encoders.fit_form import FitForm
from app.widgets.basics import allow, bring, fill_dialog, make_button, make_heading, make_label, make_line, make_row
from app.widgets.copy_work import make_copy_button
from app.widgets.desk import Desk, Feature, does
from app.widgets.job_line import JobLine, Reading
from app.widgets.where_row import WhereRow
from core.cluster.where import HERE, Where
from core.encoders.card import ALL_VOXELS, EncoderCard
from core.encoders.fit_request import FitRequest, LayerChoice, SearchProgress
from core.encoders.scores import summarise_by_roi
from core.networks.manage import describe_layers
from core.sweeps.search import SEARCH, begin_search
from core.types import VoxelTable

LEAST_WIDTH = 720
STAGES = {
    "features": "Passing images through the network",
    "readout": "Fitting voxel batches",
    "scores": "Scoring",
    "done": "Done",
}
EXPLANATION = "An encoder predicts the responses of a subject's voxels from the features of a network."
NO_ESTIMATE = "Estimate the cost before you start."
MOST_ROIS = 8
"""ROIs told in the summary; the encoder card has them all."""
UNITS = {"features": "images", "readout": "batches"}


class Fits(Feature):
    """Holds the dialog; while a fit runs it comes back as it was."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.dialog: FitDialog | None = None

    @does("fit_encoders")
    def show_dialog(self) -> None:
        """Open the dialog."""
        if self.dialog is None:
            self.dialog = FitDialog(self._session, self._desk.parent)
            self.dialog.where.seek(SEARCH, self.dialog.start)
        if not self.dialog.work.busy:
            self.dialog.offer()
        bring(self.dialog)


class FitDialog(QDialog):
    """A form, an estimate, a line of progress and a summary; stays open while fitting and afterwards."""

    def __init__(self, session: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
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
        self.where = WhereRow(session)
        self.where.again.connect(self._request_fit)
        self.where.setToolTip("For a search over layers, whose fits can be shared")
        self.close_button = make_button("Close", do=self.close)
        self.copy = make_copy_button(self.form.value, self.work.error)
        self._lay_out()
        self.form.changed.connect(self._take_change)
        self.form.layers_wanted.connect(self._list_layers)
        self.work.changed.connect(self._refresh)
        self._refresh()

    def offer(self) -> None:
        """List subjects and networks, with what is in use chosen."""
        state = self._session.state
        subject = state.subject.id if state.subject is not None else ""
        self.form.offer(self._session.catalogue, subject=subject, network=state.network)
        self._take_change()

    def show_estimate(self, text: str, error: str = "") -> None:
        """What the fit would cost."""
        self._estimating = False
        self.cost.setText(text if self._is_current else NO_ESTIMATE)
        self.work.refuse(error)
        self._refresh()

    def start(self, request: FitRequest) -> None:
        """Fit on the lane; the new encoder is used at once."""
        self.summary.clear()
        if len(request.layers) > 1:
            self.where.run(self.work, partial(begin_search, request), partial(self._run, request))
        else:
            self._run(request, HERE)

    def _run(self, request: FitRequest, where: Where) -> None:
        self.work.run(
            self._session.lane,
            "fit",
            lambda stop: self._session.engine.iter_fit(request, where=where, should_stop=stop),
            title="Fitting encoders…",
            on_done=partial(self._take_result, request),
            read=read_progress,
            stopped="Cancelled. Fit again to resume: features and finished voxel batches were kept.",
        )

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
            self.where,
            make_line(),
            self.work,
            self.summary,
            -1,
            make_row(self.cancel, self.copy, -1, self.close_button, self.fit),
            gap=8,
            margin=20,
            width=LEAST_WIDTH,
        )

    def _list_layers(self, network: str) -> None:
        """Have every layer listed; where that cannot be done, those offered stay."""
        self._session.lane.submit(
            "layers",
            lambda _stop: describe_layers(network),
            on_done=partial(self.form.show_layers, network),
            refuse=lambda _text: None,
            title=f"Listing the layers of {network}…",
        )

    def _take_change(self) -> None:
        self._is_current = False  # whatever is being estimated
        self.cost.setText(NO_ESTIMATE)
        self.summary.clear()
        self.work.say()
        self._refresh()

    def _request_estimate(self) -> None:
        if (made := self.request()) is not None:
            self._estimating = self._is_current = True
            self.cost.setText("Timing one small batch…")
            self._refresh()
            self._session.lane.submit(
                "estimate",
                lambda stop: self._session.engine.estimate_fit(made, should_stop=stop).describe(),
                on_done=self.show_estimate,
                refuse=partial(self.show_estimate, NO_ESTIMATE),
                title="Estimating the cost of a fit…",
            )

    def _request_fit(self) -> None:
        if (made := self.request()) is not None:
            self.start(made)

    def _take_result(self, request: FitRequest, last: SearchProgress) -> None:
        controller = self._session.controller
        with self._session.problems.shown():
            voxels = self._session.catalogue.load_subject(request.subject).voxels
            cards = last.choice.cards if last.choice is not None else (last.fit.result,)
            fitted = [card for card in cards if card is not None]
            self.work.say(share=1.0)
            self.summary.setText(describe_result(fitted, last.choice, voxels))
            controller.reread_catalogue()
            best = {one.roi: one.layer for one in last.choice.best} if last.choice is not None else {}
            self._use(request, best.get(ALL_VOXELS, fitted[0].config.layer))
            controller.noted.emit(f"Fitted {fitted[0].describe()}")

    def _use(self, request: FitRequest, layer: str) -> None:
        """Open the new encoder where its subject is on screen; an older one of the same name gives way."""
        state, controller = self._session.state, self._session.controller
        if state.subject is not None and state.subject.id == request.subject:
            state.encoder = ("", "")
            controller.open_encoder(request.network, layer)

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


def describe_result(cards: list[EncoderCard], choice: LayerChoice | None, voxels: VoxelTable) -> str:
    """The scores in a few lines: the median r, by ROI, and the best layers."""
    if choice is not None:
        best = [f"{one.roi} {one.layer} ({one.cv_r_median:.2f})" for one in choice.best if one.roi != ALL_VOXELS]
        overall = next(one for one in choice.best if one.roi == ALL_VOXELS)
        shown = " · ".join(best[:MOST_ROIS])
        return f"Best layer by cross-validated r: {overall.layer} over all voxels. {shown}"
    card = cards[0]
    lines = [f"Fitted: {card.scored_on} r {np.median(card.r):.2f} (median of {card.n_voxels:,} voxels)."]
    rois = [f"{score.roi} {score.r_median:.2f}" for score in summarise_by_roi(card, voxels)[:MOST_ROIS]]
    lines.append(" · ".join(rois))
    for outside in card.outside:
        pair = f"{np.median(outside.r):.2f}, beside {np.nanmedian(outside.r_within):.2f} on images like those fitted"
        kind = "Without" if outside.kind == "category" else "Second set"
        lines.append(f"{kind} {outside.name}: r {pair}.")
    return "\n".join(lines)
