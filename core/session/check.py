"""Finds what a session needs that is not on this computer. Never changes the session or anything else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.session.record import FileReference, SessionRecord
from core.session.reference import find_file

SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class Known:
    """What is on this computer: ids of subjects, networks and shipped images; (subject, network, layer) of encoders."""

    subjects: frozenset[str]
    networks: frozenset[str]
    encoders: frozenset[tuple[str, str, str]]
    images: frozenset[str]


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing a session needs and that is not here.

    Parameters
    ----------
    what : str
        "subject", "network", "encoder", "image", "probe" or "analysis NAME".
    sentence : str
        What is missing and what to do.
    reference : FileReference or None
        Of a file: what to look for.
    """

    what: str
    sentence: str
    reference: FileReference | None = None


def read_known() -> Known:
    """What is on this computer now; no weights and no responses are read."""
    from core.datasets.photos import list_images
    from core.datasets.subject import list_subjects
    from core.encoders.files import list_encoders
    from core.networks.catalog import list_networks

    return Known(
        subjects=frozenset(info.id for info in list_subjects()),
        networks=frozenset(spec.id for spec in list_networks()),
        encoders=frozenset((one.subject, one.network, one.layer) for one in list_encoders()),
        images=frozenset(info.id for info in list_images()),
    )


def find_missing(record: SessionRecord, known: Known, *, folders: Iterable[Path] = ()) -> tuple[Missing, ...]:
    """What of a session is not here; files are searched at their places and in `folders`, by hash."""
    places = tuple(folders)
    found = [*_missing_names(record, known), *_missing_image(record, known)]
    for what, reference in record.references().items():
        if find_file(reference, places) is None:
            sentence = f"The {what} {reference.path.name} is not at {reference.path}, or is another file now."
            found.append(Missing(what, sentence, reference))
    return tuple(found)


def _missing_names(record: SessionRecord, known: Known) -> list[Missing]:
    found = []
    if record.subject and record.subject not in known.subjects:
        advice = "Import it under that name (File, Import recordings…)."
        found.append(Missing("subject", f"There is no subject {record.subject!r} here. {advice}"))
    if record.network and record.network not in known.networks:
        advice = "Import or download it (File, Networks…)."
        found.append(Missing("network", f"There is no network {record.network!r} here. {advice}"))
    elif record.network and (record.subject, record.network, record.layer) not in known.encoders:
        name = f"{record.network} {record.layer} of {record.subject}"
        advice = "Fit or import it (File, Fit encoders…)."
        found.append(Missing("encoder", f"There is no encoder {name} here. {advice}"))
    return found


def _missing_image(record: SessionRecord, known: Known) -> list[Missing]:
    image = record.image
    if image is None or image.file is not None or image.key in known.images:
        return []
    subject, _, member = image.key.partition(SEPARATOR)
    if member and subject in known.subjects:
        return []
    return [Missing("image", f"There is no image {image.key!r} in the catalogue here. Choose another image.")]
