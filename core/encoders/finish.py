"""From solved readouts to a scored, sealed encoder: every score of the card, with intervals. Never refits.

The intervals are percentile intervals (Efron & Tibshirani 1993): images are drawn with replacement, r is computed again
from weighted sums. They hold for other held-out images, not for other training images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.checks import refusal
from core.encoders.card import EncoderCard, EncoderData, FloatMatrix, FloatVector, OutsideScore, RoiInterval
from core.encoders.config import EncoderConfig, ScoringConfig
from core.encoders.files import seal
from core.encoders.scored import CATEGORY, LEAST_IMAGES, NESTED, ScoredImages, SecondSet, TaskResult, VoxelGroup
from core.encoders.scores import correlate, rate
from core.progress import ShouldStop, check_stop, never_stop
from core.seeds import make_stream
from core.statistics import correlate_resamples, count_draws, percentiles
from core.types import FloatArray, IntArray, VoxelTable


def score_category(data: ScoredImages, result: TaskResult) -> OutsideScore:
    """r on a left-out category, beside r of the same fit on the held-out images of the others.

    Where too few of those are held out, `r_within` is NaN and `n_within` says how few they are.
    """
    predicted, rows, name = result.predicted, result.task.predict, result.task.name
    n_inside = int((np.asarray(data.categories)[rows] == name).sum())
    n_within = len(rows) - n_inside
    r = correlate(predicted[:n_inside], data.responses, rows[:n_inside])
    within = np.full(len(r), np.nan)
    if n_within >= LEAST_IMAGES:
        within = correlate(predicted[n_inside:], data.responses, rows[n_inside:])
    return OutsideScore("category", name, n_inside, n_within, (), r.astype(np.float32), within.astype(np.float32))


def share_rois(own: VoxelTable, other: VoxelTable, name: str) -> tuple[str, ...]:
    """The ROIs to compare by their means; empty where both tables hold the very same voxels.

    Raises BadInputError if the other set has other voxels and no ROI of the same name.
    """
    same = own.n_voxels == other.n_voxels and own.roi == other.roi
    if same and np.array_equal(own.vertex, other.vertex) and np.array_equal(own.hemisphere, other.hemisphere):
        return ()
    shared = tuple(roi for roi in own.roi_names if roi in other.roi_names)
    if not shared:
        allowed = "a record of the same voxels, or with an ROI of the same name"
        got = f"{name} with {', '.join(other.roi_names) or 'no ROI'}"
        advice = f"The encoder has {', '.join(own.roi_names) or 'no ROI'}."
        raise refusal("second_set", allowed=allowed, got=got, advice=advice)
    return shared


def score_second_set(
    data: ScoredImages,
    other: SecondSet,
    *,
    predict: FloatArray,
    rows: IntArray,
    within: FloatArray,
    within_rows: IntArray,
) -> OutsideScore:
    """r on the images of a second set, beside r on this record's own held-out images.

    Parameters
    ----------
    data : With a voxel table.
    predict : (n_rows, n_voxels). The encoder's predictions of the other set's `rows`.
    rows : row indices of the other set
    within : (n_within, n_voxels). Predictions of this record's images `within_rows`.
    within_rows : row indices
    """
    if data.voxels is None:
        raise refusal("second_set", allowed="empty without a voxel table", got=other.name)
    rois = share_rois(data.voxels, other.voxels, other.name)
    r = _score(rois, predict, data.voxels, other.responses, other.voxels, rows)
    r_within = _score(rois, within, data.voxels, data.responses, data.voxels, within_rows)
    n_within = len(within_rows)
    return OutsideScore(
        "second-set", other.name, len(rows), n_within, rois, r.astype(np.float32), r_within.astype(np.float32)
    )


def _score(
    rois: Sequence[str], predicted: FloatArray, own: VoxelTable, measured: FloatArray, other: VoxelTable, rows: IntArray
) -> FloatArray:
    """Pearson r of every voxel; of the mean response of every ROI where there are any."""
    if not rois:
        return correlate(predicted, measured, rows)
    first = [predicted[:, own.voxels_in(roi)].mean(axis=1, dtype=np.float64) for roi in rois]
    second = [np.asarray(measured[:, other.voxels_in(roi)])[rows].mean(axis=1, dtype=np.float64) for roi in rois]
    return correlate(np.stack(first, axis=1), np.stack(second, axis=1))


def finish_encoder(
    config: EncoderConfig,
    data: ScoredImages,
    groups: Sequence[VoxelGroup],
    results: Sequence[TaskResult],
    *,
    scoring: ScoringConfig,
    second_sets: Sequence[SecondSet],
    should_stop: ShouldStop,
) -> EncoderData:
    """Join the groups of voxels of the last result, the encoder's own, score them and seal."""
    final = results[-1]
    train, test = final.task.train, final.task.predict
    features = data.features if len(train) == len(data.features) else data.features[train]
    mean, components, weights = join_groups(final, groups, features)
    plain = features - mean
    reduced = plain if components is None else plain @ components
    covariance = np.atleast_2d(np.cov(reduced, rowvar=False, bias=True, dtype=np.float64)).astype(np.float32)
    nested = gather_nested(data, results)
    predicted, rows = (final.predicted, test) if test.size else (nested, train)
    if predicted is None:
        raise RuntimeError("Nothing was scored.")
    extra: dict[str, Any] = {"scored_on": "held-out" if test.size else "nested"}
    if nested is not None:
        extra["nested_r"] = correlate(nested, data.responses, train).astype(np.float32)
    if config.is_sparse:
        extra["sparsity"] = np.empty(weights.shape[1], dtype=np.float32)
        for group, own in zip(groups, final.weights, strict=True):
            extra["sparsity"][group.voxels] = (own == 0).mean(axis=0)
    extra |= _bootstrap(data, predicted, rows, scoring, should_stop)
    extra |= {name: getattr(final, name).astype(np.float32) for name in ("alpha", "cv_r", "reference_sd")}
    card = EncoderCard(
        config=config,
        sha256="",
        network_sha256=data.network_sha256,
        response_unit=data.response_unit,
        n_train=int((~data.test).sum()),
        n_test=int(data.test.sum()),
        noise_ceiling=np.asarray(data.noise_ceiling, dtype=np.float32),
        **rate(correlate(predicted, data.responses, rows), data.noise_ceiling),
        **extra,
    )
    encoder = EncoderData(card, mean, components, weights, final.intercept.astype(np.float32), covariance)
    outside = [score_category(data, one) for one in results if one.task.kind == CATEGORY]
    seen = {data.images[row] for row in train}
    for other in second_sets:
        chosen = np.flatnonzero([name not in seen for name in other.images])
        if len(chosen) < LEAST_IMAGES:
            allowed = f"a record with at least {LEAST_IMAGES} images that are not trained on"
            raise refusal("second_set", allowed=allowed, got=f"{other.name} with {len(chosen)}")
        there = predict(encoder, other.features[chosen])
        outside.append(score_second_set(data, other, predict=there, rows=chosen, within=predicted, within_rows=rows))
    return seal(replace(encoder, card=replace(card, outside=tuple(outside))))


