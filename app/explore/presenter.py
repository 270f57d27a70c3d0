"""Brings the facts of the session onto the panels, each part at most once per turn of the event loop.

Signals of the state only mark what is stale; one timer of zero length then redraws it, so that five facts changed
together cost one drawing. What takes longer than half a frame is gone on with in the next turn. After a drawing it
rests as long as that took; while a probe runs, longer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QTimer

from app.base.state import AppState
from app.cortex.panel import CortexPanel
from app.explore.controls_panel import ControlsPanel
from app.explore.gallery_panel import GalleryPanel
from app.explore.images_panel import ImagesPanel
from app.explore.maps import find_perturbed, make_maps
from app.explore.responses_panel import ResponsesPanel
from app.look.numbers import format_number
from core.encoders.card import EncoderCard
from core.probes.probe import Probe
from core.probes.target import TargetKind

SHIFT = "shift"
NO_SHIFT = "Clean (no shift yet)"
"""What the map of shifts is called while it shows the clean response in their place."""

SENSITIVITY = "sensitivity"
REGIONS = "roi"
LONGEST_REST = 0.3
"""Seconds; a result is never held back longer than this."""

TURN = 0.004
"""Seconds after which the rest of a drawing is left to the next turn of the event loop."""

LIVE_REST = 0.1
"""Seconds between two drawings of a running probe: the eye gains nothing from more."""

PARTS = [
    "surface",
    "subject",
    "encoder",
    "attack",
    "target",
    "images",
    "map",
    "probe",
    "run",
    "detail",
    "progress",
    "refining",
]
"""What is drawn by a method each, in this order."""

STALE: dict[str, tuple[str, ...]] = {
    "placed": ("surface", "subject", "encoder", "map"),
    "subject": ("subject", "encoder"),
    "card": ("encoder", "target", "map"),
    "encoder": ("encoder", "map"),
    "target": ("target", "map"),
    "aim": ("target", "map"),
    "direction": ("attack",),
    "attack": ("attack", "map"),
    "auto_probe": ("attack",),
    "stimulus": ("images",),
    "clean": ("map",),
    "probe": ("images", "map", "probe"),
    "progress": ("images", "map", "progress"),
    "refining": ("refining",),
    "run": ("run",),
    "is_probing": ("probe",),
    "preview": ("images", "map", "detail"),
    "step": ("images", "map", "detail"),
    "atlas": ("map",),
}
"""The parts that another value of a fact makes stale."""


@dataclass(frozen=True, slots=True)
class Panels:
    """The panels of the window."""

    controls: ControlsPanel
    gallery: GalleryPanel
    cortex: CortexPanel
    images: ImagesPanel
    responses: ResponsesPanel


class Presenter(QObject):
    """Draws what changed."""

    def __init__(self, state: AppState, panels: Panels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._panels = panels
        self._gate = 0.0
        self._began = 0.0
        self._rests_until = 0.0
        self._pictured: Probe | None = None
        self._stale: set[str] = set()
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._draw)
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._rest)
        for signal, parts in STALE.items():
            getattr(state, f"{signal}_changed").connect(partial(self.mark, *parts))

    def set_gate(self, least_r: float) -> None:
        """Dim the voxels whose held-out r is below this."""
        self._gate = least_r
        self.mark("encoder")

    def mark(self, *parts: str) -> None:
        """Have parts redrawn at the next turn of the event loop."""
        self._stale.update(parts)
        if self._stale and not self._timer.isActive():
            self._timer.start(max(0, round(1000 * (self._rests_until - time.monotonic()))))

    def settle(self) -> None:
        """Draw at once what is stale, for whoever goes on from what is shown."""
        while self._stale:
            self._timer.stop()
            self._draw()

    def _draw(self) -> None:
        self._began = time.monotonic()
        for view in self._panels.cortex.views:
            view.canvas.set_hurried(self._state.progress is not None)
        for part in filter(self._stale.__contains__, PARTS):
            self._stale.remove(part)
            getattr(self, f"_draw_{part}")()
            if self._stale and time.monotonic() - self._began > TURN:
                self._timer.start(0)
                return
        self._pause.start(0)

    def _rest(self) -> None:
        now = time.monotonic()
        least = LIVE_REST if self._state.progress is not None else 0.0
        self._rests_until = now + max(least, min(LONGEST_REST, now - self._began))
        self.mark()

    def _draw_surface(self) -> None:
        if self._state.placed is None:
            return
        self._panels.cortex.view.show_placed(self._state.placed)
        if self._panels.cortex.second is not None:
            self._panels.cortex.second.follow_layout()

    def _draw_subject(self) -> None:
        subject = self._state.subject
        if subject is None:
            return
        table = subject.voxels
        rois = [(name, len(table.voxels_in(name))) for name in table.roi_names]
        self._panels.controls.target.set_rois(rois)

    def _draw_encoder(self) -> None:
        card = self._state.card
        form = self._panels.controls.encoder
        form.set_encoder(*self._state.encoder)
        if card is None:
            form.set_note("")
            self._panels.cortex.view.set_dimmed(None)
            return
        form.set_note(describe_scores(card))
        self._panels.cortex.view.set_dimmed(np.asarray(card.r < self._gate))

    def _draw_attack(self) -> None:
        state, controls = self._state, self._panels.controls
        controls.attack.set_direction(state.direction)
        controls.attack.set_value(state.attack)
        controls.run.auto.setChecked(state.auto_probe)

    def _draw_target(self) -> None:
        target, card = self._state.target, self._state.card
        form = self._panels.controls.target
        self._panels.controls.against.set_value(self._state.aim.against)
        form.options.set_value(self._state.aim, is_pattern=target is not None and target.kind is TargetKind.PATTERN)
        if target is None:
            form.set_summary("", "")
            self._panels.cortex.view.select_voxel(None)
            self._panels.cortex.view.show_set(())
            return
        form.set_kind(target.kind, target.roi if target.kind is TargetKind.ROI else "")
        details = ""
        if card is not None:
            voxels = list(target.voxels)
            r, ceiling = float(np.median(card.r[voxels])), float(np.median(card.noise_ceiling[voxels]))
            most = f"of at most {format_number(np.sqrt(ceiling))}" if ceiling >= 0 else "· noise ceiling not known"
            details = f"{card.scored_on} r {format_number(r)} {most}{' (medians)' if len(voxels) > 1 else ''}"
        form.set_summary(target.label[0].upper() + target.label[1:], details)
        self._panels.cortex.view.select_voxel(target.voxels[0] if target.kind is TargetKind.VOXEL else None)
        self._panels.cortex.view.show_set(target.voxels if target.kind is TargetKind.SET else ())

    def _draw_images(self) -> None:
        state, images = self._state, self._panels.images
        if state.stimulus is None:
            return
        if state.probe is not None and state.progress is None:
            self._draw_images_of(state.probe)
            return
        self._pictured = None
        progress = state.progress
        pixels = progress.pixels if progress is not None else None
        caption = f"step {progress.step} of {progress.n_steps}" if progress is not None else "clean"
        images.show_images(state.stimulus.levels, pixels, caption=caption, title=self._title())
        if progress is not None:
            images.show_step(progress.pixels, epsilon=progress.epsilon, norm=state.attack.norm)

    def _draw_images_of(self, probe: Probe) -> None:
        images, step, preview = self._panels.images, self._state.step, self._state.preview
        if self._pictured is not probe or (step is None and preview is None):
            images.show_probe(probe)
        self._pictured = probe
        if step is not None:
            history = probe.history
            images.show_step(history.pixels[step], epsilon=float(history.epsilon[step]), norm=probe.config.attack.norm)
        elif preview is not None:
            images.show_preview(preview)

    def _title(self) -> str:
        state = self._state
        name = state.stimulus.id if state.stimulus is not None else ""
        return f"{name} · {state.direction} {state.target.label}" if state.target is not None else name

    def _draw_map(self) -> None:
        name, view = self._panels.cortex.current_map(), self._panels.cortex.view
        chosen, second = make_maps(name, self._state)
        box = self._panels.cortex.map_box
        box.setItemText(box.findData(SHIFT), NO_SHIFT if find_perturbed(self._state) is None else "Shift")
        box.setToolTip(f"Map: {chosen.title}" if chosen.title else "Map")
        twin = self._panels.cortex.show_second(second is not None)
        if name == REGIONS:
            view.show_regions(True)
            return
        for place, one in ((view, chosen), (twin, second)):
            if place is not None and one is not None:
                limit, diverging = one.limit, one.diverging
                place.set_values(one.values, title=one.title, unit=one.unit, diverging=diverging, limit=limit)

    def _draw_run(self) -> None:
        subject, card, config, probe = self._state.subject, self._state.card, self._state.run, self._state.probe
        if not self._state.is_probing or (probe is not None and probe.config == config):
            return
        if subject is not None and card is not None and config is not None:
            self._panels.responses.begin_run(
                config, subject.voxels, response_unit=card.response_unit, reference_sd=card.reference_sd
            )

    def _draw_probe(self) -> None:
        probe, subject = self._state.probe, self._state.subject
        if probe is not None and subject is not None:
            self._panels.responses.show_probe(probe, subject.voxels)
        elif not self._state.is_probing:
            self._panels.responses.clear()

    def _draw_detail(self) -> None:
        state, responses = self._state, self._panels.responses
        if state.probe is None or state.progress is not None:
            return
        if state.preview is not None:
            responses.show_preview(state.preview)
        else:
            responses.show_step(state.step)

    def _draw_progress(self) -> None:
        progress = self._state.progress
        if progress is not None:
            self._panels.responses.show_progress(progress)
            self._panels.controls.run.show_progress(progress)

    def _draw_refining(self) -> None:
        if self._state.refining is not None:
            self._panels.controls.run.show_progress(self._state.refining, most="at most ")


def describe_scores(card: EncoderCard) -> str:
    """The line under the encoder form."""
    if not np.isfinite(card.r).any():
        return f"r not known, {card.n_voxels:,} voxels"
    return f"Median {card.scored_on} r {np.nanmedian(card.r):.2f}"
