"""Reads what the record of a session needs from files. Never shows it.

What is missing is left out; what was saved stays in the record for the next save (`merge_unchanged`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.base.catalogue import Catalogue
from app.base.desk import Loaded
from core.errors import ProbeError
from core.probes.files import load_probe
from core.session.check import Known, Missing
from core.session.record import SessionRecord
from core.session.reference import find_file

DEFAULT_SIDE = 224


def know(catalogue: Catalogue) -> Known:
    """What is on offer in this window."""
    return Known(
        subjects=frozenset(info.id for info in catalogue.subjects),
        networks=frozenset(spec.id for spec in catalogue.networks),
        encoders=frozenset((one.subject, one.network, one.layer) for one in catalogue.encoders),
        images=frozenset(info.id for info in catalogue.images),
    )


def load_record(
    record: SessionRecord,
    catalogue: Catalogue,
    *,
    missing: tuple[Missing, ...],
    found: Mapping[str, Path],
    folders: tuple[Path, ...] = (),
) -> Loaded:
    """Read image, probe and the places of analyses; for the lane.

    Parameters
    ----------
    record : SessionRecord
    catalogue : Catalogue
    missing : tuple of Missing
        What is known not to be there.
    found : mapping of str to Path
        Where moved files are now, by what they are.
    folders : tuple of Path
        Where to look for the others.
    """
    problems = [one.sentence for one in missing if one.what not in found]
    places = {what: found.get(what) or find_file(reference, folders) for what, reference in record.references().items()}
    key, stimulus, probe = _image_key(record, places), None, None
    try:
        stimulus = catalogue.load_stimulus(key, _side(record, catalogue)) if key else None
    except ProbeError as error:
        problems.append(str(error))
    try:
        header = places.get("probe")
        probe = load_probe(header) if header is not None else None
    except ProbeError as error:
        problems.append(str(error))
    image = key if stimulus is not None else ""
    return Loaded(record, image, stimulus, probe, places, tuple(dict.fromkeys(problems)))


def _image_key(record: SessionRecord, places: Mapping[str, Path | None]) -> str:
    if record.image is None:
        return ""
    if record.image.file is None:
        return record.image.key
    place = places.get("image")
    return str(place) if place is not None else ""


def _side(record: SessionRecord, catalogue: Catalogue) -> int:
    spec = catalogue.spec_of(record.network)
    return spec.input_size if spec is not None else DEFAULT_SIDE
