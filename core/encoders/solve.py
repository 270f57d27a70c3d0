"""From features and responses at hand to a fitted, scored, sealed encoder: pure numerics.

Voxels go through in batches, so that memory depends on the images and the reduced features alone; finished batches are
kept in a partial store and taken from there when the same fit is run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.checks import refusal
from core.encoders.card import EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.crossval import check_disjoint
from core.encoders.design import BatchSolution, Design, learn_reducer, make_design, solve_batch
from core.encoders.finish import finish_encoder
from core.encoders.partial_store import PartialStore
from core.encoders.reduce import Reducer
from core.encoders.regions import VoxelGroup, group_voxels
from core.encoders.responses import check_finite
from core.encoders.scored import ScoredImages, SecondSet, TaskResult
from core.encoders.scoring_config import ScoringConfig
from core.encoders.tasks import Task, plan_tasks
from core.progress import ShouldStop, never_stop
from core.types import FloatArray, IntArray

NUMBERS_AT_ONCE = 8_000_000
"""Responses of a voxel batch: 64 MB in float64."""
MOST_VOXELS_AT_ONCE, LEAST_VOXELS_AT_ONCE = 1024, 64
LARGEST_RANK = 12_000
"""Inputs of a readout without components: their covariance of this side takes 0.6 GB."""
LARGEST_KEPT_REDUCER = 64_000_000
"""Entries of a reducer up to which it is kept in the partial store."""


@dataclass(frozen=True, slots=True, eq=False)
class SolveProgress:
    """`done` of `total` voxel batches are fitted; `what` is being worked on; `result` is on the last record only."""

    what: str
    done: int
    total: int
    result: EncoderData | None = None


def fit_encoder(config: EncoderConfig, data: ScoredImages, scoring: ScoringConfig | None = None) -> EncoderData:
    """Run `iter_solve` to its end and give the encoder."""
    for progress in iter_solve(config, data, scoring=scoring or ScoringConfig()):
        if progress.result is not None:
            return progress.result
    raise RuntimeError("A fit ended without a result.")


def iter_solve(
    config: EncoderConfig,
    data: ScoredImages,
    *,
    scoring: ScoringConfig,
    second_sets: tuple[SecondSet, ...] = (),
    store: PartialStore | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[SolveProgress]:
    """Fit on the training images, score on the held-out ones, from the very float32 numbers that are saved.

    The components come from the training images of each readout, without responses; its folds choose the penalties on
    those components. Seeded by `config.seed` and `scoring.seed`.

    Raises
    ------
    BadInputError
        If an image is on both sides, there are fewer training images than folds, or a response is not finite.
    Cancelled
        As soon as `should_stop()` is true, within a batch.
    """
    store = PartialStore() if store is None else store
    groups = check_scored(config, data)
    tasks = plan_tasks(scoring, groups, images=data.images, test=data.test, categories=data.categories)
    sizes = [len(split_voxels(task.group.voxels, len(task.train))) for task in tasks]
    done, results = 0, []
    for task in tasks:
        yield SolveProgress(task.describe(), done, sum(sizes))
        work = _Work(config, data, task, store=store, should_stop=should_stop)
        for _ in work.iterate():
            done += 1
            yield SolveProgress(task.describe(), done, sum(sizes))
        results.append(work.result)
    yield SolveProgress("scores", done, done)
    result = finish_encoder(config, data, results, scoring=scoring, second_sets=second_sets, should_stop=should_stop)
    yield SolveProgress("done", done, done, result)


def check_scored(config: EncoderConfig, data: ScoredImages) -> tuple[VoxelGroup, ...]:
    """The groups of voxels. Raises BadInputError for shared images, responses that are not finite, unknown regions."""
    names = np.asarray(data.images)
    check_disjoint(names[~data.test].tolist(), names[data.test].tolist())
    check_finite(data.responses)
    check_rank(config, data.features.shape[1])
    if not config.regions:
        return (VoxelGroup(np.arange(data.responses.shape[1]), None),)
    if data.voxels is None or data.grid is None:
        raise refusal("regions", allowed="empty without a voxel table", got=config.regions)
    return group_voxels(config, data.voxels, data.grid)


def check_rank(config: EncoderConfig, n_inputs: int) -> None:
    """Raise BadInputError if all inputs are kept and they are too many for a readout."""
    if config.reducer != "pca" and n_inputs > LARGEST_RANK:
        allowed = f"'pca' or 'projection' for more than {LARGEST_RANK} features"
        advice = f"The layer has {n_inputs} after pooling; pool more, or reduce them."
        raise refusal("reducer", allowed=allowed, got=config.reducer, advice=advice)


def split_voxels(voxels: IntArray, n_train: int) -> list[IntArray]:
    """Batches of voxels whose training responses are at most `NUMBERS_AT_ONCE` numbers."""
    size = int(np.clip(NUMBERS_AT_ONCE // max(n_train, 1), LEAST_VOXELS_AT_ONCE, MOST_VOXELS_AT_ONCE))
    return [voxels[start : start + size] for start in range(0, len(voxels), size)]


class _Work:
    """One task under way: its design is made when the first batch is not in the store."""

    def __init__(
        self, config: EncoderConfig, data: ScoredImages, task: Task, *, store: PartialStore, should_stop: ShouldStop
    ) -> None:
        self._config, self._data, self._task = config, data, task
        self._store, self._should_stop = store, should_stop
        self._design: Design | None = None
        self.result = TaskResult(task, np.empty((len(task.predict), len(task.group.voxels)), dtype=np.float32))
        self._reduced: FloatArray | None = None

    def iterate(self) -> Iterator[int]:
        """Solve batch after batch, yielding the number of each when it is done."""
        start = 0
        for number, voxels in enumerate(split_voxels(self._task.group.voxels, len(self._task.train))):
            arrays = self._store.get(f"{self._task.stem}-{number}")
            if arrays is None:
                arrays = self._solve(voxels)
                self._store.put(f"{self._task.stem}-{number}", arrays)
            self.result.predicted[:, start : start + len(voxels)] = arrays.pop("predicted")
            self.result.parts.append(BatchSolution(**arrays))
            start += len(voxels)
            yield number
        self.result.reducer = self._find_reducer()

    def _solve(self, voxels: IntArray) -> dict[str, FloatArray]:
        if self._design is None:
            self._design = self._make_design()
        columns = np.asarray(self._data.responses[:, voxels])[self._task.train]
        solved = solve_batch(self._config, self._design, columns, should_stop=self._should_stop)
        predicted = self._reduce_predicted() @ solved.weights + solved.intercept
        names = ("alpha", "cv_r", "weights", "intercept", "reference_sd")
        return {name: getattr(solved, name) for name in names} | {"predicted": predicted.astype(np.float32)}

    def _make_design(self) -> Design:
        names = [self._data.images[row] for row in self._task.train]
        return make_design(
            self._config,
            self._inputs(self._task.train),
            names,
            reducer=self._find_reducer(),
            should_stop=self._should_stop,
        )

    def _find_reducer(self) -> Reducer:
        """The task's reducer: made, from the store, or learned."""
        if self._design is not None:
            return self._design.reducer
        kept = self._store.get(f"{self._task.stem}-reducer")
        if kept is not None:
            return Reducer(kept["mean"], kept.get("components"), float(kept["scale"][0]))
        reducer = learn_reducer(self._config, self._inputs(self._task.train))
        arrays = {"mean": reducer.mean, "components": reducer.components, "scale": np.array([reducer.scale])}
        if reducer.components is None or reducer.components.size <= LARGEST_KEPT_REDUCER:
            held = {name: values for name, values in arrays.items() if values is not None}
            self._store.put(f"{self._task.stem}-reducer", held)
        return reducer

    def _reduce_predicted(self) -> FloatArray:
        if self._reduced is None:
            self._reduced = self._find_reducer().apply(self._inputs(self._task.predict))
        return self._reduced

    def _inputs(self, rows: IntArray) -> FloatArray:
        features, columns = self._data.features, self._task.group.columns
        chosen = features if np.array_equal(rows, np.arange(len(features))) else features[rows]
        return chosen if columns is None else chosen[:, columns]
