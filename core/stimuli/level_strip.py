"""One seed over all its levels, as a row of pictures with what became of each; read from a written set.

`core.figures.level_figure` draws it for files and for the window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.checks import refusal
from core.errors import BadInputError
from core.stimuli.images import read_levels
from core.stimuli.layout import cut_out
from core.stimuli.levels import LevelReading
from core.stimuli.manifest import ManifestRow, StimulusSet, pair_rows
from core.types import ByteArray, FloatArray, NormName
from core.words import name_some


@dataclass(frozen=True, slots=True, eq=False)
class LevelCell:
    """One level: its reading, the seed and its picture, both (height, width, 3) uint8."""

    reading: LevelReading
    clean: ByteArray
    picture: ByteArray

    @property
    def change(self) -> FloatArray:
        """What changed, in grey levels of 255."""
        return self.picture.astype(np.float64) - self.clean


Strip = tuple[LevelCell, ...]
"""The levels of one seed, encoder and target, ascending."""


def read_set_levels(rows: Iterable[ManifestRow]) -> tuple[LevelReading, ...]:
    """The readings of the pairs of a level set; () for other sets."""
    perturbed = [members[min(1, len(members) - 1)] for members in pair_rows(rows).values()]
    return tuple(
        LevelReading(
            f"{row.network} {row.layer} · {row.target}",
            row.source_image,
            row.level,
            row.level_reached,
            row.level_reached if row.level_before_saving is None else row.level_before_saving,
            row.epsilon,
            NormName(row.norm),
            row.subject,
            row.resolution,
        )
        for row in perturbed
        if row.level is not None and row.level_reached is not None
    )


def read_strips(found: StimulusSet, **wanted: str) -> tuple[Strip, ...]:
    """The strips of a written level set: one of every seed, encoder and target.

    `wanted`: those with this `image`, `network` or `target` (a part of its label) alone, "" being any.

    Raises BadInputError if it is no level set, or nothing is as wanted.
    """
    pairs = [members for members in found.pairs.values() if members[0].level is not None and len(members) > 1]
    if not pairs:
        raise BadInputError(f"The set in {found.folder} is no level set: `stimuli plan --levels` plans one.")
    for name, text in wanted.items():
        known = [getattr(members[1], "source_image" if name == "image" else name) for members in pairs]
        pairs = [one for one, held in zip(pairs, known, strict=True) if text in ("", held, *held.split())]
        if not pairs:
            raise refusal(name, allowed=f"of this set: {name_some(list(dict.fromkeys(known)))}", got=text)
    groups: dict[tuple[str, ...], list[tuple[ManifestRow, ...]]] = {}
    for clean, made, *_ in sorted(pairs, key=lambda members: members[1].level or 0.0):
        groups.setdefault((made.source_sha256, made.network, made.layer, made.target), []).append((clean, made))
    order = dict.fromkeys((row.source_sha256, row.network, row.layer, row.target) for _, row, *_ in pairs)
    return tuple(tuple(_read_cell(found, *pair) for pair in groups[key]) for key in order)


def _read_cell(found: StimulusSet, *pair: ManifestRow) -> LevelCell:
    pictures, config = [read_levels(found.path(one)) for one in pair], found.header.set
    if config is not None:
        pictures = [cut_out(one, config.layout, pair[1].resolution) for one in pictures]
    return LevelCell(read_set_levels(pair)[0], *pictures)
