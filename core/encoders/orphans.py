"""Keeps a new subject from being read by encoders of an earlier one of the same name. Never deletes an encoder."""

from __future__ import annotations

from core.checks import refusal
from core.datasets.import_options import check_new_subject
from core.encoders.files import list_encoders


def check_no_encoders(subject: str) -> None:
    """Raise BadInputError if the id is taken, or encoders were fitted to a subject of it that is gone.

    Their voxels may be other ones than those of the new subject.
    """
    check_new_subject(subject)
    left = [config for config in list_encoders() if config.subject == subject]
    if left:
        first = left[0]
        advice = (
            f"{len(left)} encoders of an earlier subject {subject} are still there ({first.network} {first.layer}). "
            "Choose another id, or remove them: `main.py encoders remove --help`."
        )
        raise refusal("subject", allowed="an id without encoders", got=subject, advice=advice)
