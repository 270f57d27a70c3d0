"""Explore's part of a saved session: to fields of its record, and back to a selection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.base.catalogue import Catalogue
from app.base.desk import Loaded
from app.base.services import Services
from app.explore.selection import Selection
from core.datasets.image_store import SEPARATOR
from core.datasets.subject import load_as_recorded
from core.datasets.surface_choice import choose_surface, shown_surface
from core.session.record import ImageRecord, SessionRecord
from core.session.reference import refer_as_opened
from core.surfaces.store import has_surface, load_surface


def capture_selection(services: Services, selection: Selection) -> dict[str, Any]:
    """The fields of a session's record that say what is chosen."""
    state = services.state
    return selection.parts() | {
        "gate_r": selection.gate_r,
        "surface": state.subject.surface if state.subject is not None else "",
        "encoder_sha256": state.card.sha256 if state.card is not None else "",
        "image": _capture_image(services, selection),
        "auto_probe": state.auto_probe,
    }


def selection_of(loaded: Loaded, catalogue: Catalogue) -> Selection:
    """What a session's record says is chosen; a subject that is not there any more stays out."""
    record = loaded.record
    known = {info.id for info in catalogue.subjects}
    values = record.parts() | {"subject": record.subject if record.subject in known else "", "gate_r": record.gate_r}
    return Selection(**values, image=loaded.image, map=record.view.map, stimulus=loaded.stimulus)


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
