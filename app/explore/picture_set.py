"""The pictures one panel compares: the clean one and what was made of it, with exact differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from core.images.stimulus import to_uint8
from core.probes.probe import Probe
from core.types import ByteArray, FloatArray

GREY_LEVELS = 255.0
FADE = 0.35
"""What is left of the contrast of a faded picture."""


class Role(StrEnum):
    """What was made of the clean picture."""

    PERTURBED = "perturbed"
    CONTROL = "control"
    SIGN_FLIP = "sign_flip"


ROLES = {
    Role.PERTURBED: ("Perturbed", "The attacked image, as delivered"),
    Role.CONTROL: ("Random control", "A random perturbation of the same realised size"),
    Role.SIGN_FLIP: ("Sign flip", "The same perturbation with its sign flipped: clean − δ"),
}
"""What the second and third pane can show, and its tooltip."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """A clean picture and those made of it.

    Parameters
    ----------
    clean : (height, width, 3) uint8
    made : mapping of Role to (height, width, 3) uint8
    deltas : mapping of Role to (height, width, 3) float
        Exact differences made - clean in grey levels of 255, before any rounding.
    """

    clean: ByteArray
    made: Mapping[Role, ByteArray] = field(default_factory=dict)
    deltas: Mapping[Role, FloatArray] = field(default_factory=dict)


def compare(clean: ByteArray, perturbed: ByteArray | None, *, delta: FloatArray | None = None) -> PictureSet:
    """A clean and a perturbed picture; without an exact `delta` (in [0, 1] pixels) their 8-bit difference is used."""
    if perturbed is None:
        return PictureSet(clean)
    exact = perturbed.astype(np.float32) - clean if delta is None else GREY_LEVELS * delta
    return PictureSet(clean, {Role.PERTURBED: perturbed}, {Role.PERTURBED: exact})


def pixels_of(probe: Probe) -> dict[Role, FloatArray]:
    """Everything a probe delivered, (3, height, width) each, in [0, 1]."""
    made = (probe.perturbed_pixels, probe.control_pixels, probe.sign_flip_pixels)
    return dict(zip(Role, made, strict=True))


def compare_probe(probe: Probe) -> PictureSet:
    """Everything a probe delivered against its clean picture."""
    clean, made = probe.clean_pixels, pixels_of(probe)
    deltas = {role: (GREY_LEVELS * (pixels - clean)).transpose(1, 2, 0) for role, pixels in made.items()}
    return PictureSet(to_uint8(clean), {role: to_uint8(pixels) for role, pixels in made.items()}, deltas)


def fade(pixels: ByteArray) -> ByteArray:
    """A picture (height, width, 3) with little contrast."""
    return np.asarray(FADE * pixels + (1 - FADE) * 128, dtype=np.uint8)


def describe_pixel(pictures: PictureSet, role: Role, row: int, column: int) -> str:
    """The colours of one pixel; "" where there is none, as of a larger image beside this one."""
    if row >= len(pictures.clean) or column >= pictures.clean.shape[1]:
        return ""
    made = pictures.made.get(role)
    changed = "" if made is None else f" · {ROLES[role][0].lower()} {made[row, column].tolist()}"
    return f"row {row}, column {column} · clean RGB {pictures.clean[row, column].tolist()}{changed}"
