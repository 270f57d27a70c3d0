"""Brings the facts of the session onto the panels, each part at most once per turn of the event loop.

Signals of the state only mark what is stale; one timer of zero length then redraws it, so that five facts changed
together cost one drawing. What takes longer than a millisecond has a turn of its own with the painting it asks for, as
every part has while a probe runs. After a drawing it rests as long as that took.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import attrgetter

import numpy as np
from PySide6.QtCore import QObject, QTimer

from app.base.state import AppState
from app.cortex.panel import CortexPanel, name_kind
from app.cortex.view import CortexView
from app.explore.controls_panel import ControlsPanel
from app.explore.gallery_panel import GalleryPanel
from app.explore.images_panel import ImagesPanel
from app.explore.maps import REGIONS, find_perturbed, make_map, make_maps
from app.explore.path import CortexPath
from app.explore.responses_panel import ResponsesPanel
from core.datasets.import_stats import find_ncsnr
from core.datasets.subject import Subject
from core.encoders.card import EncoderCard
from core.probes.probe import Probe
from core.probes.target import Target, TargetKind
from core.types import split_side
from core.words import format_number

SHIFT = "shift"
NO_SHIFT = "Clean (no shift yet)"
"""What the map of shifts is called while it shows the clean response in their place."""

SENSITIVITY = "sensitivity"
RESPONSES = (SHIFT, "clean", "perturbed")
"""Maps that give way to the clean and the perturbed response while the images are swapped."""

LONGEST_REST = 0.3
"""Seconds; a result is never held back longer than this."""

TURN = 0.001
"""Seconds after which the rest of a drawing is left to the next turn of the event loop."""

LIVE_REST, PLOT_REST = 0.2, 0.8
"""Seconds between two drawings of a running probe, and of its map and plots: on few cores each delays the probe."""

SLOWER = ("map", "budget", "steps", "curve", "spill")
"""What of a running probe is drawn less often than its images."""

levels_of = lru_cache(maxsize=1)(attrgetter("levels"))
"""The grey levels (height, width, 3) uint8 of a stimulus, one array for as long as it is shown."""

SHOWN = ("images", "budget", "map", "detail", "spill")
"""All that shows one perturbation."""

WHOLE = (*SHOWN, "probe", "steps", "curve")
"""All that shows a finished probe."""

PARTS = [
    "surface",
    "subject",
    "encoder",
    "attack",
    "target",
    "map",
    "images",
    "budget",
    "pinned",
    "probe",
    "run",
    "progress",
    "steps",
    "curve",
    "detail",
    "spill",
    "refining",
]
"""What is drawn by a method each, in this order: the map before the images, which are drawn while it is rendered."""

STALE: dict[str, tuple[str, ...]] = {
    "placed": ("surface", "subject", "encoder", "map"),
    "subject": ("subject", "encoder", "target"),
    "card": ("encoder", "target", "map"),
    "encoder": ("encoder", "map"),
    "target": ("target", "map"),
    "aim": ("target", "map"),
    "direction": ("attack",),
    "attack": ("attack", "map"),
    "auto_probe": ("attack",),
    "stimulus": ("images", "budget"),
    "clean": ("map",),
    "probe": WHOLE,
    "pinned": ("pinned", *WHOLE),
    "progress": (*SHOWN, "progress", "steps", "curve"),
    "refining": ("refining",),
    "run": ("run",),
    "is_probing": WHOLE,
    "preview": SHOWN,
    "step": SHOWN,
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
        self._path = CortexPath(state, panels.cortex.view.canvas)
        self._began = 0.0
        self._rests_until = self._plots_from = 0.0
        self._has_plotted = False
        self._pictured: Probe | None = None
        self._last: Probe | None = None
        self._before: Probe | None = None
        self._compared = ""
        self._aimed: Target | None = None
        self._stale: set[str] = set()
        self._round: list[str] = []
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._draw)
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._rest)
        for signal, parts in STALE.items():
            getattr(state, f"{signal}_changed").connect(partial(self.mark, *parts))
        state.probe_changed.connect(self._take_last)

    def compare(self, response: str) -> None:
        """Show the "clean" or "perturbed" response in place of the map of responses chosen; "" the map itself."""
        self._compared = response
        self.mark("map")

    def mark(self, *parts: str) -> None:
        """Have parts redrawn at the next turn of the event loop."""
        self._stale.update(parts)
        if self._stale and not self._timer.isActive():
            self._timer.start(max(0, round(1000 * (self._rests_until - time.monotonic()))))

    def settle(self) -> None:
        """Draw at once what is stale, for whoever goes on from what is shown."""
        while self._stale or self._round:
            self._timer.stop()
            self._plots_from = 0.0
            self._draw()

    def _draw(self) -> None:
        self._began, is_live = time.monotonic(), self._state.progress is not None
        follows = is_live or self._state.preview is not None
        for view in self._panels.cortex.views:
            view.canvas.set_hurried(is_live)
        if not self._round:  # what becomes stale meanwhile waits for the next one, or else the last part would starve
            waits = SLOWER if is_live and self._began < self._plots_from else ()
            self._round = [one for one in PARTS if one in self._stale and one not in waits]
            self._stale.difference_update(self._round)
            self._has_plotted = is_live and not waits
        while self._round:
            part = self._round.pop(0)
            getattr(self, f"_draw_{part}")()
            if self._round and (follows or time.monotonic() - self._began > TURN):
                self._timer.start(0)
                return
        self._pause.start(0)

    def _rest(self) -> None:
        now = time.monotonic()
        least = LIVE_REST if self._state.progress is not None else 0.0
        self._rests_until = now + max(least, min(LONGEST_REST, now - self._began))
        if self._has_plotted:
            self._plots_from, self._has_plotted = now + PLOT_REST, False
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
        rois += [(name, len(voxels)) for name, voxels in table.sets]
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
        self._panels.cortex.view.set_dimmed(np.asarray(card.r < self._panels.controls.gate.value()))

    def _draw_attack(self) -> None:
        state, controls = self._state, self._panels.controls
        controls.attack.direction.set_value(state.direction)
        controls.attack.set_value(state.attack)
        controls.run.auto.setChecked(state.auto_probe)

    def _draw_target(self) -> None:
        target, card = self._state.target, self._state.card
        form = self._panels.controls.target
        self._panels.controls.against.set_value(self._state.aim.against)
        form.options.set_value(self._state.aim, is_pattern=target is not None and target.kind is TargetKind.PATTERN)
        if target is None:
            form.set_kind(TargetKind(form.kind.value()))
            form.set_summary("", "")
            self._aimed = None
            mark_target(self._panels.cortex.view, None, None)
            return
        if target != self._aimed:  # else the tab may stand at the kind of the next one
            form.set_kind(target.kind, target.roi if target.kind is TargetKind.ROI else "")
        self._aimed = target
        details = ""
        if card is not None:
            voxels = list(target.voxels)
            r, ceiling = float(np.median(card.r[voxels])), float(np.median(card.noise_ceiling[voxels]))
            most = f"of at most {format_number(np.sqrt(ceiling))}" if ceiling >= 0 else "· noise ceiling not known"
            details = f"{card.scored_on} r {format_number(r)} {most}{' (medians)' if len(voxels) > 1 else ''}"
        form.set_summary(target.label[0].upper() + target.label[1:], details)
        mark_target(self._panels.cortex.view, target, self._state.subject)
        self._panels.responses.power.set_usual(*self._find_noise(target))

    def _find_noise(self, target: Target) -> tuple[float, float]:
        """ncsnr of the target's voxels, and how far they move for an SD predicted; medians, NaN where not known."""
        subject, card, voxels = self._state.subject, self._state.card, list(target.voxels)
        if subject is None or card is None or not len(subject.n_trials):
            return np.nan, np.nan
        shown = subject.n_trials[subject.test] if subject.test.any() else subject.n_trials
        ncsnr = np.median(find_ncsnr(subject.voxels.noise_ceiling[voxels], shown))
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.median(card.r[voxels] / np.sqrt(card.noise_ceiling[voxels]))
        return float(ncsnr), float(slope)

    def _draw_images(self) -> None:
        state, images = self._state, self._panels.images
        if state.stimulus is None:
            return
        begins = (
            state.is_probing and state.progress is None and (state.probe is None or state.probe.config != state.run)
        )
        if begins and self._last is not None and self._last.stimulus_sha256 == state.stimulus.sha256:
            self._pictured = None
            images.show_probe(self._last, is_last=True)
            return
        if state.probe is not None and state.progress is None:
            self._draw_images_of(state.probe)
            return
        self._pictured = None
        progress = state.progress
        pixels = progress.pixels if progress is not None else None
        caption = f"step {progress.step} of {progress.n_steps}" if progress is not None else "clean"
        images.show_images(levels_of(state.stimulus), pixels, caption=caption, title=self._title())
        if progress is not None:
            attack = state.attack if state.run is None else state.run.attack
            images.show_step(progress.pixels, replace(attack, epsilon=progress.epsilon))

    def _take_last(self) -> None:
        """Remember what is shown, and what was before it; a quick look and what it grows into are one."""
        last, probe = self._last, self._state.probe
        if probe is not None and last is not None and last.config.attack != probe.config.attack.quick_look():
            self._before = last
        self._last = probe or last

    def _draw_images_of(self, probe: Probe) -> None:
        images, step, preview = self._panels.images, self._state.step, self._state.preview
        if self._pictured is not probe or (step is None and preview is None):
            images.show_probe(probe)
        self._pictured = probe
        if step is not None:
            history = probe.history
            attack = replace(probe.config.attack, epsilon=float(history.epsilon[step]))
            images.show_step(history.pixels[step], attack)
        elif preview is not None:
            images.show_preview(preview)

    def _title(self) -> str:
        state = self._state
        name = state.stimulus.id if state.stimulus is not None else ""
        return f"{name} · {state.direction} {state.target.label}" if state.target is not None else name

    def _draw_map(self) -> None:
        name, view = self._panels.cortex.current_map(), self._panels.cortex.view
        swapped = name in RESPONSES and find_perturbed(self._state) is not None
        shown = self._compared if self._compared and swapped else name
        wanted, gate_r = self._panels.cortex.beside_box.value(), self._panels.controls.gate.value()
        chosen, beside = make_maps(shown, self._state, wanted, gate_r=gate_r)
        self._path.follow(self._panels.cortex.path_button.isChecked())
        box = self._panels.cortex.map_box
        row, title = box.findData(SHIFT), NO_SHIFT if find_perturbed(self._state) is None else "Shift"
        if box.itemText(row) != title:  # even the same one lays the tools out anew
            box.setItemText(row, title)
        box.setToolTip(f"Map: {chosen.title}" if chosen.title else "Map")
        own, on_left = (None, False) if beside is None else (beside.own, beside.is_pinned)
        twin = self._panels.cortex.show_second(beside is not None, own, on_left=on_left)
        over, mode, level = self._panels.cortex.over.value()
        made = make_map(over, self._state, before=self._before) if over else None
        view.set_over(made, self._panels.cortex.over.title(), mode=mode, level=float(level))
        if name == REGIONS:
            view.show_regions(True)
            return
        for place, one in ((view, chosen), (twin, None if beside is None else beside.map)):
            if place is not None and one is not None:
                place.set_map(one, self._panels.cortex.ranges.get(name_kind(one.unit, one.diverging)))
        if twin is not None and beside is not None:
            twin.set_dimmed(beside.map.dimmed)
            mark_target(twin, beside.target, self._state.subject)

    def _draw_pinned(self) -> None:
        self._panels.images.set_pinned(self._state.pinned)
        self._panels.responses.set_pinned(self._state.pinned)

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
        self._panels.controls.run.show_made(probe)
        if probe is not None and subject is not None:
            self._panels.responses.take_probe(probe, subject.voxels)
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

    def _draw_steps(self) -> None:
        self._panels.responses.draw_steps()

    def _draw_curve(self) -> None:
        self._panels.responses.draw_curve()

    def _draw_budget(self) -> None:
        self._panels.images.read_budget()

    def _draw_spill(self) -> None:
        self._panels.responses.draw_spill()

    def _draw_refining(self) -> None:
        if self._state.refining is not None:
            self._panels.controls.run.show_progress(self._state.refining, most="at most ")


def mark_target(view: CortexView, target: Target | None, subject: Subject | None) -> None:
    """Mark the voxel or the set, drawn or kept, that is aimed at; an ROI of the atlas has its outline."""
    kept = () if subject is None else dict(subject.voxels.sets)
    is_set = target is not None and (
        target.kind is TargetKind.SET or target.roi in kept or split_side(target.roi)[1] in kept
    )
    view.select_voxel(target.voxels[0] if target is not None and target.kind is TargetKind.VOXEL else None)
    view.show_set(target.voxels if target is not None and is_set else ())


def describe_scores(card: EncoderCard) -> str:
    """The line under the encoder form."""
    if not np.isfinite(card.r).any():
        return f"r not known, {card.n_voxels:,} voxels"
    return f"Median {card.scored_on} r {np.nanmedian(card.r):.2f}"