def join_groups(
    result: TaskResult, groups: Sequence[VoxelGroup], features: FloatMatrix
) -> tuple[FloatVector, FloatMatrix | None, FloatMatrix]:
    """Mean, components and weights of the readouts of all groups of voxels, in the one factored form of an encoder.

    With one group that reads everything they are its own. With regions, every group keeps its own block of components,
    and the weights of its voxels are 0 elsewhere. `features` are those of the training images.
    """
    first = result.reducers[0]
    if len(groups) == 1 and groups[0].columns is None:
        weights = result.weights[0] if first.factors is None else first.factors[:, np.newaxis] * result.weights[0]
        return first.mean, first.components, np.ascontiguousarray(weights, dtype=np.float32)
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    rank = len(mean) if first.components is None else sum(len(own) for own in result.weights)
    components = None if first.components is None else np.zeros((len(mean), rank), dtype=np.float32)
    weights = np.zeros((rank, len(result.alpha)), dtype=np.float32)
    start = 0
    for group, reducer, own in zip(groups, result.reducers, result.weights, strict=True):
        rows = columns = np.arange(len(mean)) if group.columns is None else group.columns
        if components is not None:
            rows = np.arange(start, start + len(own))
            components[np.ix_(columns, rows)] = reducer.components
            start += len(own)
        weights[np.ix_(rows, group.voxels)] = own
    return mean, components, weights


