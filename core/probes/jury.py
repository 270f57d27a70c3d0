"""What one encoder of a jury says of a picture: the shift it predicts, whichever encoder the picture was made on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from core.probes.probe import in_reference_sds
from core.surfaces.placing import Placed
from core.types import FloatArray

if TYPE_CHECKING:
    from core.encoders.encoder import Encoder


@dataclass(frozen=True, slots=True, eq=False)
class Vote:
    """What an encoder predicts for a picture.

    Parameters
    ----------
    shift_sd : Shift of the target in SDs of its clean reference responses in this encoder; NaN where none is known.
    voxels_sd : (n_voxels,). Shift of every voxel, in SDs of its own.
    refused : Why it cannot say; "" where it can.
    is_late : Whether it is of the picture before, and the answer for the one on screen is not there yet.
    placed : The subject's voxels on their surface, where it is another subject's encoder.
    """

    shift_sd: float = math.nan
    voxels_sd: FloatArray = field(default_factory=lambda: np.zeros(0))
    refused: str = ""
    is_late: bool = False
    placed: Placed | None = None


def vote(encoder: Encoder, target: FloatArray | None, clean: FloatArray, made: FloatArray) -> Vote:
    """The shift from one picture to another, (3, side, side) in [0, 1] each, at the size the encoder takes.

    `target` (n_voxels,): its weights c; the shift is c . (f(made) - f(clean)) / SD of c . f. None for none.

    Raises BadInputError if the pictures have another size, or the target other voxels.
    """
    from core.probes.respond import respond

    before, after = respond(encoder, np.stack([clean, made]))
    voxels_sd = in_reference_sds(after - before, encoder.card.reference_sd)
    if target is None:
        return Vote(voxels_sd=voxels_sd)
    sd, shift = encoder.target_sd(target), float((after - before).astype(np.float64) @ target)
    return Vote(shift / sd if sd > 0 else math.nan, voxels_sd)
