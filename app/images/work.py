"""What the page of images has done: the library ranked for a target, and images made from scratch beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.datasets.image_store import SEPARATOR
from core.datasets.subject import load_subject
from core.encoders.card import EncoderCard
from core.engine import Engine
from core.errors import BadInputError
from core.probes.synthesis_config import ImagesConfig
from core.progress import Progress, ShouldStop
from core.reports.pictures import Picture
from core.stimuli.as_is import keep_synthesised, list_library, list_natural, list_synthesised
from core.stimuli.recipe import Recipe
from core.words import digits_for, format_signed

if TYPE_CHECKING:
    from core.probes.natural import NaturalImages
    from core.probes.synthesis import Synthesis


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What there is so far: rows of pictures by name, the recipe of each (None if unfinished), a finished synthesis."""

    asked: ImagesConfig
    card: EncoderCard
    natural: NaturalImages
    rows: tuple[tuple[str, list[Picture]], ...]
    recipes: tuple[Recipe | None, ...]
    made: Synthesis | None = None


def iter_found(
    engine: Engine, asked: ImagesConfig, *, encoder_sha256: str = "", should_stop: ShouldStop
) -> Iterator[Progress[Found]]:
    """Rank the library, then make images if they are wanted; every record from the ranking on holds what there is.

    Raises BadInputError if there is no image to rank, or the encoder is not the one of that hash.
    """
    from core.probes.natural import iter_natural

    encoder, target, natural = engine.open_encoder(asked.subject, asked.network, asked.layer), asked.target, None
    if encoder_sha256 not in ("", encoder.card.sha256):
        name = f"{asked.network} {asked.layer} of {asked.subject}"
        raise BadInputError(
            f"The encoder {name} is another one than when the images were found. Rank the images again."
        )
    subject, images = load_subject(asked.subject), list_library(asked)
    for record in iter_natural(encoder, subject, target, images, should_stop=should_stop):
        natural = record.result
        yield Progress(record.done, record.total, record.seconds_left, stage="Predicting image")
    if natural is None:
        raise RuntimeError("The ranking ended without a result.")
    order, n_shown = natural.order(asked.by), asked.top
    ends = {"Best": order[:n_shown], "Worst": order[n_shown:][: -n_shown - 1 : -1]}
    recipes, rows = list[Recipe](), list[tuple[str, list[Picture]]]()
    for name, shown in ends.items():
        items = list(list_natural(encoder.card, target, natural, shown))
        pictures = [Picture(one.levels, _tell(natural, order, row)) for row, (_, one) in zip(shown, items, strict=True)]
        rows.append((f"{name} of {len(order):,}\nby {asked.by}\nresponse, {natural.unit}", pictures))
        recipes += [recipe for recipe, _ in items]
    found = Found(asked, encoder.card, natural, tuple(rows), tuple(recipes))
    yield Progress(1, 1, 0.0, found)
    if asked.synthesis is None:
        return
    from core.probes.synthesis import iter_synthesis

    for step in iter_synthesis(encoder, target, asked.direction, asked.synthesis, should_stop=should_stop):
        made, told, beats = step.result, "not finished", [False] * len(step.values)
        kept: list[Recipe] | list[None] = [None] * len(step.values)
        if made is not None:
            kept, beats = [*list_synthesised(encoder.card, made, keep_synthesised(made))], made.beats(natural.predicted)
            told = f"{np.ptp(made.responses):.3g} apart"
        pictures = [
            Picture(levels, f"Restart {number}\n{_write(natural, value)}" + "\n★ super-stimulus" * passes)
            for number, levels, value, passes in zip(count(1), step.levels, step.values.tolist(), beats, strict=False)
        ]
        scratch = f"From scratch\n{asked.direction}, {natural.unit}\n{told}", pictures
        now = replace(found, rows=(scratch, *found.rows), recipes=(*kept, *found.recipes), made=made)
        yield Progress(step.done, step.total, step.seconds_left, now, stage="Step")


def _tell(natural: NaturalImages, order: list[int], row: int) -> str:
    """Rank and name, prediction, measurement."""
    name, measured = natural.images[row].rpartition(SEPARATOR)[2], natural.measured[row]
    fitted = " (fitted)" if natural.fitted[row] else ""
    told = f"\nmeasured {format_signed(measured, _digits(natural))}{fitted}" if np.isfinite(measured) else ""
    return f"{order.index(row) + 1:,}  {Path(name).name}\n{_write(natural, natural.predicted[row])}{told}"


def _write(natural: NaturalImages, value: float) -> str:
    in_sds = (value - natural.mean) / natural.sd
    return format_signed(value, _digits(natural)) + f" = {format_signed(in_sds)} SD" * bool(np.isfinite(in_sds))


def _digits(natural: NaturalImages) -> int:
    """Decimals that all responses are written with, so that they can be compared."""
    return digits_for(float(np.abs(natural.predicted).max()))
