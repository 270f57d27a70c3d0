"""What the user has chosen, as one frozen record that can be put back: for undo, redo and sessions. Never computes.

Putting it back goes through the controller, so that everything follows as if the user had chosen it; a probe that is
known already is shown instead of being made again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from app.base.aim import Aim
from app.explore.presenter import SENSITIVITY
from core.attacks.config import AttackConfig
from core.images.stimulus import Stimulus
from core.probes.probe import Probe
from core.probes.target import Target
from core.types import Direction

if TYPE_CHECKING:
    from app.shell.main_window import MainWindow

TITLES = {
    "subject": "subject",
    "network": "network",
    "layer": "layer",
    "image": "image",
    "target": "target",
    "direction": "direction",
    "attack": "attack",
    "aim": "aim",
    "gate_r": "gate",
    "map": "map",
}
"""How the menu names a change; the first that differs is named."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that decides which probe is made and which map is shown.

    Parameters
    ----------
    subject, network, layer, image : str
        Ids; `image` may be a path.
    target : Target or None
    direction : Direction
    attack : AttackConfig
    aim : Aim
    gate_r : float
    map : str
    stimulus : Stimulus or None
        The image as it was read, so that it comes back even if its file has gone.
    """

    subject: str
    network: str
    layer: str
    image: str
    target: Target | None
    direction: Direction
    attack: AttackConfig
    aim: Aim
    gate_r: float
    map: str
    stimulus: Stimulus | None = field(default=None, compare=False)

    def changed_since(self, other: Selection) -> tuple[str, ...]:
        """The names of the fields that differ."""
        return tuple(item.name for item in fields(self) if item.compare and _differ(self, other, item.name))


def capture_selection(window: MainWindow) -> Selection:
    """What is chosen now."""
    state = window.session.state
    return Selection(
        subject=state.subject.id if state.subject is not None else "",
        network=state.network,
        layer=state.layer,
        image=window.session.controller.image_key,
        target=state.target,
        direction=state.direction,
        attack=state.attack,
        aim=state.aim,
        gate_r=window.controls.gate.value(),
        map=window.cortex.current_map(),
        stimulus=state.stimulus,
    )


def restore_selection(
    window: MainWindow, wanted: Selection, *, find_probe: Callable[[], Probe | None] = lambda: None
) -> None:
    """Choose it again and show the probe that `find_probe` then gives. What is not there any more stays out."""
    state, controller = window.session.state, window.session.controller
    automatic, state.auto_probe = state.auto_probe, False
    try:
        _restore_encoder(window, wanted)
        if wanted.stimulus is not None and wanted.stimulus is not state.stimulus:
            controller.take_stimulus(wanted.image, wanted.stimulus)
        _restore_target(window, wanted)
        state.direction, state.attack, state.aim = wanted.direction, wanted.attack, wanted.aim
        window.controls.gate.setValue(wanted.gate_r)
        window.cortex.set_map(wanted.map)
        probe = find_probe()
        if probe is not None and probe is not state.probe and fits_window(window, probe):
            show_probe(window, probe)
    finally:
        state.auto_probe = automatic
    controller.probe_if_automatic()


def fits_window(window: MainWindow, probe: Probe) -> bool:
    """Whether a probe was made of the image on screen with the encoder in use, as it is now."""
    state = window.session.state
    made, card, stimulus = probe.config, state.card, state.stimulus
    if card is None or stimulus is None or state.subject is None:
        return False
    same_encoder = (made.subject, made.network, made.layer) == (state.subject.id, state.network, state.layer)
    same_files = probe.encoder_sha256 == card.sha256 and probe.stimulus_sha256 == stimulus.sha256
    return same_encoder and same_files and len(probe.clean) == state.subject.voxels.n_voxels


def show_probe(window: MainWindow, probe: Probe) -> None:
    """Show a finished probe without making it again."""
    state, lane = window.session.state, window.session.lane
    for kind in ("clean", "preview", "probe"):
        lane.drop(kind)
    state.progress = state.preview = state.step = None
    state.run = probe.config
    state.clean = probe.clean
    state.probe = probe
    window.session.controller.want_atlas(window.cortex.current_map() == SENSITIVITY)


def _restore_encoder(window: MainWindow, wanted: Selection) -> None:
    state, controller = window.session.state, window.session.controller
    here = state.subject.id if state.subject is not None else ""
    if wanted.subject and wanted.subject != here:
        controller.open_subject(wanted.subject)
    fitted = {(one.network, one.layer) for one in window.session.catalogue.encoders_of(wanted.subject)}
    if (wanted.network, wanted.layer) in fitted:
        controller.open_encoder(wanted.network, wanted.layer)


def _restore_target(window: MainWindow, wanted: Selection) -> None:
    state = window.session.state
    same_subject = state.subject is not None and state.subject.id == wanted.subject
    if wanted.target == state.target or not same_subject:
        return
    window.session.controller.clear_target()
    state.target = wanted.target


def _differ(one: Selection, other: Selection, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))
