"""Controls of one perturbed image at the norm its file realises. Never looks at a response, never imports torch early.

random direction · sign flip · phase-scrambled delta · delta of another image · contrast blend. Every control is made of
whole grey levels and sized to the perturbed image after rounding. Resizing takes more from a fine-grained control than
from a smooth perturbation, so `fit_control` sizes it until what is seen of both files is equal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.errors import BadInputError
from core.images.stimulus import from_uint8, to_uint8
from core.probes.probe import Probe
from core.seeds import make_stream
from core.stimuli.recipe import Item
from core.types import FloatArray, NormName, Worded


class ControlKind(Worded):
    """What a control shares with the perturbed image, beside its norm; as the interface names it."""

    RANDOM = "random", "random"
    SIGN_FLIP = "sign_flip", "sign flip"
    PHASE_SCRAMBLED = "phase_scrambled", "phase-scrambled"
    OTHER_IMAGE = "other_image", "other image"
    CONTRAST_BLEND = "contrast_blend", "contrast blend"

    @property
    def role(self) -> str:
        """Its role in the manifest."""
        return f"control_{self.value}"


MEANINGS = {
    ControlKind.RANDOM: "a random direction (Gaussian under L2, random signs under Linf)",
    ControlKind.SIGN_FLIP: "the perturbation with its sign flipped",
    ControlKind.PHASE_SCRAMBLED: "the perturbation's amplitude spectrum with random phases",
    ControlKind.OTHER_IMAGE: "the perturbation another image of the set got",
    ControlKind.CONTRAST_BLEND: "a blend toward uniform grey of the image's mean",
}
DEFAULT_CONTROLS = (ControlKind.RANDOM, ControlKind.SIGN_FLIP)
TOLERANCE = 0.005
"""Of the norm of a seen file; whole grey levels of a Linf control come no nearer."""
ROUNDS = 8


def make_control(
    kind: ControlKind, probe: Probe, *, donor: FloatArray | None = None, size: float | None = None
) -> FloatArray:
    """Pixels (3, side, side) float32 of one control of a probe.

    Where the pixel bounds leave no room for the norm, all of the room is used.

    `donor` (3, side, side): the other image's delta; only OTHER_IMAGE needs it. `size`: its norm; by default that of
    the perturbed image rounded to 8 bits.

    Raises BadInputError if it is missing or has another size.
    """
    import torch

    from core.attacks.ball import Ball
    from core.attacks.norms import NORMS

    attack = probe.config.attack
    saved = from_uint8(to_uint8(probe.perturbed_pixels))
    clean = torch.from_numpy(from_uint8(to_uint8(probe.clean_pixels)))[None]
    norm = NORMS[attack.norm]
    wanted = torch.tensor([saved_norm(probe) if size is None else size], dtype=clean.dtype)
    within = 1.0 if attack.mask is None else attack.mask.render(clean.shape[-1])
    if kind in (ControlKind.SIGN_FLIP, ControlKind.OTHER_IMAGE):  # which lie within a mask already
        within = np.ceil(within)
    direction = torch.from_numpy(_aim(kind, probe, saved, donor=donor) * within).to(clean)[None]
    pixels = Ball(norm, clean, wanted, quantise=True).scale_to_budget(direction)
    return np.ascontiguousarray(pixels[0].float().numpy())


def saved_norm(probe: Probe) -> float:
    """Norm of the perturbed image once both it and the clean one are rounded to 8 bits."""
    perturbed, clean = (from_uint8(to_uint8(pixels)) for pixels in (probe.perturbed_pixels, probe.clean_pixels))
    return measure(perturbed.astype(np.float64) - clean, probe.config.attack.norm)


def fit_control(kind: ControlKind, item: Item, see: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Pixels (3, side, side) of a control whose seen norm is nearest to that of the perturbed image.

    `see`: pixels (3, side, side) to what the network sees of their file.
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


def _aim(kind: ControlKind, probe: Probe, saved: FloatArray, *, donor: FloatArray | None) -> FloatArray:
    """The direction of a control, (3, side, side) float64."""
    from core.attacks.norms import NORMS
    from core.sweeps.score import scramble_phase

    seed, key = probe.config.attack.seed, probe.stimulus_sha256
    delta = saved.astype(np.float64) - probe.clean_pixels
    match kind:
        case ControlKind.RANDOM:
            shape = (delta.shape[0], delta.shape[1], delta.shape[2])
            drawn = NORMS[probe.config.attack.norm].draw_direction(shape, make_stream(seed, "control", key))
            return np.asarray(drawn, dtype=np.float64)
        case ControlKind.SIGN_FLIP:
            return -delta
        case ControlKind.PHASE_SCRAMBLED:
            return scramble_phase(delta, make_stream(seed, "phase", key))
        case ControlKind.CONTRAST_BLEND:
            return np.asarray(probe.clean_pixels.astype(np.float64).mean() - probe.clean_pixels)
        case ControlKind.OTHER_IMAGE:
            if donor is None or donor.shape != delta.shape:
                raise BadInputError(
                    f"The control {kind.words!r} of {probe.stimulus_id} needs the perturbation of another image of the "
                    "same size and norm. Add a probe of another image, or leave this control out."
                )
            return donor.astype(np.float64)
