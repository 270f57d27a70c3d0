"""What lies behind one cell of a transfer matrix: images of the source, whole-cortex shifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.datasets.image_store import find_stimulus
from core.images.stimulus import GREY_LEVELS
from core.sweeps.gather import Sweep
from core.sweeps.plan import CURVE, SCORE, Cell
from core.sweeps.transfer import sources_of
from core.types import ByteArray, FloatArray


@dataclass(frozen=True, slots=True)
class CellChoice:
    """A cell: row and column of the matrix, target, image (-1: mean map, first image shown), norm, attack."""

    source: int
    recipient: int
    target: int = 0
    image: int = -1
    norm: int = 0
    attack: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ShiftMap:
    """Every voxel's shift in its SDs, (n_voxels,), scored by one encoder of one subject."""

    label: str
    subject: str
    values: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CellView:
    """What lies behind a cell.

    clean and perturbed (height, width, 3) uint8, change of the same shape in grey levels; maps of the source's encoder
    and of the recipient (one where they are the same); shift (n_variants,) in SDs of the recipient's target.
    """

    clean: ByteArray
    perturbed: ByteArray
    change: FloatArray
    maps: tuple[ShiftMap, ...]
    shift: FloatArray


def read_cell(sweep: Sweep, choice: CellChoice) -> CellView:
    """Read a cell from the store. Raises StorageError if it cannot be read."""
    config = sweep.config
    encoder, copy = sources_of(config)[choice.source]
    place = (encoder, choice.target, 0, choice.norm, choice.attack, copy)
    curve, scored = (sweep.store.load(Cell(kind, *place)) for kind in (CURVE, SCORE))
    shown = max(choice.image, 0)
    chosen = slice(None) if choice.image < 0 else slice(shown, shown + 1)
    delta = np.transpose(curve["delta"][shown], (1, 2, 0)).astype(np.float64)
    clean = find_stimulus(config.images[shown], size=delta.shape[0]).levels
    perturbed = np.clip(np.rint(clean + GREY_LEVELS * delta), 0, GREY_LEVELS).astype(np.uint8)
    maps = tuple(
        ShiftMap(
            sweep.labels[number],
            config.encoders[number].subject,
            scored[f"map_{number}"][chosen].astype(np.float64).mean(axis=0),
        )
        for number in dict.fromkeys((encoder, choice.recipient))
    )
    shift = scored["shift"][choice.recipient, :, chosen].mean(axis=-1)
    return CellView(clean, perturbed, GREY_LEVELS * delta, maps, np.asarray(shift))
