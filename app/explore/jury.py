"""Asks further encoders what shift they predict for the picture on screen, one after another on the lane.

Each answer is one job, so that whatever else waits goes first; a new picture takes the place of the one before.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.base.jobs import STOPPED
from app.base.services import Services
from app.explore.jury_strip import Juror
from app.explore.maps import encoder_of
from core.engine import EncoderKey
from core.images.stimulus import from_uint8
from core.probes.jury import Vote
from core.probes.probe import Preview, Probe
from core.probes.target import TargetKind
from core.surfaces.placing import place_voxels

Shown = tuple[Probe, Preview | None, int | None]
"""What is on screen: a probe, at another budget, or at one of its steps, of which only the 8 bits are kept."""


class Jury(QObject):
    """Keeps `state.votes` true of the picture on screen; those of the one before are marked until they come anew."""

    refused = Signal(str)
    """Why the encoder of the second cortex has no answer."""

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._sits = False
        self._beside: EncoderKey | None = None
        self._shown: Shown | None = None
        self._pending: list[EncoderKey] = []
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._begin)
        for fact in ("probe", "preview", "step", "progress"):
            getattr(services.state, f"{fact}_changed").connect(self._timer.start)
        services.controller.catalogue_changed.connect(self._forget)

    def set_sitting(self, sits: bool) -> None:
        """Ask every fitted network, or none."""
        self._sits = sits
        self._timer.start()

    def set_beside(self, what: str) -> None:
        """Ask the encoder a second cortex shows, too, if it shows one."""
        if (beside := encoder_of(what)) != self._beside:
            self._beside = beside
            self._timer.start()

    def members(self) -> tuple[EncoderKey, ...]:
        """An encoder of every network that is fitted for the subject: the open layer, else the usual, else the last."""
        subject, encoder = self._services.state.subject, self._services.state.encoder
        if subject is None:
            return ()
        catalogue, layers = self._services.catalogue, dict[str, str]()
        for one in catalogue.encoders_of(subject.id):
            if one.network not in layers or catalogue.is_usual(subject.id, one.network, one.layer):
                layers[one.network] = one.layer
        layers |= {network: layer for network, layer in [encoder] if network in layers}
        return tuple((subject.id, *one) for one in layers.items())

    def jurors(self) -> list[Juror]:
        """Every network with the layer of its encoder and its vote, None while that is waited for."""
        state, specs = self._services.state, self._services.catalogue.spec_of
        unheard = None if state.is_probing or state.probe is not None else Vote(refused="Run a probe first.")
        members = [(specs(key[1]), key[2], state.votes.get(key, unheard)) for key in self.members()]
        return [(spec, layer, vote) for spec, layer, vote in members if spec is not None]

    def _forget(self) -> None:
        """Encoders came, went or were fitted anew: ask again."""
        self._shown = None
        self._timer.start()

    def _begin(self) -> None:
        state, before = self._services.state, self._shown
        if state.probe is None or state.progress is not None:
            self._shown, self._pending = None, []
            if state.votes:
                state.votes = {}
            return
        wanted = (*filter(None, [self._beside]), *(self.members() if self._sits else ()))
        shown = self._shown = (state.probe, state.preview, state.step)
        if before is None or before[0] is not shown[0]:
            state.votes, self._pending = {}, []
        elif before[1] is not shown[1] or before[2] != shown[2]:
            state.votes = {key: replace(one, is_late=True) for key, one in state.votes.items()}
        heard = {key for key, one in state.votes.items() if not one.is_late and one.refused != STOPPED}
        waited = [key for key in self._pending if key in wanted]  # not heard of the last picture: first now
        self._pending = [key for key in dict.fromkeys((*waited, *wanted)) if key not in heard]
        self._ask()

    def _ask(self) -> None:
        shown, lane = self._shown, self._services.lane
        if not self._pending or shown is None or lane.is_busy("jury"):
            return
        key = self._pending.pop(0)
        lane.submit(
            "jury",
            lambda _stop: self._hear(key, shown),
            on_done=partial(self._take, key, shown),
            refuse=partial(self._refuse, key, shown),
            title="Asking the other networks…",
        )

    def _hear(self, key: EncoderKey, shown: Shown) -> Vote:
        """In the lane's thread."""
        probe, preview, step = shown
        made = probe.perturbed_pixels if preview is None else probe.clean_pixels + preview.delta
        made = made if step is None else from_uint8(probe.history.pixels[step])
        if key[0] == probe.config.subject:
            target = None if probe.config.target.kind is TargetKind.PATTERN else probe.target_vector
            return self._services.engine.vote(key, target, probe.clean_pixels, made)
        subject = self._services.catalogue.load_subject(key[0])
        vote = self._services.engine.vote(key, None, probe.clean_pixels, made)
        return replace(vote, placed=place_voxels(subject.voxels, subject.surface))

    def _take(self, key: EncoderKey, shown: Shown, vote: Vote) -> None:
        state = self._services.state
        if shown[0] is state.probe:
            state.votes = {**state.votes, key: replace(vote, is_late=shown is not self._shown)}
        self._ask()

    def _refuse(self, key: EncoderKey, shown: Shown, reason: str) -> None:
        if reason == STOPPED:  # the others are not asked either, until the jury sits again
            state = self._services.state
            state.votes = {**state.votes, **dict.fromkeys(self._pending, Vote(refused=STOPPED))}
            self._pending = []
        elif self._beside == key:
            self.refused.emit(reason)
        self._take(key, shown, Vote(refused=reason))
