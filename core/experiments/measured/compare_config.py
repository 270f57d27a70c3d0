"""How measured and predicted shifts are compared, as a frozen record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.checks import check_choice, check_count, check_fraction, check_positive
from core.experiments.measured.planned import Scale

MOST_RESAMPLES = 100_000


class Cluster(StrEnum):
    """What the bootstrap over probes resamples."""

    PROBE = "probe"
    IMAGE = "image"
    """All probes of one image together: they share the original, so they are not independent."""


@dataclass(frozen=True, slots=True)
class CompareConfig:
    """How measured and predicted shifts are compared.

    Parameters
    ----------
    control : Role of the control; "" for the usual one.
    scale : Unit of predicted shifts.
    cluster : What intervals draw anew and the sign test counts.
    n_bootstrap : Resamples, at least 100.
    confidence : Of the intervals, in (0, 1).
    least_slope : SDs a right encoder moves the target by, at the least, for each SD it predicts: where both of two
        encoders are shown to move it by less, neither is right. A quarter of the slope expected of a right one.
    """

    control: str = ""
    scale: Scale = Scale.UNIT
    cluster: Cluster = Cluster.PROBE
    n_bootstrap: int = 2000
    confidence: float = 0.95
    least_slope: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("bootstrap", self.n_bootstrap, least=100, largest=MOST_RESAMPLES)
        check_fraction("confidence", self.confidence, largest=0.9999)
        check_positive("confidence", self.confidence)
        check_positive("least_slope", self.least_slope)
        check_choice("scale", self.scale, [str(one) for one in Scale])
        check_choice("cluster", self.cluster, [str(one) for one in Cluster])

    def describe(self) -> str:
        """One line of settings."""
        control = self.control or "usual"
        return (
            f"control {control}, predicted shifts in {self.scale}, {self.n_bootstrap} resamples of {self.cluster}s, "
            f"{self.confidence:.0%} intervals, seed {self.seed}"
        )
