"""From features and responses at hand to a fitted, scored, sealed encoder: pure numerics.

Voxels go through in batches, so that memory depends on the images and the reduced features alone; finished batches are
kept in a partial store and taken from there when the same fit is run again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from core.array_cache import ArrayCache
from core.checks import refusal
from core.device import run_in_chunks
from core.encoders.card import EncoderData
from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.crossval import Design, check_disjoint, learn_reducer, make_design, solve_batch
from core.encoders.finish import finish_encoder
from core.encoders.responses import check_finite
from core.encoders.ridge import Reducer
from core.encoders.scored import ScoredImages, SecondSet, Task, TaskResult, VoxelGroup, group_voxels, plan_tasks
from core.progress import Progress, ShouldStop, never_stop
from core.types import FloatArray, IntArray

NUMBERS_AT_ONCE = 8_000_000
"""Responses of a voxel batch: 64 MB in float64."""
MOST_VOXELS_AT_ONCE, LEAST_VOXELS_AT_ONCE = 1024, 64
LARGEST_RANK = 12_000
"""Inputs of a readout without components: their covariance of this side takes 0.6 GB."""
LARGEST_KEPT_REDUCER = 64_000_000
"""Entries of a reducer up to which it is kept in the partial store."""


def iter_solve(
    config: EncoderConfig,
    data: ScoredImages,
    *,
    scoring: ScoringConfig,
    second_sets: tuple[SecondSet, ...] = (),
    store: ArrayCache | None = None,
    should_stop: ShouldStop = never_stop,
) -> Iterator[Progress[EncoderData]]:
    """Fit on the training images, score on the held-out ones, from the very float32 numbers that are saved.

    The components come from the training images of each readout, without responses; its folds choose the penalties on
    those components. Seeded by `config.seed` and `scoring.seed`.

    Raises BadInputError if an image is on both sides, there are fewer training images than folds, or a response is not
    finite; Cancelled as soon as `should_stop()` is true, within a batch.
    """
    store = ArrayCache() if store is None else store
    groups = check_scored(config, data)
    tasks = plan_tasks(scoring, images=data.images, test=data.test, categories=data.categories)
    total = sum(len(split_voxels(group.voxels, len(task.train))) for task in tasks for group in groups)
    done, results = 0, []
    for task in tasks:
        yield Progress(done, total, what=task.describe())
        predicted = np.empty((len(task.predict), data.responses.shape[1]), dtype=np.float32)
        results.append(TaskResult(task, predicted, *np.empty((4, predicted.shape[1]))))
        for number, group in enumerate(groups):
            work = _Work(config, data, task, group, f"{task.stem}-{number}", store, should_stop)
            for _ in work.fill(results[-1]):
                done += 1
                yield Progress(done, total, what=task.describe())
    yield Progress(done, done, what="scores")
    result = finish_encoder(
        config, data, groups, results, scoring=scoring, second_sets=second_sets, should_stop=should_stop
    )
    yield Progress(done, done, result=result, what="done")


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


@dataclass(slots=True, eq=False)
class _Work:
    """One task of one group of voxels under way: its design is made when the first batch is not in the store."""

    config: EncoderConfig
    data: ScoredImages
    task: Task
    group: VoxelGroup
    stem: str
    store: ArrayCache
    should_stop: ShouldStop
    design: Design | None = None
    reduced: FloatArray = field(default_factory=partial(np.empty, 0))

    def fill(self, result: TaskResult) -> Iterator[None]:
        """Solve batch after batch into the result, yielding after each."""
        weights = []
        for number, voxels in enumerate(split_voxels(self.group.voxels, len(self.task.train))):
            arrays = self.store.get(f"{self.stem}-{number}")
            if arrays is None:
                arrays = self._solve(voxels)
                self.store.put(f"{self.stem}-{number}", arrays)
            weights.append(arrays.pop("weights"))
            for name, values in arrays.items():
                getattr(result, name)[..., voxels] = values
            yield
        result.weights.append(np.concatenate(weights, axis=1))
        result.reducers.append(self._find_reducer())

    def _solve(self, voxels: IntArray) -> dict[str, FloatArray]:
        config, train = self.config, self.task.train
        if self.design is None:
            names = [self.data.images[row] for row in train]
            reducer = self._find_reducer()
            self.design = make_design(config, self._inputs(train), names, reducer=reducer, should_stop=self.should_stop)
            self.reduced = reducer.apply(self._inputs(self.task.predict))
        columns = np.asarray(self.data.responses[:, voxels])[train]
        solve = partial(self._solve_columns, self.design, columns)
        parts = run_in_chunks(solve, len(voxels), chunk=len(voxels), what="voxel")
        return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}

    def _solve_columns(self, design: Design, columns: FloatArray, start: int, stop: int) -> dict[str, FloatArray]:
        solved = solve_batch(self.config, design, columns[:, start:stop], should_stop=self.should_stop)
        predicted = (self.reduced @ solved.weights + solved.intercept).astype(np.float32)
        return solved._asdict() | {"predicted": predicted}

    def _find_reducer(self) -> Reducer:
        """The task's reducer: made, from the store, or learned."""
        if self.design is not None:
            return self.design.reducer
        kept = self.store.get(f"{self.stem}-reducer")
        if kept is not None:
            return Reducer(kept["mean"], kept.get("components"), float(kept["scale"][0]), kept.get("factors"))
        reducer = learn_reducer(self.config, self._inputs(self.task.train), self.data.widths)
        arrays = {name: getattr(reducer, name) for name in ("mean", "components", "factors")}
        arrays["scale"] = np.array([reducer.scale])
        if reducer.components is None or reducer.components.size <= LARGEST_KEPT_REDUCER:
            held = {name: values for name, values in arrays.items() if values is not None}
            self.store.put(f"{self.stem}-reducer", held)
        return reducer

    def _inputs(self, rows: IntArray) -> FloatArray:
        features, columns = self.data.features, self.group.columns
        chosen = features if np.array_equal(rows, np.arange(len(features))) else features[rows]
        return chosen if columns is None else chosen[:, columns]