def predict(encoder: EncoderData, features: FloatArray) -> FloatArray:
    """Responses (n_images, n_voxels) float32 to features (n_images, n_inputs)."""
    centred = features - encoder.mean
    reduced = centred if encoder.components is None else centred @ encoder.components
    return np.asarray(encoder.read_out(reduced) + encoder.intercept)


def gather_nested(data: ScoredImages, results: Sequence[TaskResult]) -> FloatArray | None:
    """The outer folds' predictions of the training images, in their order, (n_train, n_voxels); None without folds."""
    folds = [one for one in results if one.task.kind == NESTED]
    if not folds:
        return None
    gathered = np.empty(data.responses.shape, dtype=np.float32)
    for one in folds:
        gathered[one.task.predict] = one.predicted
    return gathered[~data.test] if data.test.any() else gathered


def _bootstrap(
    data: ScoredImages, predicted: FloatArray, rows: IntArray, scoring: ScoringConfig, should_stop: ShouldStop
) -> dict[str, Any]:
    if not scoring.n_bootstrap:
        return {}
    names = () if data.voxels is None else data.voxels.roi_names
    groups = [] if data.voxels is None else [data.voxels.voxels_in(roi) for roi in names]
    found = bootstrap_intervals(predicted, data.responses, groups, rows=rows, scoring=scoring, should_stop=should_stop)
    return {
        "n_bootstrap": scoring.n_bootstrap,
        "confidence": scoring.confidence,
        "r_low": found.low.astype(np.float32),
        "r_high": found.high.astype(np.float32),
        "roi_intervals": tuple(
            RoiInterval(roi, float(low), float(high)) for roi, (low, high) in zip(names, found.medians, strict=True)
        ),
    }


VOXELS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """low and high (n_voxels,) of r; `medians` (n_groups, 2) the interval of the median r of each group of voxels.

    NaN where too few resamples have an r, as with two or three images.
    """

    low: FloatArray
    high: FloatArray
    medians: FloatArray


def draw_counts(n_images: int, n_bootstrap: int, *, seed: int) -> FloatArray:
    """How often each image is drawn in each resample, (n_bootstrap, n_images) float64."""
    stream = make_stream(seed, "bootstrap", n_images)
    return count_draws(stream.integers(0, n_images, size=(n_bootstrap, n_images)), n_images)


def bootstrap_intervals(
    predicted: FloatArray,
    measured: FloatArray,
    groups: Sequence[IntArray],
    *,
    rows: IntArray | None = None,
    scoring: ScoringConfig,
    should_stop: ShouldStop = never_stop,
) -> Intervals:
    """Intervals of every voxel's r and of the median r of groups of voxels, over the same resamples.

    Parameters
    ----------
    predicted, measured : (n_images, n_voxels)
    groups : sequence of voxel indices
    rows : row indices of `measured` that were predicted; all by default

    Raises Cancelled as soon as `should_stop()` is true, between two batches of voxels.
    """
    counts = draw_counts(len(predicted), scoring.n_bootstrap, seed=scoring.seed)
    n_voxels, confidence = predicted.shape[1], scoring.confidence
    resampled = np.empty((len(counts), n_voxels), dtype=np.float32)
    bounds = np.empty((2, n_voxels))
    for start in range(0, n_voxels, VOXELS_AT_ONCE):
        check_stop(should_stop)
        voxels = slice(start, start + VOXELS_AT_ONCE)
        truth = np.asarray(measured[:, voxels])
        r = correlate_resamples(predicted[:, voxels], truth if rows is None else truth[rows], counts)
        resampled[:, voxels], bounds[:, voxels] = r, percentiles(r, confidence)
    medians = [percentiles(_medians(resampled[:, group]), confidence) for group in groups]
    return Intervals(bounds[0], bounds[1], np.asarray(medians).reshape(len(groups), 2))


def _medians(r: FloatArray) -> FloatArray:
    """The median over voxels of the r that are known, (n_bootstrap,); NaN where none is."""
    if not np.isnan(r).any():
        return np.asarray(np.median(r, axis=1))
    some = ~np.isnan(r).all(axis=1)
    found = np.full(len(r), np.nan)
    found[some] = np.nanmedian(r[some], axis=1)
    return found
