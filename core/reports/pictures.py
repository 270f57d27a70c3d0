"""The pictures of the answers, that the report and the window both show: images, amplified changes, cortical maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.attacks.config import write_budget
from core.datasets.image_store import find_stimulus
from core.datasets.subject import load_subject
from core.images.difference import amplify, choose_factor
from core.surfaces.colormap import find_colormap
from core.surfaces.picture import draw_map
from core.surfaces.store import has_surface
from core.sweeps.cell_view import CellView
from core.sweeps.gather import Sweep
from core.sweeps.meaning import TargetMeaning
from core.types import ByteArray, FloatArray

ARM = 8
"""Pixels of a cross to each side."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Levels (height, width, 3 or 4) uint8 with words over it; None where there is nothing to draw."""

    levels: ByteArray | None
    caption: str = ""


def picture_change(change: FloatArray) -> Picture:
    """A change in grey levels (height, width, 3), amplified around mid grey."""
    factor = choose_factor(change)
    return Picture(amplify(change, factor), f"change × {factor}")


def picture_map(subject: str, values: FloatArray, *, limit: float, tile: int, caption: str = "") -> Picture:
    """Every voxel's value (n_voxels,) on the subject's cortex, from -limit to limit."""
    found = load_subject(subject)
    can = has_surface(found.surface)
    return Picture(draw_map(found.surface, found.voxels, values, limit=limit, tile=tile) if can else None, caption)


def picture_energy(row: TargetMeaning) -> Picture:
    """Where a change lies, with a cross at its centre of mass; the square root shows the weak parts."""
    place = row.place
    levels = find_colormap("magma").look_up(np.sqrt(place.energy / max(float(place.energy.max()), 1e-12)))
    height, width = levels.shape[:2]
    down, across = int((0.5 - place.y) * (height - 1)), int((0.5 + place.x) * (width - 1))
    levels[max(0, down - ARM) : down + ARM + 1, across] = 255
    levels[down, max(0, across - ARM) : across + ARM + 1] = 255
    return Picture(levels, f"{row.target}\n{row.spectrum.median:g} cycles")


def picture_cell(view: CellView) -> list[Picture]:
    """The images behind a cell: clean, perturbed, change."""
    return [Picture(view.clean, "clean"), Picture(view.perturbed, "perturbed"), picture_change(view.change)]


def picture_budgets(sweep: Sweep, row: TargetMeaning) -> tuple[list[Picture], list[Picture]]:
    """The first image's probes at every budget, and their changes."""
    clean = find_stimulus(sweep.config.images[0], size=row.montage.shape[1]).levels
    epsilons = sweep.config.budgets(row.norm, sweep.config.reference_side)
    made = [Picture(levels, write_budget(one, row.norm)) for one, levels in zip(epsilons, row.montage, strict=True)]
    return made, [picture_change(levels.astype(np.float64) - clean) for levels in row.montage]


def find_limit(maps: Iterable[FloatArray]) -> float:
    """One symmetric range for all maps: the 99th percentile of the absolute values."""
    return float(np.percentile(np.abs(np.concatenate(list(maps))), 99)) or 1.0


def has_surfaces(subjects: Sequence[str]) -> bool:
    """Whether all these subjects' maps can be drawn."""
    return all(has_surface(load_subject(one).surface) for one in subjects)
