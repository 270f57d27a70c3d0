"""How people without one kind of cone see a colour, for choosing colours that stay apart. Never used to draw.

Reference: Machado G. M., Oliveira M. M., Fernandes L. A. F. (2009), doi:10.1109/TVCG.2009.113: severity 1, linear sRGB.
"""

from __future__ import annotations

import numpy as np

from core.surfaces.oklab import decode_srgb, encode_srgb
from core.types import FloatArray

PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
TRITANOPIA = np.array(
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
)
ALL_VISIONS = (PROTANOPIA, DEUTERANOPIA, TRITANOPIA)


def see_as(vision: FloatArray, rgb: FloatArray) -> FloatArray:
    """The sRGB colours (..., 3) in [0, 1] that look to anyone as `rgb` looks to people of that vision."""
    return encode_srgb(np.clip(decode_srgb(np.asarray(rgb, dtype=np.float64)) @ vision.T, 0.0, 1.0))
