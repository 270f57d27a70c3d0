"""One seed over all its levels, as a row of pictures with what became of each; read from a written set or from probes.

`core.figures.level_figure` draws it for files and for the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.checks import refusal
from core.errors import BadInputError
from core.images.stimulus import to_uint8
from core.probes.probe import Probe
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


@dataclass(frozen=True, slots=True, eq=False)
class LevelStrip:
    """The levels of one seed, ascending; `resolution` is the side of the network's input, which budgets refer to."""

    subject: str
    resolution: int
    cells: tuple[LevelCell, ...]

    @property
    def first(self) -> LevelReading:
        """The reading of the lowest level: image, series and norm are those of all."""
        return self.cells[0].reading


def read_set_levels(rows: Iterable[ManifestRow]) -> tuple[LevelReading, ...]:
    """The readings of the pairs of a level set; () for other sets."""
    found = []
    for members in pair_rows(rows).values():
        row = members[1] if len(members) > 1 else members[0]
        if row.level is None or row.level_reached is None:
            continue
        series, norm = f"{row.network} {row.layer} · {row.target}", NormName(row.norm)
        before = row.level_reached if row.level_before_saving is None else row.level_before_saving
        found.append(LevelReading(series, row.source_image, row.level, row.level_reached, before, row.epsilon, norm))
    return tuple(found)


def read_strips(found: StimulusSet, **wanted: str) -> tuple[LevelStrip, ...]:
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
    for members in pairs:
        row = members[1]
        groups.setdefault((row.source_sha256, row.network, row.layer, row.target), []).append(members)
    return tuple(_read_strip(found, members) for members in groups.values())


def _read_strip(found: StimulusSet, pairs: Sequence[tuple[ManifestRow, ...]]) -> LevelStrip:
    config, row = found.header.set, pairs[0][1]
    cells = []
    for members in sorted(pairs, key=lambda members: members[1].level or 0.0):
        clean, picture = (read_levels(found.path(one)) for one in members[:2])
        if config is not None:
            clean, picture = (cut_out(one, config.layout, row.resolution) for one in (clean, picture))
        cells.append(LevelCell(read_set_levels(members)[0], clean, picture))
    return LevelStrip(row.subject, row.resolution, tuple(cells))


def make_strip(probes: Sequence[tuple[Probe, LevelReading]]) -> LevelStrip:
    """The strip of finished probes of one seed, encoder and target, before they are written."""
    ordered = sorted(probes, key=lambda one: one[1].wanted)
    cells = [LevelCell(read, to_uint8(one.clean_pixels), to_uint8(one.perturbed_pixels)) for one, read in ordered]
    return LevelStrip(ordered[0][0].config.subject, len(cells[0].clean), tuple(cells))
