"""The second encoder of a controversial probe, what is asked of it, and what it answered. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.checks import check_positive
from core.types import Direction, FloatArray, MaybeNan

DEFAULT_SHARPNESS = 4.0
"""t: the smooth minimum lies at most log(2) / 4 = 0.17 SD below the smaller shift; an encoder that lags behind by 1 SD
gets 98 % of the gradient. A larger t steps back and forth between the two, a smaller one lets the easier run ahead."""

DEFAULT_DECIDED = 1.0
"""SDs by which both encoders must move."""


@dataclass(frozen=True, slots=True)
class Against:
    """A second encoder of the same subject, attacked together with the probe's own.

    -(1/t) log(exp(-t s_A) + exp(-t s_B)) is raised; s are the shifts of the same target in each encoder's own SDs, each
    counted the way wanted: A's as the probe's direction, B's the other way, or the same way in an agreeing probe.

    Parameters
    ----------
    agrees : Both are moved the same way, as the control of a controversial probe.
    sharpness : t, above 0.
    decided_sd : SDs that both must reach, above 0; the probe is undecided where the smaller shift stays below.
    """

    network: str
    layer: str
    agrees: bool = False
    sharpness: float = DEFAULT_SHARPNESS
    decided_sd: float = DEFAULT_DECIDED

    def __post_init__(self) -> None:
        check_positive(
            "sharpness", self.sharpness, advice=f"It is t of the smooth minimum; {DEFAULT_SHARPNESS:g} is usual."
        )
        check_positive("decided", self.decided_sd, advice="It counts the SDs that both encoders must move by.")

    @property
    def label(self) -> str:
        """How tables and manifests name it."""
        return f"{self.network} {self.layer}"

    def formula(self, own: Direction) -> str:
        """What is raised, where the first encoder is moved `own`; s_A is its shift in SDs, s_B the second's."""
        signs = ["-" if way is Direction.RAISE else "" for way in (own, self.direction(own))]
        return f"-(1/t) log(exp({signs[0]}t s_A) + exp({signs[1]}t s_B)), t = {self.sharpness:g}"

    @property
    def kind(self) -> str:
        """What the probe is called."""
        return "agreeing" if self.agrees else "controversial"

    def describe(self, own: Direction) -> str:
        """A few words for captions, where the first encoder is moved `own`."""
        return f"{self.kind}, {self.direction(own)} in {self.label} (t = {self.sharpness:g})"

    def signs(self, own: Direction) -> tuple[int, int]:
        """+1 for each encoder that is raised, -1 for one that is lowered, where the first is moved `own`."""
        return own.sign, self.direction(own).sign

    def find_smaller(self, shifts_sd: tuple[float, float], own: Direction) -> float:
        """The smaller of two shifts in SDs, each counted the way wanted; NaN if one is not known."""
        return float(np.multiply(self.signs(own), shifts_sd).min())

    def explain_undecided(self, shifts_sd: tuple[float, float], own: Direction) -> str:
        """Why two shifts in SDs leave the probe undecided, in words; "" where both pass the wanted size."""
        if (smaller := self.find_smaller(shifts_sd, own)) >= self.decided_sd:
            return ""
        return f"the smaller shift the way wanted is {smaller:.2f} SD, below {self.decided_sd:g} SD"

    def direction(self, own: Direction) -> Direction:
        """The way the second encoder is moved, where the first is moved `own`."""
        return own if self.agrees else own.opposite


@dataclass(frozen=True, slots=True, eq=False)
class SecondResponses:
    """What the second encoder does with the delivered pixels, (n_voxels,) float32 each, in its unit.

    `reference_sd` (n_voxels,) and `target_sd` are over its own clean reference images; `shift` and `control_shift`
    (n_budgets,) float64 are the target's along the epsilon grid.
    """

    clean: FloatArray
    perturbed: FloatArray
    control: FloatArray
    sign_flip: FloatArray
    reference_sd: FloatArray
    target_sd: MaybeNan
    shift: FloatArray
    control_shift: FloatArray
