"""From a finished study to its answer: nearness to the truth, what each criterion picks. Numbers only.

Within one recording images, voxels and held-out images are resampled together for all candidates, so that differences
are paired. Over recordings the teachers are what was drawn: a teacher's noise levels are no recordings more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.scores import correlate
from core.statistics import correlate_resamples
from core.sweeps.statistics import (
    Interval,
    count_draws,
    draw_resamples,
    interval_of_mean,
    interval_of_rows,
    mean_over_known,
)
from core.sweeps.study.config import CandidateSet, LayerName, Relation, StudyConfig, find_relation
from core.sweeps.study.plan import CANDIDATE, TRUTH, StudyCell, StudyStore
from core.types import FloatArray, IntArray

LEAST_RANKED = 3
"""Candidates below which an order says nothing."""
LEAST_TEACHERS = 3
"""Teachers below which an interval over them says nothing: with two, t is 12.7."""
CRITERIA = ("predictivity", "low sensitivity")
NEARNESS = ("axes", "responses")
"""axes: T(candidate -> true voxel). responses: r with the noiseless signal on held-out images."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """Measures of every candidate, (1 + n_resamples, n_candidates): as they are, then in every resample.

    r with noisy held-out responses; true_r with the noiseless signal; sensitivity in SDs; transfer T to the true voxel
    and control the same of a random direction (unit 1); overlap the cosine of its perturbation with the true voxel's;
    selectivity T less the mean shift of the other true voxels, in the same unit.
    `true_sensitivity` is the true voxels' own, (1 + n_resamples, 1).
    """

    r: FloatArray
    true_r: FloatArray
    sensitivity: FloatArray
    transfer: FloatArray
    control: FloatArray
    overlap: FloatArray
    selectivity: FloatArray
    true_sensitivity: FloatArray

    def preferences(self) -> dict[str, FloatArray]:
        """What is large where a candidate is to be preferred, by name of criterion and nearness."""
        values = (self.r, -self.sensitivity, self.transfer, self.true_r)
        return dict(zip((*CRITERIA, *NEARNESS), values, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """All candidates for one simulated recording: their relation to the teacher and their measures.

    `to_gain` (1 + n_candidates, n_voxels, n_images): what more steps would still gain of each shift, as a share
    of it, of the true voxels first; NaN in folders of version 0.3.
    """

    teacher: LayerName
    noise: float
    relations: tuple[Relation, ...]
    measures: Measures
    to_gain: FloatArray


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Which candidate is nearest to the truth, what each criterion picks, and how their orders agree.

    `nearest` and `picked` by name of nearness and criterion; `ranks` holds Spearman's correlation over the available
    candidates of each criterion with each nearness, keyed "criterion / nearness".
    """

    teacher: LayerName
    noise: float
    candidate_set: CandidateSet
    nearest: dict[str, LayerName]
    picked: dict[str, LayerName]
    ranks: dict[str, Interval]
    chance: float


@dataclass(frozen=True, slots=True)
class Overall:
    """One set of candidates over all recordings: mean rank correlations and the share of right picks.

    Both are keyed as in a `ConditionResult`; intervals are over teachers, each its mean over noise levels.
    """

    candidate_set: CandidateSet
    n_recordings: int
    n_teachers: int
    ranks: dict[str, Interval]
    hits: dict[str, float]
    chance: float

    @property
    def note(self) -> str:
        """Why there is no interval; "" where there is one."""
        enough = self.n_teachers >= LEAST_TEACHERS
        return "" if enough else f"An interval over teachers needs {LEAST_TEACHERS} of them, got {self.n_teachers}."


@dataclass(frozen=True, slots=True, eq=False)
class StudyAnswer:
    """Everything a study says but its outcomes, which `core.sweeps.study.hypotheses` draws from the conditions."""

    config: StudyConfig
    conditions: tuple[Condition, ...]
    results: tuple[ConditionResult, ...]
    overall: tuple[Overall, ...]

    def interval(self, condition: Condition, measure: str, candidate: int) -> Interval:
        """One measure of one candidate with its interval."""
        return find_interval(self.config, getattr(condition.measures, measure)[:, candidate])


def find_interval(config: StudyConfig, rows: FloatArray) -> Interval:
    """A number of one recording, as it is and in every resample of voxels and images, with its interval."""
    return interval_of_rows(rows, min(config.n_voxels, config.n_images), config.confidence)


def evaluate_study(store: StudyStore) -> StudyAnswer:
    """Answer a finished study. Raises StorageError if a cell cannot be read."""
    config = store.config
    places = [(teacher, noise) for teacher in range(len(config.teachers)) for noise in range(len(config.noise))]
    conditions = tuple(_measure(store, *place) for place in places)
    results, overall = [], []
    for candidate_set in CandidateSet:
        chosen = [(one, np.asarray(config.candidates_for(one.teacher, candidate_set))) for one in conditions]
        own = [_evaluate(one, candidate_set, which, config) for one, which in chosen if len(which) >= LEAST_RANKED]
        results += own
        if own:
            overall.append(sum_up_recordings(candidate_set, own, confidence=config.confidence))
    return StudyAnswer(config, conditions, tuple(results), tuple(overall))


