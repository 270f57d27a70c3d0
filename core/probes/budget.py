"""What a perturbation costs in pixels, and whether it survives 8 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.attacks.config import AttackConfig
from core.checks import refusal
from core.images.stimulus import GREY_LEVELS
from core.probes.probe import Probe
from core.types import ByteArray, FloatArray, NormName

LARGEST_ROUNDING_SHARE = 0.5
"""A perturbation survives 8 bits while rounding changes it by at most this share of its own L2 size.

At 224 x 224 rounding alone is an L2 of about 0.44, so the rule fails below L2 0.9 and passes above.
"""

SURVIVAL_RULE = "rounding to 8 bits changes the perturbation by at most half of its own L2 size"
"""The rule behind `BudgetReading.survives_8bit`, in words for captions and tooltips."""


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """The realised size of one perturbation delta = perturbed - clean.

    Parameters
    ----------
    l2, linf : ||delta||_2 and max |delta| in [0, 1] pixel units.
    rms_grey_levels : 255 ||delta||_2 / sqrt(3 N^2): the root-mean-square change in grey levels of 255.
    rms_inside : The same over the pixels that the mask of the attack lets change; of all where there is none.
    epsilon : The budget that was allowed, in [0, 1] pixel units of `norm`.
    norm : The norm that bounds delta.
    l2_after_8bit : ||delta||_2 after the perturbed image was rounded to round(255 x) / 255.
    rounding_share : ||rounded - perturbed||_2 / ||delta||_2; 0 where delta is 0.
    changed_pixels : Share of the pixels, in [0, 1], with a colour that differs from the clean one once both are rounded
        to 8 bits.
    n_saturated : Colour values the perturbation pushed onto 0 or 1, out of 3 N^2.
    """

    l2: float
    linf: float
    rms_grey_levels: float
    rms_inside: float
    epsilon: float
    norm: NormName
    l2_after_8bit: float
    rounding_share: float
    changed_pixels: float
    n_saturated: int

    @property
    def realised(self) -> float:
        """The size of delta under the norm that bounds it."""
        return self.l2 if self.norm is NormName.L2 else self.linf

    @property
    def survives_8bit(self) -> bool:
        """Whether rounding changes delta by at most half of its L2 size (`SURVIVAL_RULE`)."""
        return self.rounding_share <= LARGEST_ROUNDING_SHARE


def read_budget(clean: FloatArray, perturbed: FloatArray, attack: AttackConfig) -> BudgetReading:
    """Measure perturbed - clean, pixels (3, height, width) in [0, 1], against budget, norm and mask of an attack.

    Raises BadInputError if the two shapes differ.

    Examples
    --------
    >>> clean = np.full((3, 2, 2), 0.5)
    >>> reading = read_budget(clean, clean + 0.1, AttackConfig(NormName.LINF, epsilon=0.2))
    >>> round(reading.linf, 6), round(reading.l2, 4)  # 0.1, and 0.1 x sqrt(12 values)
    (0.1, 0.3464)
    """
    if clean.shape != perturbed.shape:
        raise refusal("perturbed", allowed=f"of shape {clean.shape}", got=perturbed.shape)
    before, after = clean.astype(np.float64), perturbed.astype(np.float64)
    delta = after - before
    l2 = float(np.linalg.norm(delta))
    rms = float(GREY_LEVELS * l2 / np.sqrt(delta.size))
    rounded = _round_to_grey_levels(after)
    return BudgetReading(
        l2=l2,
        linf=float(np.abs(delta).max(initial=0.0)),
        rms_grey_levels=rms,
        rms_inside=rms if attack.mask is None else attack.mask.rms_inside(delta),
        epsilon=attack.epsilon,
        norm=attack.norm,
        l2_after_8bit=float(np.linalg.norm(rounded - before)),
        rounding_share=float(np.linalg.norm(rounded - after)) / l2 if l2 > 0 else 0.0,
        changed_pixels=float(np.any(rounded != _round_to_grey_levels(before), axis=0).mean()),
        n_saturated=int(np.count_nonzero(((after <= 0) | (after >= 1)) & (delta != 0))),
    )


def read_step_budget(clean: ByteArray, made: ByteArray, attack: AttackConfig) -> BudgetReading:
    """The same of two pictures (height, width, 3) of 8 bits, which rounding does not change.

    Examples
    --------
    >>> clean = np.full((2, 2, 3), 128, np.uint8)
    >>> round(255 * read_step_budget(clean, clean + np.uint8(3), AttackConfig(NormName.LINF, epsilon=0.2)).linf)
    3
    """
    delta = made.astype(np.float32) - clean
    changed = delta != 0
    l2 = float(np.linalg.norm(delta)) / GREY_LEVELS
    rms = float(GREY_LEVELS * l2 / np.sqrt(delta.size))
    return BudgetReading(
        l2=l2,
        linf=float(np.abs(delta).max(initial=0.0)) / GREY_LEVELS,
        rms_grey_levels=rms,
        rms_inside=rms if attack.mask is None else attack.mask.rms_inside(delta.transpose(2, 0, 1) / GREY_LEVELS),
        epsilon=attack.epsilon,
        norm=attack.norm,
        l2_after_8bit=l2,
        rounding_share=0.0,
        changed_pixels=float(changed.any(axis=2).mean()),
        n_saturated=int(np.count_nonzero(((made == 0) | (made == 255)) & changed)),
    )


def read_probe_budget(probe: Probe) -> BudgetReading:
    """Measure the delivered perturbation of a probe."""
    return read_budget(probe.clean_pixels, probe.perturbed_pixels, probe.config.attack)


def _round_to_grey_levels(pixels: FloatArray) -> FloatArray:
    return np.round(GREY_LEVELS * pixels) / GREY_LEVELS
