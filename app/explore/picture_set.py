"""The pictures one panel compares: the clean one and what was made of it, with exact differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from core.images.stimulus import to_uint8
from core.probes.probe import Preview, Probe
from core.types import ByteArray, FloatArray

GREY_LEVELS = 255.0


class Role(StrEnum):
    """What was made of the clean picture."""

    PERTURBED = "perturbed"
    CONTROL = "control"
    SIGN_FLIP = "sign_flip"


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


def compare_probe(probe: Probe) -> PictureSet:
    """Everything a probe delivered."""
    pixels = {
        Role.PERTURBED: probe.perturbed_pixels,
        Role.CONTROL: probe.control_pixels,
        Role.SIGN_FLIP: probe.sign_flip_pixels,
    }
    return PictureSet(
        clean=to_uint8(probe.clean_pixels),
        made={role: to_uint8(array) for role, array in pixels.items()},
        deltas={role: _difference(array, probe.clean_pixels) for role, array in pixels.items()},
    )


def compare_preview(clean: ByteArray, preview: Preview) -> PictureSet:
    """A preview against the clean picture."""
    return compare(clean, preview.pixels, delta=preview.delta.transpose(1, 2, 0))


def swipe(clean: ByteArray, made: ByteArray, column: int) -> ByteArray:
    """The clean picture left of `column`, the other from there on."""
    joined = made.copy()
    joined[:, :column] = clean[:, :column]
    return joined


def _difference(pixels: FloatArray, clean: FloatArray) -> FloatArray:
    return (GREY_LEVELS * (pixels - clean)).transpose(1, 2, 0)
