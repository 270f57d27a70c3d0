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
from core.surfaces.placing import place_voxels
from core.types import FloatArray

Shown = tuple[Probe, Preview | None, int | None]
"""What is on screen: a probe, at another budget, or at one of its steps."""


def pixels_shown(shown: Shown) -> FloatArray:
    """The picture on screen, (3, height, width) in [0, 1]; of a single step only its 8 bits are kept."""
    probe, preview, step = shown
    if step is not None:
        return from_uint8(probe.history.pixels[step])
    return probe.perturbed_pixels if preview is None else probe.clean_pixels + preview.delta


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
        self._members: dict[tuple[str, ...], tuple[EncoderKey, ...]] = {}
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
        self._beside = encoder_of(what)
        self._timer.start()

    def members(self) -> tuple[EncoderKey, ...]:
        """An encoder of every network that is fitted for the subject: the open layer, else the usual, else the last."""
        subject, encoder = self._services.state.subject, self._services.state.encoder
        if subject is None:
            return ()
        if (asked := (subject.id, *encoder)) not in self._members:
            catalogue, layers = self._services.catalogue, dict[str, str]()
            for one in catalogue.encoders_of(subject.id):
                if one.network not in layers or catalogue.is_usual(subject.id, one.network, one.layer):
                    layers[one.network] = one.layer
            layers |= {network: layer for network, layer in [encoder] if network in layers}
            self._members[asked] = tuple((subject.id, *one) for one in layers.items())
        return self._members[asked]

    def jurors(self) -> list[Juror]:
        """Every member with its vote on the picture on screen."""
        votes, catalogue = self._services.state.votes, self._services.catalogue
        specs = [(key, catalogue.spec_of(key[1])) for key in self.members()]
        return [Juror(*key[1:], spec.title, spec.robust, votes.get(key)) for key, spec in specs if spec is not None]

    def _forget(self) -> None:
        """Encoders came, went or were fitted anew: ask again."""
        self._shown, self._members = None, {}
        self._services.state.votes = {}
        self._timer.start()

    def _begin(self) -> None:
        state, before = self._services.state, self._shown
        if state.probe is None or state.progress is not None:
            self._shown, self._pending, state.votes = None, [], {}
            return
        wanted = self.members() if self._sits else ()
        wanted = tuple(dict.fromkeys((*([] if self._beside is None else [self._beside]), *wanted)))
        shown = self._shown = (state.probe, state.preview, state.step)
        is_other = before is None or any(one is not other for one, other in zip(before, shown, strict=True))
        if before is None or before[0] is not shown[0]:
            state.votes, self._pending = {}, []
        elif is_other:
            state.votes = {key: replace(one, is_late=True) for key, one in state.votes.items()}
        heard = {key for key, one in state.votes.items() if not one.is_late}
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
        probe, is_own = shown[0], key[0] == shown[0].config.subject
        target = probe.target_vector if is_own else None
        found = self._services.engine.vote(key, target, probe.clean_pixels, pixels_shown(shown))
        if is_own:
            return found
        subject = self._services.catalogue.load_subject(key[0])
        return replace(found, placed=place_voxels(subject.voxels, subject.surface))

    def _take(self, key: EncoderKey, shown: Shown, found: Vote) -> None:
        if shown is self._shown:
            self._services.state.votes = {**self._services.state.votes, key: found}
        elif shown[0] is self._services.state.probe:
            self._services.state.votes = {**self._services.state.votes, key: replace(found, is_late=True)}
        self._ask()

    def _refuse(self, key: EncoderKey, shown: Shown, reason: str) -> None:
        if reason == STOPPED:
            self._pending = []
        elif self._beside == key:
            self.refused.emit(reason)
        self._take(key, shown, Vote(refused=reason))
