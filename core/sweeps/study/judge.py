"""From a finished study to its answer: nearness to the truth, what each criterion picks, which findings hold. Numbers.

Images, voxels and held-out images are resampled together for all candidates, so that differences are paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.scores import correlate
from core.sweeps.predictivity import correlate_resamples
from core.sweeps.statistics import Interval, count_draws, draw_resamples, interval_of
from core.sweeps.study.config import Kinship, LayerName, Offer, StudyConfig, find_kinship
from core.sweeps.study.plan import CANDIDATE, TRUTH, StudyCell, StudyStore
from core.types import FloatArray

LEAST_RANKED = 3
"""Candidates below which an order says nothing."""
CRITERIA = ("predictivity", "low sensitivity")
NEARNESS = ("axes", "responses")
"""axes: T(candidate -> true voxel). responses: r with the noiseless signal on held-out images."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """One number a candidate, (n_candidates,), or one a resample and candidate, (n_resamples, n_candidates).

    r with noisy held-out responses; true_r with the noiseless signal; sensitivity in SDs; transfer T to the true voxel
    and control the same of a random direction (unit 1); overlap the cosine of its perturbation with the true voxel's;
    selectivity T less the mean shift of the other true voxels, in the same unit.
    `true_sensitivity` is the true voxels' own, (1,) or (n_resamples, 1).
    """

    r: FloatArray
    true_r: FloatArray
    sensitivity: FloatArray
    transfer: FloatArray
    control: FloatArray
    overlap: FloatArray
    selectivity: FloatArray
    true_sensitivity: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """All candidates for one simulated recording: their measures and the same resampled."""

    teacher: LayerName
    noise: float
    kinships: tuple[Kinship, ...]
    measured: Measures
    resampled: Measures


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which candidate is nearest to the truth, what each criterion picks, and how their orders agree.

    `nearest` and `picked` by name of nearness and criterion; `ranks` holds Spearman's correlation over the offered
    candidates of each criterion with each nearness, keyed "criterion / nearness".
    """

    teacher: LayerName
    noise: float
    offer: Offer
    nearest: dict[str, LayerName]
    picked: dict[str, LayerName]
    ranks: dict[str, Interval]
    chance: float


@dataclass(frozen=True, slots=True)
class Overall:
    """Over all recordings of one offer: mean rank correlations, and the share of right picks, keyed as in `Verdict`."""

    offer: Offer
    n_recordings: int
    ranks: dict[str, Interval]
    hits: dict[str, float]
    chance: float


@dataclass(frozen=True, slots=True, eq=False)
class StudyAnswer:
    """Everything a study says but its findings, which `core.sweeps.study.findings` draws from the conditions."""

    config: StudyConfig
    conditions: tuple[Condition, ...]
    verdicts: tuple[Verdict, ...]
    overall: tuple[Overall, ...]

    def interval(self, condition: Condition, measure: str, candidate: int) -> Interval:
        """One measure of one candidate with its interval."""
        value = getattr(condition.measured, measure)[candidate]
        return interval_of(value, getattr(condition.resampled, measure)[:, candidate], self.config.confidence)


def judge_study(store: StudyStore) -> StudyAnswer:
    """Answer a finished study. Raises StorageError if a cell cannot be read."""
    config = store.config
    places = [(teacher, noise) for teacher in range(len(config.teachers)) for noise in range(len(config.noise))]
    conditions = tuple(measure_condition(store, *place) for place in places)
    verdicts, overall = [], []
    for offer in Offer:
        own, spreads = [], []
        for condition in conditions:
            chosen = np.asarray(config.offered(condition.teacher, offer), dtype=np.int64)
            if len(chosen) >= LEAST_RANKED:
                verdict, spread = _judge(condition, offer, chosen, config=config)
                own.append(verdict)
                spreads.append(spread)
        verdicts += own
        if own:
            overall.append(_sum_up(offer, own, spreads, confidence=config.confidence))
    return StudyAnswer(config, conditions, tuple(verdicts), tuple(overall))


def measure_condition(store: StudyStore, teacher: int, noise: int) -> Condition:
    """Read every candidate of one recording and resample its measures."""
    config = store.config
    truth = store.load(StudyCell(TRUTH, teacher=teacher))["shift"]
    cells = [
        store.load(StudyCell(CANDIDATE, teacher=teacher, noise=noise, candidate=number))
        for number in range(len(config.candidates))
    ]
    name = config.teachers[teacher]
    kinships = tuple(find_kinship(name, candidate) for candidate in config.candidates)
    found = []
    for count in (0, config.n_bootstrap):
        found.append(measure_candidates(cells, truth, count=count, seed=config.seed))
    measured = Measures(*(getattr(found[0], field)[0] for field in Measures.__slots__))
    return Condition(name, config.noise[noise], kinships, measured, found[1])


