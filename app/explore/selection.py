"""What the user has chosen, as one frozen record that can be shown again: for undo, sessions, analyses and the tray.

`Explore.selection` reads it from the window and `Explore.show` puts it back. Never computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from app.base.catalogue import Catalogue
from app.base.services import Services
from app.base.state import AppState, Pinned
from app.widgets.desk import Loaded
from core.attacks.objective_config import ObjectiveKind
from core.checks import refusal
from core.datasets.image_store import SEPARATOR
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import choose_surface, shown_surface
from core.images.stimulus import Stimulus
from core.probes.choice import Choice, TargetOptions
from core.probes.files import identify_probe
from core.probes.probe import Probe, ProbeConfig
from core.session.record import ImageRecord, SessionRecord
from core.session.reference import refer_as_opened
from core.surfaces.placing import Placed, place_voxels
from core.surfaces.store import has_surface, load_surface

FIRST = ("subject", "network", "layer", "image")
TITLES = {"gate_r": "gate", "aim": "target options", "pinned": "pinned probe"}
"""How the menu names a change where the field is called otherwise; the first that differs is named."""


@dataclass(frozen=True, slots=True)
class Selection(Choice):
    """Everything that decides which probe is made and which map is shown.

    Parameters
    ----------
    image : Id or path.
    stimulus : The image as it was read, so that it comes back even if its file has gone; None to open `image`.
    pinned : The probe that is compared with, None for none.
    """

    image: str = ""
    gate_r: float = 0.1
    map: str = "shift"
    stimulus: Stimulus | None = field(default=None, compare=False)
    pinned: Pinned | None = None

    def changed_since(self, other: Selection) -> tuple[str, ...]:
        """The names of the fields that differ."""
        names = dict.fromkeys((*FIRST, *(item.name for item in fields(self) if item.compare)))
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))

    def name_change(self, other: Selection | None) -> str:
        """What differs most between the two, in a word for a menu; "" if there is no other one."""
        if other is None:
            return ""
        name = other.changed_since(self)[0]
        if name == "aim" and self.aim.against != other.aim.against:
            return "second encoder"
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
            against=config.against,
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


def capture_selection(services: Services, selection: Selection) -> dict[str, Any]:
    """The fields of a session's record that say what is chosen."""
    state = services.state
    return selection.parts() | {
        "gate_r": selection.gate_r,
        "surface": state.subject.surface if state.subject is not None else "",
        "encoder_sha256": state.card.sha256 if state.card is not None else "",
        "image": _capture_image(services, selection),
        "auto_probe": state.auto_probe,
        "pinned_sha256": "" if selection.pinned is None else selection.pinned.sha256,
    }


def selection_of(loaded: Loaded, catalogue: Catalogue) -> Selection:
    """What a session's record says is chosen; a subject that is not there any more stays out."""
    record = loaded.record
    known = {info.id for info in catalogue.subjects}
    values = record.parts() | {"subject": record.subject if record.subject in known else "", "gate_r": record.gate_r}
    return Selection(**values, image=loaded.image, map=record.view.map, stimulus=loaded.stimulus)


def pin(probe: Probe, placed: Placed) -> Pinned:
    """Keep a probe of the subject with these voxels. Raises BadInputError if it has other voxels now."""
    n_voxels = placed.voxels.n_voxels
    if len(probe.clean) != n_voxels:
        advice = "The subject was imported anew: pin a new probe."
        raise refusal("pinned probe", allowed=f"of {n_voxels} voxels", got=len(probe.clean), advice=advice)
    return Pinned(probe, placed, identify_probe(probe))


def pin_loaded(loaded: Loaded, catalogue: Catalogue) -> Pinned | None:
    """The pinned probe of a session, on its subject's surface. Raises ProbeError if the subject is not here."""
    if (probe := loaded.pinned) is None:
        return None
    subject = catalogue.load_subject(probe.config.subject)
    return pin(probe, place_voxels(subject.voxels, subject.surface))


def use_surface(record: SessionRecord, services: Services) -> None:
    """Show the subject on the surface it was shown on, if that is kept here and fits. Raises ProbeError if not."""
    known = {info.id for info in services.catalogue.subjects}
    if record.subject not in known or not has_surface(record.surface):
        return
    recorded = load_as_recorded(record.subject)
    if shown_surface(record.subject, own=recorded.surface) == record.surface:
        return
    surface = load_surface(record.surface)
    choose_surface(record.subject, recorded.voxels, own=recorded.surface, surface=surface)
    shown = services.state.subject
    if shown is not None and shown.id == record.subject:
        services.controller.open_subject(record.subject)


def _capture_image(services: Services, selection: Selection) -> ImageRecord | None:
    if not selection.image:
        return None
    if selection.stimulus is None or not _is_file(selection.image, services.catalogue):
        return ImageRecord(selection.image)
    path = Path(selection.image).absolute()
    return ImageRecord(path.stem, refer_as_opened(path, selection.stimulus.sha256))


def _is_file(key: str, catalogue: Catalogue) -> bool:
    """Whether the key of an image is a file's path, not an id of the catalogue or "SUBJECT:IMAGE"."""
    known = {info.id for info in catalogue.images}
    subject = key.partition(SEPARATOR)[0]
    return key not in known and subject not in {info.id for info in catalogue.subjects}
