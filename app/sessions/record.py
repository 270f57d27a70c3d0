"""The record of a session: gathered from the features, compared, and read with what it needs.

What is missing is left out; what was saved stays in the record for the next save (`merge_unchanged`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.base.catalogue import Catalogue
from app.widgets.desk import Loaded
from core.errors import ProbeError
from core.probes.choice import Choice
from core.probes.files import load_probe
from core.probes.probe import Probe
from core.session.record import SessionRecord, ViewRecord
from core.session.reference import Missing, find_file

SELECTED = (*Choice().parts(), "image")
"""What a probe belongs to."""

GROUPS = (
    ("pinned", "pinned_sha256"),
    ("subject", "surface", "network", "layer", "encoder_sha256", "target", "aim"),
    *((name,) for name in ("image", "direction", "attack", "gate_r", "auto_probe")),
    *((name,) for name in ("analyses", "measured", "images", "tray")),
)
"""Fields that only make sense together."""


def essence(record: SessionRecord) -> SessionRecord:
    """What the user would miss: a session counts as changed if this differs, not if the cortex was turned."""
    view = ViewRecord(map=record.view.map, ranges=record.view.ranges, beside=record.view.beside)
    return replace(record, probe=None, pinned=None, view=view, tab="", layout={}, surface="")


def merge_unchanged(opened: SessionRecord, after: SessionRecord, now: SessionRecord) -> SessionRecord:
    """What to save of a session of which not everything could be opened: nothing that was left out is lost.

    Parameters
    ----------
    opened : As the file had it.
    after : As the window showed it once it was open.
    now : As the window shows it now. What did not change since then is kept as the file had it.
    """
    values: dict[str, Any] = {}
    for group in GROUPS:
        if all(getattr(now, name) == getattr(after, name) for name in group):
            values |= {name: getattr(opened, name) for name in group}
    merged = replace(now, **values)
    if all(getattr(merged, name) == getattr(opened, name) for name in SELECTED):
        merged = replace(merged, probe=opened.probe)
    return merged


def load_record(
    record: SessionRecord,
    catalogue: Catalogue,
    *,
    missing: tuple[Missing, ...],
    found: Mapping[str, Path],
    folders: tuple[Path, ...] = (),
) -> Loaded:
    """Read subject, image, probe and the places of analyses; for the lane.

    Parameters
    ----------
    missing : What is known not to be there.
    found : Where moved files are now, by what they are.
    folders : Where to look for the others.
    """
    problems = [one.sentence for one in missing if one.what not in found]
    places = {what: found.get(what) or find_file(reference, folders) for what, reference in record.references().items()}
    key, stimulus = _image_key(record, places), None
    probes: dict[str, Probe] = {}
    with suppress(ProbeError):  # told when it is opened
        catalogue.place_subject(record.subject)
    try:
        stimulus = catalogue.load_stimulus(key, catalogue.side_of(record.network)) if key else None
    except ProbeError as error:
        problems.append(str(error))
    for what in ("probe", "pinned probe"):
        try:
            if (header := places.get(what)) is not None:
                probes[what] = load_probe(header)
        except ProbeError as error:
            problems.append(str(error))
    image = key if stimulus is not None else ""
    told = tuple(dict.fromkeys(problems))
    return Loaded(record, image, stimulus, probes.get("probe"), probes.get("pinned probe"), places, told)


def _image_key(record: SessionRecord, places: Mapping[str, Path | None]) -> str:
    if record.image is None:
        return ""
    if record.image.file is None:
        return record.image.key
    place = places.get("image")
    return str(place) if place is not None else ""
