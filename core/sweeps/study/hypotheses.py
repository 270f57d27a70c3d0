"""When the paper's four findings hold on voxels whose truth is known, with interval and threshold. Numbers only.

An outcome is undecided where its interval holds the threshold, and unknown where the candidates it is about are not
offered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.sweeps.statistics import UNKNOWN, Interval
from core.sweeps.study.config import CandidateSet, LayerName, Relation, StudyConfig
from core.sweeps.study.evaluate import Condition, Measures, StudyAnswer, find_interval
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
class Hypothesis:
    """One finding as a number, of some groups of candidates, and the threshold it is to lie above (or below)."""

    number: int
    title: str
    formula: str
    groups: tuple[str, ...]
    measure: Callable[..., FloatArray]
    threshold: float
    above: bool = True


def _fragility(measures: Measures, standard: list[int]) -> FloatArray:
    ratio = measures.sensitivity[:, standard] / measures.true_sensitivity
    return np.asarray(np.exp(np.log(ratio).mean(axis=1)))


def _discriminability(measures: Measures, available: list[int]) -> FloatArray:
    spread = []
    for values in (measures.sensitivity[:, available], measures.r[:, available]):
        variance, square = values.var(axis=1, ddof=1), values.mean(axis=1) ** 2
        spread.append(np.divide(variance, square, out=np.full_like(variance, np.nan), where=square > 0))
    return np.asarray(spread[0] - spread[1])


def _transfer(measures: Measures, chosen: list[int]) -> FloatArray:
    return np.asarray(measures.transfer[:, chosen].mean(axis=1))


def _meaning(measures: Measures, robust: list[int], standard: list[int]) -> FloatArray:
    return np.asarray(_transfer(measures, robust) - _transfer(measures, standard))


HYPOTHESES = (
    Hypothesis(
        1,
        "Fragility: standard candidates are more fragile than the true voxels",
        "geometric mean over standard candidates of S_candidate / S_true",
        ("standard",),
        _fragility,
        threshold=1.0,
    ),
    Hypothesis(
        2,
        "Discriminability: sensitivity tells candidates apart better than predictivity",
        "var / mean² over candidates of S, less that of r",
        ("offered",),
        _discriminability,
        threshold=0.0,
    ),
    Hypothesis(
        3,
        "Transfer: probes of standard candidates of another architecture do not move the true voxel",
        "mean T of standard candidates of another architecture",
        ("foreign",),
        _transfer,
        threshold=LITTLE,
        above=False,
    ),
    Hypothesis(
        4,
        "Meaning: probes of robust candidates move the true voxel more than those of standard ones",
        "mean T of robust candidates less that of standard ones",
        ("robust", "standard"),
        _meaning,
        threshold=0.0,
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One hypothesis in one simulated recording, for one set of candidates."""

    hypothesis: Hypothesis
    teacher: LayerName
    noise: float
    candidate_set: CandidateSet
    value: Interval

    @property
    def status(self) -> Status:
        """What the interval says of the threshold."""
        low, high, threshold = self.value.low, self.value.high, self.hypothesis.threshold
        if not np.isfinite([low, high]).all():
            return Status.UNKNOWN
        if low <= threshold <= high:
            return Status.UNDECIDED
        return Status.HOLDS if (low > threshold) is self.hypothesis.above else Status.FAILS


def list_outcomes(answer: StudyAnswer) -> tuple[Outcome, ...]:
    """Every hypothesis for every set of candidates, recording and noise level."""
    found = []
    for candidate_set in CandidateSet:
        for condition in answer.conditions:
            groups = _group(condition, candidate_set, answer.config)
            for one in HYPOTHESES:
                value = _measure(one, condition, groups, answer.config)
                found.append(Outcome(one, condition.teacher, condition.noise, candidate_set, value))
    return tuple(found)


def _group(condition: Condition, candidate_set: CandidateSet, config: StudyConfig) -> dict[str, list[int]]:
    """Numbers of the candidates available, by kind; foreign: standard ones of another architecture."""
    available = list(config.candidates_for(condition.teacher, candidate_set))
    robust = [number for number in available if config.candidates[number].is_robust]
    standard = [number for number in available if number not in robust]
    foreign = [number for number in standard if condition.relations[number] is Relation.OTHER]
    return {"offered": available, "robust": robust, "standard": standard, "foreign": foreign}


def _measure(one: Hypothesis, condition: Condition, groups: dict[str, list[int]], config: StudyConfig) -> Interval:
    chosen = [groups[name] for name in one.groups]
    if not all(chosen) or ("offered" in one.groups and len(groups["offered"]) < 2):  # a variance takes two
        return UNKNOWN
    return find_interval(config, one.measure(condition.measures, *chosen))
