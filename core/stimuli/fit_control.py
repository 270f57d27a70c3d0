"""Sizes a control so that its file, as the network sees it, has the perturbed file's norm.

Resizing takes more from a fine-grained control than from a smooth perturbation: of equal norm before it, they are not
after. The control's own size is scaled until what is seen of both is equal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.stimuli.controls import ControlKind, make_control, saved_norm
from core.stimuli.item import Item
from core.types import FloatArray, NormName

TOLERANCE = 0.005
"""Of the norm; whole grey levels of a Linf control come no nearer."""
ROUNDS = 8


def fit_control(kind: ControlKind, item: Item, see: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Pixels (3, side, side) of a control whose seen norm is nearest to that of the perturbed image.

    Parameters
    ----------
    kind : ControlKind
    item : Item
    see : callable
        Pixels (3, side, side) to what the network sees of their file.
    """
    probe, norm = item.probe, item.probe.config.attack.norm
    clean = see(probe.clean_pixels)
    wanted = measure(see(probe.perturbed_pixels) - clean, norm)
    size = saved_norm(probe)
    best, nearest = probe.clean_pixels, np.inf
    for _ in range(ROUNDS):
        pixels = make_control(kind, probe, donor=item.donor, size=size)
        found = measure(see(pixels) - clean, norm)
        if abs(found - wanted) < nearest:
            best, nearest = pixels, abs(found - wanted)
        if nearest <= TOLERANCE * wanted or found == 0:
            break
        size *= wanted / found
    return best


def measure(delta: FloatArray, norm: NormName) -> float:
    """||delta|| under a norm, summed in float64."""
    wide = delta.astype(np.float64)
    return float(np.abs(wide).max()) if norm is NormName.LINF else float(np.sqrt(np.square(wide).sum()))
