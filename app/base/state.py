"""What is selected and known in the window, one value and one signal each, and the probe it describes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from PySide6.QtCore import QObject, Signal, SignalInstance

from core.attacks.config import AttackConfig
from core.checks import refusal
from core.datasets.subject import Subject
from core.encoders.card import EncoderCard
from core.images.stimulus import Stimulus
from core.probes.choice import Choice, TargetOptions
from core.probes.probe import Preview, Probe, ProbeConfig, ProbeProgress
from core.probes.target import Target
from core.surfaces.placing import Placed
from core.types import Direction, FloatArray

if TYPE_CHECKING:
    from core.engine import EncoderKey
    from core.probes.gradient_atlas import GradientAtlas
    from core.probes.jury import Vote


T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Pinned:
    """A finished probe that others are compared with, its subject's voxels on their surface, and its hash."""

    probe: Probe
    placed: Placed
    sha256: str

    @property
    def shift(self) -> str:
        """Its target's shift in SDs of its clean reference responses, or where these are not known in its unit."""
        shift, sd, probe = float(self.probe.curve.shift[-1]), self.probe.target_sd, self.probe
        value, unit = (shift / sd, "SD") if sd > 0 else (shift, probe.config.objective.unit(probe.response_unit))
        return f"{value:+.2f} {unit}".replace("-", "\N{MINUS SIGN}", 1)

    @property
    def label(self) -> str:
        """Its encoder in a few words."""
        return f"{self.probe.config.network} {self.probe.config.layer}"


class Fact(Generic[T]):
    """An attribute of a QObject; the signal NAME_changed, which it makes, is emitted when its value changes."""

    def __init__(self, default: T, *, same: Callable[[Any, Any], bool] = operator.is_) -> None:
        self._default, self._same, self._name = default, same, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        setattr(owner, f"{name}_changed", Signal())

    @overload
    def __get__(self, owner: None, kind: type) -> Fact[T]: ...
    @overload
    def __get__(self, owner: QObject, kind: type) -> T: ...
    def __get__(self, owner: QObject | None, kind: type) -> Fact[T] | T:
        if owner is None:
            return self
        return cast(T, owner.__dict__.get(f"_fact_{self._name}", self._default))

    def __set__(self, owner: QObject, value: T) -> None:
        if self._same(self.__get__(owner, type(owner)), value):
            return
        owner.__dict__[f"_fact_{self._name}"] = value
        getattr(owner, f"{self._name}_changed").emit()


class AppState(QObject):
    """The facts of one session; every signal only says that something changed."""

    placed: Fact[Placed | None] = Fact(None)
    subject: Fact[Subject | None] = Fact(None)
    encoder: Fact[tuple[str, str]] = Fact(("", ""), same=operator.eq)
    card: Fact[EncoderCard | None] = Fact(None)
    stimulus: Fact[Stimulus | None] = Fact(None)
    target: Fact[Target | None] = Fact(None, same=operator.eq)
    direction: Fact[Direction] = Fact(Direction.RAISE, same=operator.eq)
    attack: Fact[AttackConfig] = Fact(AttackConfig(), same=operator.eq)
    aim: Fact[TargetOptions] = Fact(TargetOptions(), same=operator.eq)
    clean: Fact[FloatArray | None] = Fact(None)
    probe: Fact[Probe | None] = Fact(None)
    pinned: Fact[Pinned | None] = Fact(None)
    votes: Fact[Mapping[EncoderKey, Vote]] = Fact({})
    run: Fact[ProbeConfig | None] = Fact(None)
    is_probing: Fact[bool] = Fact(False, same=operator.eq)
    progress: Fact[ProbeProgress | None] = Fact(None)
    refining: Fact[ProbeProgress | None] = Fact(None)
    preview: Fact[Preview | None] = Fact(None)
    atlas: Fact[GradientAtlas | None] = Fact(None)
    step: Fact[int | None] = Fact(None, same=operator.eq)
    device: Fact[str] = Fact("", same=operator.eq)
    auto_probe: Fact[bool] = Fact(True, same=operator.eq)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> SignalInstance:
            """The signals of the facts."""

    @property
    def network(self) -> str:
        """Catalogue id of the network."""
        return self.encoder[0]

    @property
    def layer(self) -> str:
        """The feature layer."""
        return self.encoder[1]

    def forget_results(self) -> None:
        """Drop everything computed for another image or encoder."""
        self.step = None
        self.preview = None
        self.progress = self.refining = None
        self.is_probing = False
        self.probe = None
        self.atlas = None
        self.clean = None

    def choice(self) -> Choice:
        """What is chosen now."""
        subject = self.subject.id if self.subject is not None else ""
        return Choice(subject, *self.encoder, self.target, self.direction, self.attack, self.aim)


def request_probe(state: AppState) -> ProbeConfig:
    """The probe the window describes now. Raises BadInputError if subject, encoder or target is missing or unusable."""
    if state.subject is None:
        raise refusal("encoder", allowed="chosen", got="none", advice="Choose a network first.")
    return state.choice().probe_config(state.subject.voxels)


def matches_probe(state: AppState, probe: Probe) -> bool:
    """Whether a probe differs from what the window describes in budget and schedule at most, so it can be rescaled."""
    if state.target is None or state.stimulus is None or probe.stimulus_sha256 != state.stimulus.sha256:
        return False
    aim = ("network", "layer", "ensemble", "against", "target", "direction", "objective")
    asked = operator.attrgetter(*aim, "attack.norm", "attack.mask", "attack.quantise")
    return bool(asked(request_probe(state)) == asked(probe.config))