def _measure(store: StudyStore, teacher: int, noise: int) -> Condition:
    config, name = store.config, store.config.teachers[teacher]
    truth = store.load(StudyCell(TRUTH, teacher=teacher))
    cells = [
        store.load(StudyCell(CANDIDATE, teacher=teacher, noise=noise, candidate=number))
        for number in range(len(config.candidates))
    ]
    relations = tuple(find_relation(name, candidate) for candidate in config.candidates)
    measures = measure_candidates(cells, truth["shift"], count=config.n_bootstrap, seed=config.seed)
    unknown = np.full(truth["shift"].shape, np.nan)
    to_gain = np.stack([cell.get("to_gain", unknown) for cell in (truth, *cells)])
    return Condition(name, config.noise[noise], relations, measures, to_gain)


def measure_candidates(cells: list[dict[str, FloatArray]], truth: FloatArray, *, count: int, seed: int) -> Measures:
    """The measures as they are and in `count` resamples.

    Parameters
    ----------
    cells : list of dict of arrays, one a candidate. sensitivity, control, overlap (n_voxels, n_images); shown
        (n_voxels, n_images, n_voxels): the shift of the last axis' true voxel by the perturbation made for the first
        axis' voxel; predicted, measured, signal (n_test, n_voxels).
    truth : (n_voxels, n_images). Shifts of the true voxels under their own best perturbations, in SDs of their signals.
    """
    (n_voxels, n_images), n_test = truth.shape, len(cells[0]["predicted"])
    images, voxels = draw_resamples(n_images, n_voxels, count=count, seed=seed)
    of_images, of_voxels = _weigh(images, n_images), _weigh(voxels, n_voxels)
    of_test = _weigh(draw_resamples(n_test, n_voxels, count=count, seed=seed)[0], n_test)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("cvi,bv,bi->bc", values, of_voxels, of_images))

    def score(key: str) -> FloatArray:
        r = [correlate_resamples(cell["predicted"], cell[key], of_test) for cell in cells]
        return np.stack([(one * of_voxels).sum(axis=1) for one in r], axis=1)

    stacked = {key: np.stack([cell[key] for cell in cells]) for key in ("sensitivity", "control", "overlap", "shown")}
    own = np.einsum("cviv->cvi", stacked["shown"])
    others = (stacked["shown"].sum(axis=3) - own) / (n_voxels - 1)
    best = mean(truth[np.newaxis])
    return Measures(
        r=score("measured"),
        true_r=score("signal"),
        sensitivity=mean(stacked["sensitivity"]),
        transfer=mean(own) / best,
        control=mean(stacked["control"]) / best,
        overlap=mean(stacked["overlap"]),
        selectivity=mean(own - others) / best,
        true_sensitivity=mean(np.abs(truth)[np.newaxis]),
    )


def _weigh(draws: IntArray, size: int) -> FloatArray:
    """Weights that sum to 1, equal ones first, then those of every resample: (1 + n_resamples, size)."""
    return np.vstack([np.ones(size), count_draws(draws, size)]) / size


def _evaluate(
    condition: Condition, candidate_set: CandidateSet, chosen: IntArray, config: StudyConfig
) -> ConditionResult:
    values = {key: one[:, chosen] for key, one in condition.measures.preferences().items()}
    best = {key: config.candidates[chosen[np.argmax(one[0])]] for key, one in values.items()}
    ranks = {
        f"{criterion} / {nearness}": find_interval(config, rank_correlations(values[criterion], values[nearness]))
        for criterion in CRITERIA
        for nearness in NEARNESS
    }
    nearest, picked = ({key: best[key] for key in keys} for keys in (NEARNESS, CRITERIA))
    return ConditionResult(condition.teacher, condition.noise, candidate_set, nearest, picked, ranks, 1 / len(chosen))


def sum_up_recordings(candidate_set: CandidateSet, results: Sequence[ConditionResult], *, confidence: float) -> Overall:
    """Means over teachers, each the mean over its noise levels; no interval below `LEAST_TEACHERS`."""
    teachers = list(dict.fromkeys(one.teacher for one in results))
    ranks, hits = {}, {}
    for key in results[0].ranks:
        criterion, nearness = key.split(" / ")
        of_teachers = [
            mean_over_known(np.asarray([one.ranks[key].value for one in results if one.teacher == teacher]), axis=0)
            for teacher in teachers
        ]
        rank = interval_of_mean(np.asarray(of_teachers)[:, np.newaxis], confidence, least=-1.0, most=1.0)
        ranks[key] = rank if len(teachers) >= LEAST_TEACHERS else Interval(rank.value, float("nan"), float("nan"))
        hits[key] = float(np.mean([one.picked[criterion] == one.nearest[nearness] for one in results]))
    chance = float(np.mean([one.chance for one in results]))
    return Overall(candidate_set, len(results), len(teachers), ranks, hits, chance)


def rank_correlations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Spearman's correlation of every pair of rows (n_rows, n_candidates): (n_rows,); NaN where one has no order."""
    from scipy.stats import rankdata

    return correlate(rankdata(first, axis=1).T, rankdata(second, axis=1).T)
