"""Reads what each image shows from a table, a CSV or TSV with columns image and category. Never guesses one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.checks import describe_refusal
from core.datasets.recording import Recording
from core.datasets.tables import read_table
from core.errors import BadInputError


def resolve_categories(recording: Recording, file: Path | None) -> Recording:
    """The recording with the categories of a table; images it does not name keep their own.

    Raises
    ------
    BadInputError
        If the table lacks a column, or names none of the images.
    """
    if file is None:
        return recording
    rows = read_table(file, needs=("image", "category"))
    named = dict(zip(rows["image"], rows["category"], strict=True))
    found = [identity for identity in recording.image_ids if identity in named]
    if not found:
        got = f"{file.name}, which names none of them ({next(iter(named), 'empty')!r})"
        raise BadInputError(describe_refusal("categories", allowed="a table of the images shown", got=got))
    pairs = zip(recording.image_ids, recording.categories, strict=True)
    return replace(recording, categories=tuple(named.get(identity, own) for identity, own in pairs))
