"""Colours as usual and colour-blind eyes see them, in Oklab, where equal distances look equal. The oracle of colours.

References: Ottosson B. (2020), https://bottosson.github.io/posts/oklab/; Machado G. M., Oliveira M. M., Fernandes
L. A. F. (2009), doi:10.1109/TVCG.2009.113: severity 1, on linear sRGB.
"""

from __future__ import annotations

import numpy as np

DEUTERANOPE = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
PROTANOPE = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
TRITANOPE = np.array(
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
)
USUAL = np.eye(3)
BLIND = [DEUTERANOPE, PROTANOPE, TRITANOPE]
NAMES = ["deuteranope", "protanope", "tritanope"]

TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def seen_by(eyes: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) of 8-bit sRGB colours (..., 3) as eyes of that kind see them."""
    rgb = table / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.cbrt(np.clip(linear @ eyes.T, 0, 1) @ TO_CONES.T) @ TO_LAB.T
