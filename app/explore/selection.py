"""What the user has chosen, as one frozen record that can be shown again: for undo, sessions, analyses and the tray.

`Explore.selection` reads it from the window and `Explore.show` puts it back. Never computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

from app.base.state import AppState
from core.attacks.objective_config import ObjectiveKind
from core.images.stimulus import Stimulus
from core.probes.choice import Choice
from core.probes.probe import Probe, ProbeConfig
from core.probes.target_options import TargetOptions

FIRST = ("subject", "network", "layer", "image")
TITLES = {"gate_r": "gate"}
"""How the menu names a change where the field is called otherwise; the first that differs is named."""


@dataclass(frozen=True, slots=True)
class Selection(Choice):
    """Everything that decides which probe is made and which map is shown.

    Parameters
    ----------
    image : str
        Id or path.
    gate_r : float
    map : str
    stimulus : Stimulus or None
        The image as it was read, so that it comes back even if its file has gone; None to open `image`.
    """

    image: str = ""
    gate_r: float = 0.1
    map: str = "shift"
    stimulus: Stimulus | None = field(default=None, compare=False)

    def changed_since(self, other: Selection) -> tuple[str, ...]:
        """The names of the fields that differ."""
        names = dict.fromkeys((*FIRST, *(item.name for item in fields(self) if item.compare)))
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))

    def name_change(self, other: Selection | None) -> str:
        """What differs most between the two, in a word for a menu; "" if there is no other one."""
        if other is None:
            return ""
        name = other.changed_since(self)[0]
        return TITLES.get(name, name)

    def asking(self, config: ProbeConfig, image: str) -> Selection:
        """The same gate and map with what leads to a probe; its target holds any contrast already."""
        objective = config.objective
        spares = objective.kind is ObjectiveKind.SELECTIVE
        aim = TargetOptions(
            spares_others=spares,
            spare_weight=objective.weight if spares else 1.0,
            pattern_mode=objective.kind if objective.kind.is_pattern else ObjectiveKind.DISTANCE,
            ensemble=config.ensemble,
        )
        return replace(
            self,
            subject=config.subject,
            network=config.network,
            layer=config.layer,
            image=image,
            target=config.target,
            direction=config.direction,
            attack=config.attack,
            aim=aim,
            stimulus=None,
        )


def fits_state(state: AppState, probe: Probe) -> bool:
    """Whether a probe was made of the image on screen with the encoder in use, as it is now."""
    made, card, stimulus = probe.config, state.card, state.stimulus
    if card is None or stimulus is None or state.subject is None:
        return False
    same_encoder = (made.subject, made.network, made.layer) == (state.subject.id, state.network, state.layer)
    same_files = probe.encoder_sha256 == card.sha256 and probe.stimulus_sha256 == stimulus.sha256
    return same_encoder and same_files and len(probe.clean) == state.subject.voxels.n_voxels
