"""One item of a set before it is written: a probe, who scores its files, and what else is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.encoders.card import EncoderCard
from core.probes.probe import Probe
from core.stimuli.recipe import Recipe
from core.types import FloatArray

Rescore = Callable[[FloatArray], FloatArray]
"""Pixels (n, 3, height, width) in [0, 1] to predicted responses (n, n_voxels)."""

DEFAULT_SPACE = "fsaverage5"


@dataclass(frozen=True, slots=True)
class RecipientEncoder:
    """Another network's encoder of the same subject.

    `rescore` gives its responses; `target_sd` is the SD of the target's value in it over the clean reference images;
    `input_size` is the side of its network's input, 0 where it is the probe's.
    """

    rescore: Rescore
    target_sd: float
    input_size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A finished probe on its way into a set.

    Parameters
    ----------
    rescore : callable
        The probe's own encoder.
    recipients : mapping of str to RecipientEncoder
        Other encoders, "NETWORK LAYER" to recipient.
    card : EncoderCard or None
        Scores of the probe's encoder, for warnings.
    donor : (3, side, side) or None
        Delta of another image, for the control of that kind; without it that control is left out.
    licence : str
        Of the original, where it is known.
    space : str
        Surface whose vertices the voxels lie at.
    """

    recipe: Recipe
    probe: Probe
    rescore: Rescore
    recipients: Mapping[str, RecipientEncoder] = field(default_factory=dict)
    card: EncoderCard | None = None
    donor: FloatArray | None = None
    licence: str = ""
    space: str = DEFAULT_SPACE

    @property
    def side(self) -> int:
        """Side of the network's input, in pixels."""
        return int(self.probe.clean_pixels.shape[-1])
