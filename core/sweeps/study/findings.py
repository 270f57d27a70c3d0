"""When the paper's four findings hold on voxels whose truth is known, with interval and threshold. Numbers only.

A finding is undecided where its interval holds the threshold, and has no answer where the candidates it is about are
not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.sweeps.statistics import Interval, interval_of
from core.sweeps.study.config import Kinship, LayerName, Offer
from core.sweeps.study.judge import Condition, Measures, StudyAnswer
from core.types import FloatArray

LITTLE = 0.1
"""A transfer below a tenth of what the best perturbation does is called none."""


class Status(StrEnum):
    """What the interval says."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "undecided"
    UNKNOWN = "no such candidates"


@dataclass(frozen=True, slots=True)
class Claim:
    """One finding as a number and the threshold it is to lie above (or below)."""

    number: int
    title: str
    formula: str
    threshold: float
    above: bool


CLAIMS = (
    Claim(
        1,
        "Fragility: standard candidates are more fragile than the true voxels",
        "geometric mean over standard candidates of S_candidate / S_true",
        1.0,
        True,
    ),
    Claim(
        2,
        "Discriminability: sensitivity tells candidates apart better than predictivity",
        "var / mean² over candidates of S, less that of r",
        0.0,
        True,
    ),
    Claim(
        3,
        "Transfer: probes of standard candidates of another architecture do not move the true voxel",
        "mean T of standard candidates of another architecture",
        LITTLE,
        False,
    ),
    Claim(
        4,
        "Meaning: probes of robust candidates move the true voxel more than those of standard ones",
        "mean T of robust candidates less that of standard ones",
        0.0,
        True,
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim in one simulated recording, for one offer of candidates."""

    claim: Claim
    teacher: LayerName
    noise: float
    offer: Offer
    value: Interval

    @property
    def status(self) -> Status:
        """What the interval says of the threshold."""
        low, high, threshold = self.value.low, self.value.high, self.claim.threshold
        if not np.isfinite([low, high]).all():
            return Status.UNKNOWN
        if low <= threshold <= high:
            return Status.UNDECIDED
        return Status.HOLDS if (low > threshold) is self.claim.above else Status.FAILS


def list_findings(answer: StudyAnswer) -> tuple[Finding, ...]:
    """Every claim for every offer, recording and noise level."""
    return tuple(
        Finding(claim, condition.teacher, condition.noise, offer, _measure(claim, condition, offer, answer))
        for offer in Offer
        for condition in answer.conditions
        for claim in CLAIMS
    )


def _measure(claim: Claim, condition: Condition, offer: Offer, answer: StudyAnswer) -> Interval:
    config = answer.config
    offered = config.offered(condition.teacher, offer)
    robust = [number for number in offered if config.candidates[number].is_robust]
    standard = [number for number in offered if number not in robust]
    foreign = [number for number in standard if condition.kinships[number] is Kinship.OTHER]
    groups: dict[int, tuple[Sequence[int], ...]] = {1: (standard,), 2: (offered,), 3: (foreign,), 4: (robust, standard)}
    chosen = groups[claim.number]
    if not all(chosen) or (claim.number == 2 and len(offered) < 2):
        return Interval(float("nan"), float("nan"), float("nan"))
    rows = [_FORMULAS[claim.number](one, *chosen) for one in (condition.measured, condition.resampled)]
    return interval_of(float(rows[0]), rows[1], config.confidence)


def _fragile(measures: Measures, standard: Sequence[int]) -> FloatArray:
    ratio = measures.sensitivity[..., standard] / _alongside(measures)
    return np.asarray(np.exp(np.log(ratio).mean(axis=-1)))


def _alongside(measures: Measures) -> FloatArray:
    return measures.true_sensitivity[..., :1]


def _separate(measures: Measures, offered: Sequence[int]) -> FloatArray:
    spread = []
    for values in (measures.sensitivity[..., offered], measures.r[..., offered]):
        variance, square = values.var(axis=-1, ddof=1), values.mean(axis=-1) ** 2
        spread.append(np.divide(variance, square, out=np.full_like(variance, np.nan), where=square > 0))
    return np.asarray(spread[0] - spread[1])


def _transfer(measures: Measures, foreign: Sequence[int]) -> FloatArray:
    return np.asarray(measures.transfer[..., foreign].mean(axis=-1))


def _gain(measures: Measures, robust: Sequence[int], standard: Sequence[int]) -> FloatArray:
    return np.asarray(_transfer(measures, robust) - _transfer(measures, standard))


_FORMULAS: dict[int, Callable[..., FloatArray]] = {1: _fragile, 2: _separate, 3: _transfer, 4: _gain}
