"""Follows what the user asks for: selects, sends work to the lane, and puts the answers into the state.

Whatever changes the image or the encoder forgets what was computed for the old one and asks for the clean response
first; a probe follows if "probe automatically" is on and a target is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from app.base.catalogue import Catalogue
from app.base.jobs import Failed, JobLane, WhenBusy
from app.base.pictures import export_stimuli, write_probe
from app.base.problems import Problems
from app.base.state import AppState, matches_probe, request_probe
from core.attacks.config import AttackConfig
from core.engine import Engine
from core.images.stimulus import Stimulus
from core.probes.against import Against
from core.probes.choice import TargetOptions
from core.probes.probe import Preview, Probe, ProbeConfig, ProbeProgress
from core.probes.target import Target, read_numbers, target_pattern, target_roi, target_set, target_voxel
from core.surfaces.placing import place_nowhere, place_voxels
from core.types import Direction, FloatArray, VoxelTable

if TYPE_CHECKING:
    from core.attacks.mask import Mask

T = TypeVar("T")
Take = Callable[[ProbeProgress], None]
FILE_WRITES = "write"
"""The kind of the jobs that write one file or folder each: all of them are done, in order."""


class Controller(QObject):
    """The one that knows the order of things."""

    noted = Signal(str)
    """Something went well and is worth a line."""

    image_opened = Signal(str)
    """The key of the image now shown: a catalogue id or a path."""

    catalogue_changed = Signal()
    """Subjects, networks or encoders were added or removed."""

    def __init__(
        self, state: AppState, lane: JobLane, *, engine: Engine, catalogue: Catalogue, problems: Problems
    ) -> None:
        super().__init__()
        self._state = state
        self._lane = lane
        self._engine = engine
        self.catalogue = catalogue
        self._problems = problems
        self._try = problems.attempt
        self.image_key = ""
        self._wants_atlas = False
        self._asked_mask: Mask | None = None

    def reread_catalogue(self) -> None:
        """Add what is new and drop what was removed since the catalogue was read."""
        self.catalogue = self.catalogue.reread()
        self.catalogue_changed.emit()
        self.fit_image()

    def warm_up(self) -> None:
        """Load the engine behind the first paint."""
        take, title = partial(setattr, self._state, "device"), "Loading the engine…"
        self._lane.submit("engine", lambda _stop: self._engine.warm_up(), on_done=take, title=title)

    def open_subject(self, subject: str) -> None:
        """Show another subject; its encoder is the nearest to the one in use."""
        loaded = self._try(lambda: self.catalogue.load_subject(subject))
        if loaded is None:
            return
        state = self._state
        self._forget()
        state.target = None
        state.card = None
        placed = self._try(lambda: place_voxels(loaded.voxels, loaded.surface)) or place_nowhere(loaded.voxels)
        state.placed, notes = placed, [placed.note]  # which says why it is not the subject's own surface, if so
        state.subject = loaded
        network, layer = self.catalogue.choose_encoder(subject, state.network, state.layer)
        if not network:
            notes.append(f"No encoder is fitted for {loaded.title}. Fit one: Encoders, Fit encoders… (Ctrl+F).")
        if any(notes):
            self._problems.message.emit(" ".join(filter(None, notes)), "warning")
        state.encoder = ("", "")
        if network:
            self.open_encoder(network, layer)

    def open_encoder(self, network: str, layer: str) -> None:
        """Use another network or layer; image and target stay."""
        state = self._state
        subject = state.subject
        if subject is None or (network, layer) == state.encoder:
            return
        card = self._try(lambda: self._engine.encoder_card(subject.id, network, layer))
        self._forget()
        state.card = card
        state.encoder = (network, layer)
        if card is not None:
            self._reload_image()
            self._request_clean()

    def open_image(self, key: str, then: Callable[[], object] = lambda: None) -> None:
        """Show another image, one of the catalogue at once, a file from the lane, and do `then` once it is there."""

        def take(stimulus: Stimulus) -> None:
            self.take_stimulus(key, stimulus)
            if stimulus.notes:
                self.noted.emit(f"{stimulus.id}: {' '.join(stimulus.notes)}")
            then()

        side = self._side()
        if any(info.id == key for info in self.catalogue.images):
            stimulus = self._try(lambda: self.catalogue.load_stimulus(key, side))
            if stimulus is not None:
                take(stimulus)
            return

        load = self.catalogue.load_stimulus
        self._lane.submit("image", lambda _stop: load(key, side), on_done=take, title=f"Reading {Path(key).name}…")

    def pick_voxel(self, voxel: int) -> None:
        """Make one voxel the target."""
        self._aim(lambda voxels: target_voxel(voxels, voxel))

    def pick_roi(self, roi: str) -> None:
        """Make the mean of an ROI the target."""
        self._aim(lambda voxels: target_roi(voxels, roi))

    def pick_set(self, members: tuple[int, ...]) -> None:
        """Make the mean of a drawn set the target; an empty set takes the target away."""
        if members:
            self._aim(lambda voxels: target_set(voxels, members))
        elif self._state.subject is not None:
            self.clear_target()

    def pick_pattern(self, path: Path) -> None:
        """Make the wished responses of a file the target."""
        label = f"pattern {path.name}"
        self._aim(lambda voxels: target_pattern(voxels, read_numbers("pattern", path), label=label))

    def clear_target(self) -> None:
        """Take the target and its probe away."""
        self._lane.drop("probe")
        self._take_stop()
        self._state.preview = None
        self._state.step = None
        self._state.probe = None
        self._state.target = None

    def set_direction(self, direction: Direction) -> None:
        """Raise or lower."""
        self._state.direction = direction
        self.probe_if_automatic()

    def set_attack(self, attack: AttackConfig) -> None:
        """Settle on an attack; a preview gives way to the real probe."""
        self._state.attack = attack
        self.probe_if_automatic()

    def set_target_options(self, options: TargetOptions) -> None:
        """Ask more or less of the target than raising or lowering it."""
        self._state.aim = options
        self.probe_if_automatic()

    def set_against(self, against: Against | None) -> None:
        """Move a second encoder the other way, or none."""
        self._state.aim = replace(self._state.aim, against=against)
        self.fit_image()
        self.probe_if_automatic()

    def fit_image(self) -> None:
        """Read the image anew where the encoders in use want another size, and forget what was made of the old one."""
        stimulus = self._state.stimulus
        if stimulus is not None and stimulus.pixels.shape[-1] != self._side():
            self._forget()
            self._reload_image()
            self._request_clean()

    def set_auto_probe(self, automatic: bool) -> None:
        """Probe at every change, or only when asked."""
        self._state.auto_probe = automatic
        self.probe_if_automatic()

    def drag_epsilon(self, epsilon: float) -> None:
        """Preview another budget of the probe on screen; only the newest request waits."""
        probe = self._state.probe
        if probe is None or not self._try(lambda: matches_probe(self._state, probe)):
            return
        self._lane.drop("probe")
        self._take_stop()
        self._lane.submit(
            "preview",
            lambda _stop: self._engine.preview(probe, epsilon),
            on_done=lambda preview: self._take_preview(probe, preview),
            title="Previewing…",
            when_busy=WhenBusy.LATEST,
        )

    def probe_if_automatic(self) -> None:
        """Make the probe the form describes, unless it is on screen already or the user wants to ask for it."""
        state = self._state
        if not state.auto_probe or state.clean is None or state.target is None:
            return
        wanted = self._try(lambda: request_probe(state))
        if wanted is None:
            return
        if state.probe is not None and state.probe.config == wanted and not self._lane.is_busy("probe"):
            self._lane.drop("preview")
            state.preview = None
            return
        self.probe()

    def probe(self) -> None:
        """Make the probe the form describes: where its attack goes on until it converges, a quick look comes first."""
        state = self._state
        config = self._try(lambda: request_probe(state))
        if config is None or state.stimulus is None:
            return
        self._lane.drop("preview")
        self._lane.drop("atlas")
        state.progress = None
        quick = None if config.wanted_shift_sd else config.attack.quick_look()
        state.is_probing = True
        state.run = first = config if quick is None else replace(config, attack=quick)
        done = partial(self._take_probe, run=first, refine=None if quick is None else config)
        self._run(first, self._take_progress, done)

    def _run(self, config: ProbeConfig, on_progress: Take, on_done: Take) -> None:
        stimulus = self._state.stimulus
        if stimulus is not None:
            self._lane.submit(
                "probe",
                lambda stop: self._engine.iter_probe(config, stimulus, should_stop=stop),
                on_progress=on_progress,
                on_done=on_done,
                on_failed=self._fail_probe,
                on_stopped=self._take_stop,
                title="Probing…",
            )

    def cancel(self) -> None:
        """Stop what runs in the foreground, or else the background job; what was on screen before comes back."""
        self._lane.cancel()

    def write(self, title: str, make: Callable[[], T], *, on_done: Callable[[T], None] | None = None) -> None:
        """Have a file or folder written; what `make` returns is told as a line, unless `on_done` takes it.

        Neither Esc nor another write takes its place; it is refused in the window, wherever the user is by then.
        """
        done = on_done or self.noted.emit
        self._lane.submit(FILE_WRITES, lambda _stop: make(), on_done=done, title=title, when_busy=WhenBusy.QUEUE)

    def want_atlas(self, wanted: bool) -> None:
        """Whether the sensitivity map is on screen; its gradients are computed when it is."""
        self._wants_atlas = wanted
        if not wanted:
            self._lane.drop("atlas")
        self._request_atlas()

    def export(self, folder: Path) -> None:
        """Write the stimuli of the probe on screen."""
        probe, image = self._state.probe, self.image_key
        if probe is not None:
            self.write("Exporting…", lambda: export_stimuli(self._engine, probe, image=image, folder=folder))

    def save_probe(self, path: Path) -> None:
        """Write a file that reproduces the probe on screen."""
        probe = self._state.probe
        if probe is not None:
            self.write("Saving the probe…", partial(write_probe, probe, path))

    def _aim(self, make: Callable[[VoxelTable], Target]) -> None:
        subject = self._state.subject
        target = None if subject is None else self._try(lambda: make(subject.voxels))
        if target is None:
            return
        if target != self._state.target:
            self.clear_target()
            self._state.target = target
        self.probe_if_automatic()

    def _side(self) -> int:
        against = self._state.aim.against
        names = [self._state.network, *([against.network] if against is not None else [])]
        return max(self.catalogue.side_of(name) for name in names)

    def _forget(self) -> None:
        for kind in ("probe", "preview", "atlas", "clean"):
            self._lane.drop(kind)
        self._state.forget_results()

    def _reload_image(self) -> None:
        """Read the image anew if the network wants another size."""
        stimulus = self._state.stimulus
        if stimulus is None or stimulus.pixels.shape[-1] == self._side():
            return
        fresh = self._try(lambda: self.catalogue.load_stimulus(self.image_key, self._side()))
        if fresh is not None:
            self._state.stimulus = fresh

    def take_stimulus(self, key: str, stimulus: Stimulus) -> None:
        """Show an image that was read already; its notes were told then."""
        self._forget()
        self.image_key = key
        self._state.stimulus = stimulus
        self.image_opened.emit(key)
        self._request_clean()

    def _request_clean(self) -> None:
        state = self._state
        stimulus, subject, card = state.stimulus, state.subject, state.card
        if stimulus is None or subject is None or card is None:
            return
        network, layer = state.encoder
        self._lane.submit(
            "clean",
            lambda _stop: self._engine.predict(subject.id, network, layer, stimulus, side=_side_of(stimulus)),
            on_done=self._take_clean,
            title="Predicting the clean response…",
        )

    def _request_atlas(self) -> None:
        state, mask = self._state, self._state.attack.mask
        stimulus, subject, atlas = state.stimulus, state.subject, state.atlas
        is_asked = self._lane.is_busy("atlas") and self._asked_mask == mask
        ready = state.clean is not None and not is_asked and (atlas is None or atlas.mask != mask)
        if not (ready and self._wants_atlas and stimulus is not None and subject is not None):
            return
        self._asked_mask, (network, layer) = mask, state.encoder
        self._lane.submit(
            "atlas",
            lambda stop: self._engine.iter_gradient_atlas(
                subject.id, network, layer, stimulus, mask=mask, side=_side_of(stimulus), should_stop=stop
            ),
            on_done=lambda last: setattr(state, "atlas", last.result),
            title="Computing every voxel's gradient…",
        )

    def _take_clean(self, clean: FloatArray) -> None:
        self._state.clean = clean
        self.probe_if_automatic()
        self._request_atlas()

    def _take_progress(self, progress: ProbeProgress) -> None:
        self._state.preview = None
        self._state.step = None
        self._state.progress = progress

    def _take_probe(self, last: ProbeProgress, *, run: ProbeConfig, refine: ProbeConfig | None = None) -> None:
        """Show a probe; after a quick look go on to the whole one, whose steps are told but not drawn."""
        state = self._state
        state.preview = state.step = state.progress = state.refining = None
        state.run, state.probe = run, last.result
        if refine is None:
            state.is_probing = False
            self._request_atlas()
        else:
            self._run(refine, partial(setattr, state, "refining"), partial(self._take_probe, run=refine))

    def _take_preview(self, probe: Probe, preview: Preview) -> None:
        if probe is self._state.probe:
            self._state.step = None
            self._state.preview = preview

    def _take_stop(self) -> None:
        self._state.progress = self._state.refining = None
        self._state.is_probing = False

    def _fail_probe(self, failed: Failed) -> None:
        self._take_stop()
        self._problems.show_failed(failed)


def _side_of(stimulus: Stimulus) -> int:
    return int(stimulus.pixels.shape[-1])