def measure_candidates(cells: list[dict[str, FloatArray]], truth: FloatArray, *, count: int, seed: int) -> Measures:
    """The measures in `count` resamples, or as they are, in one row, where `count` is 0.

    Parameters
    ----------
    cells : list of dict of arrays, one a candidate
        sensitivity, control, overlap (n_voxels, n_images); shown (n_voxels, n_images, n_voxels): the shift of the last
        axis' true voxel by the perturbation made for the first axis' voxel; predicted, measured, signal (n_test,
        n_voxels).
    truth : (n_voxels, n_images)
        Shifts of the true voxels under their own best perturbations, in SDs of their signals.
    """
    n_voxels, n_images = truth.shape
    of_images, of_voxels, of_test = _draw_weights(
        n_images, n_voxels, len(cells[0]["predicted"]), count=count, seed=seed
    )

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("cvi,bv,bi->bc", values, of_voxels, of_images))

    stacked = {key: np.stack([cell[key] for cell in cells]) for key in ("sensitivity", "control", "overlap", "shown")}
    own = np.einsum("cviv->cvi", stacked["shown"])
    others = (stacked["shown"].sum(axis=3) - own) / (n_voxels - 1)
    best = mean(truth[np.newaxis])
    scores = [
        np.stack([_weigh(correlate_resamples(cell["predicted"], cell[key], of_test), of_voxels) for cell in cells])
        for key in ("measured", "signal")
    ]
    return Measures(
        r=scores[0].T,
        true_r=scores[1].T,
        sensitivity=mean(stacked["sensitivity"]),
        transfer=mean(own) / best,
        control=mean(stacked["control"]) / best,
        overlap=mean(stacked["overlap"]),
        selectivity=mean(own - others) / best,
        true_sensitivity=mean(np.abs(truth)[np.newaxis]),
    )


def _weigh(values: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray((values * weights).sum(axis=1))


def _draw_weights(
    n_images: int, n_voxels: int, n_test: int, *, count: int, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights that sum to 1 of images, voxels and held-out images, each (n_resamples, n); equal in one row if none."""
    if not count:
        return tuple(np.full((1, n), 1 / n) for n in (n_images, n_voxels, n_test))  # type: ignore[return-value]
    draws = draw_resamples(n_images, n_voxels, count=count, seed=seed)
    test = draw_resamples(n_test, n_voxels, count=count, seed=seed)
    return (
        count_draws(draws.images, n_images) / n_images,
        count_draws(draws.targets, n_voxels) / n_voxels,
        count_draws(test.images, n_test) / n_test,
    )


def _judge(
    condition: Condition, offer: Offer, chosen: np.ndarray[tuple[int], np.dtype[np.int64]], *, config: StudyConfig
) -> tuple[Verdict, dict[str, FloatArray]]:
    names = [config.candidates[number] for number in chosen]
    values, spread = ({key: one[..., chosen] for key, one in _criteria(each).items()} for each in _both(condition))
    best = {key: names[int(np.argmax(values[key]))] for key in values}
    ranks, resampled = {}, {}
    for criterion in CRITERIA:
        for nearness in NEARNESS:
            key = f"{criterion} / {nearness}"
            resampled[key] = rank_correlations(spread[criterion], spread[nearness])
            value = float(rank_correlations(values[criterion][np.newaxis], values[nearness][np.newaxis])[0])
            ranks[key] = interval_of(value, resampled[key], config.confidence)
    nearest, picked = ({key: best[key] for key in keys} for keys in (NEARNESS, CRITERIA))
    verdict = Verdict(condition.teacher, condition.noise, offer, nearest, picked, ranks, 1 / len(chosen))
    return verdict, resampled


def _both(condition: Condition) -> tuple[Measures, Measures]:
    return condition.measured, condition.resampled


def _criteria(measures: Measures) -> dict[str, FloatArray]:
    """What is large where a candidate is to be preferred, by name of criterion and nearness."""
    return {
        "predictivity": measures.r,
        "low sensitivity": -measures.sensitivity,
        "axes": measures.transfer,
        "responses": measures.true_r,
    }


def _sum_up(
    offer: Offer, verdicts: list[Verdict], spreads: list[dict[str, FloatArray]], *, confidence: float
) -> Overall:
    ranks, hits = {}, {}
    for key in spreads[0]:
        criterion, nearness = key.split(" / ")
        value = float(np.mean([verdict.ranks[key].value for verdict in verdicts]))
        ranks[key] = interval_of(value, np.mean([spread[key] for spread in spreads], axis=0), confidence)
        hits[key] = float(np.mean([verdict.picked[criterion] == verdict.nearest[nearness] for verdict in verdicts]))
    return Overall(offer, len(verdicts), ranks, hits, float(np.mean([verdict.chance for verdict in verdicts])))


def rank_correlations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Spearman's correlation of every pair of rows (n_rows, n_candidates): (n_rows,); NaN where one has no order."""
    from scipy.stats import rankdata

    ranks = [rankdata(values, axis=1) for values in (first, second)]
    return correlate(*(one.T for one in ranks))
