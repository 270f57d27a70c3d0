"""Fits in the window: the dialog, the lane, the new encoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from app.encoders.fit_dialog import FitDialog, read_progress
from app.widgets.basics import bring
from app.widgets.desk import Desk, Feature, does
from core.encoders.card import ALL_VOXELS, EncoderCard
from core.encoders.fit_request import LayerChoice, SearchProgress
from core.encoders.scores import summarise_by_roi
from core.errors import ProbeError
from core.types import VoxelTable

if TYPE_CHECKING:
    from core.encoders.fit_request import FitRequest

MOST_ROIS = 8
"""ROIs told in the summary; the encoder card has them all."""


class Fits(Feature):
    """Holds the dialog and follows one fit at a time on the lane."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.dialog: FitDialog | None = None

    @does("fit_encoders")
    def show_dialog(self) -> None:
        """Open the dialog, with what is in use chosen; while a fit runs it comes back as it was."""
        if self.dialog is None:
            self.dialog = FitDialog(self._desk.parent)
            self.dialog.estimate_requested.connect(self._estimate)
            self.dialog.fit_requested.connect(self._fit)
        if not self.dialog.work.busy:
            state = self._session.state
            subject = state.subject.id if state.subject is not None else ""
            self.dialog.offer(self._session.catalogue, subject=subject, network=state.network)
        bring(self.dialog)

    def _estimate(self, request: FitRequest) -> None:
        if self.dialog is not None:
            self._session.lane.submit(
                "estimate",
                lambda stop: self._session.engine.estimate_fit(request, should_stop=stop).describe(),
                on_done=self.dialog.show_estimate,
                refuse=self.dialog.refuse_estimate,
                title="Estimating the cost of a fit…",
            )

    def _fit(self, request: FitRequest) -> None:
        if self.dialog is not None:
            self.dialog.summary.clear()
            self.dialog.work.run(
                self._session.lane,
                "fit",
                lambda stop: self._session.engine.iter_fit(request, should_stop=stop),
                title="Fitting encoders…",
                on_done=partial(self._take_result, request),
                read=read_progress,
                stopped="Cancelled. Fit again to resume: features and finished voxel batches were kept.",
            )

    def _take_result(self, request: FitRequest, last: SearchProgress) -> None:
        controller, catalogue = self._session.controller, self._session.catalogue
        try:
            voxels = catalogue.load_subject(request.subject).voxels
        except ProbeError as error:
            self._session.problems.show(error)
            return
        cards = last.choice.cards if last.choice is not None else (last.fit.result,)
        fitted = [card for card in cards if card is not None]
        text = describe_result(fitted, last.choice, voxels)
        if self.dialog is not None:
            self.dialog.show_result(text)
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
