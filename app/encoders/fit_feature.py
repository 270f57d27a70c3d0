"""Fits in the window: the dialog, the lane, the new encoder. Never computes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Slot

from app.base.desk import Desk, Feature
from app.base.jobs import Failed, Idle
from app.encoders.fit_dialog import FitDialog
from core.encoders.card import EncoderCard
from core.encoders.layer_search import ALL_VOXELS, LayerChoice, SearchProgress
from core.encoders.scores import summarise_by_roi
from core.errors import ProbeError
from core.types import VoxelTable

if TYPE_CHECKING:
    from core.encoders.estimate import FitEstimate
    from core.encoders.fit_request import FitRequest

MOST_ROIS = 8
"""ROIs told in the summary; the encoder card has them all."""


class Fits(Feature):
    """Holds the dialog and follows one fit at a time on the lane."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._fitting = False
        self.dialog: FitDialog | None = None
        self._session.lane.state_changed.connect(self._follow_lane)

    def commands(self) -> Mapping[str, Callable[[], object]]:
        """The handlers of the commands about fits."""
        return {"fit_encoders": self.show_dialog}

    @Slot()
    def show_dialog(self) -> None:
        """Open the dialog, with what is in use chosen; while a fit runs it comes back as it was."""
        if self.dialog is None:
            self.dialog = FitDialog(self._desk.parent)
            self.dialog.estimate_requested.connect(self._estimate)
            self.dialog.fit_requested.connect(self._fit)
            self.dialog.cancel_requested.connect(self._cancel)
        if not self._fitting:
            state = self._session.state
            subject = state.subject.id if state.subject is not None else ""
            self.dialog.offer(self._session.catalogue, subject=subject, network=state.network)
        self.dialog.show()
        self.dialog.raise_()

    @Slot(object)
    def _estimate(self, request: FitRequest) -> None:
        self._session.lane.submit(
            "estimate",
            lambda stop: self._session.engine.estimate_fit(request, should_stop=stop),
            on_done=self._take_estimate,
            on_failed=self._take_failure,
            on_stopped=self._take_stop,
            title="Estimating the cost of a fit…",
        )

    @Slot(object)
    def _fit(self, request: FitRequest) -> None:
        self._fitting = True
        if self.dialog is not None:
            self.dialog.begin()
        self._session.lane.submit(
            "fit",
            lambda stop: self._session.engine.iter_fit(request, should_stop=stop),
            on_progress=self._take_progress,
            on_done=partial(self._take_result, request),
            on_failed=self._take_failure,
            on_stopped=self._take_stop,
            title="Fitting encoders…",
            replace=False,
            patient=True,
        )

    @Slot()
    def _cancel(self) -> None:
        """Stop the fit, also one that still waits for its turn."""
        lane = self._session.lane
        lane.drop("fit")
        self._take_stop()

    @Slot(object)
    def _follow_lane(self, state: object) -> None:
        """Notice that a fit was cancelled from the window before its turn came."""
        if self._fitting and isinstance(state, Idle) and not self._session.lane.is_busy("fit"):
            self._take_stop()

    def _take_estimate(self, estimate: FitEstimate) -> None:
        if self.dialog is not None:
            self.dialog.show_estimate(estimate.describe())

    def _take_progress(self, progress: SearchProgress) -> None:
        if self.dialog is not None:
            self.dialog.show_progress(progress)

    def _take_result(self, request: FitRequest, last: SearchProgress) -> None:
        self._fitting = False
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
        self._use(request, fitted[0].config.layer)
        controller.noted.emit(f"Fitted {fitted[0].describe()}")

    def _use(self, request: FitRequest, layer: str) -> None:
        """Open the new encoder where its subject is on screen; an older one of the same name gives way."""
        state, controller = self._session.state, self._session.controller
        if state.subject is not None and state.subject.id == request.subject:
            state.encoder = ("", "")
            controller.open_encoder(request.network, layer)

    def _take_failure(self, failed: Failed) -> None:
        self._fitting = False
        if self.dialog is not None:
            known = isinstance(failed.error, ProbeError)
            self.dialog.show_failure(str(failed.error) if known else "The fit failed; its report has been kept.")
        self._session.problems.show_failed(failed)

    def _take_stop(self) -> None:
        self._fitting = False
        if self.dialog is not None:
            self.dialog.show_stopped()


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
