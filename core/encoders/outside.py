"""Scores on images unlike the training images: a left-out category, a second set.

Both stand beside the score on held-out images like the training images, by the same fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.checks import refusal
from core.encoders.extra_scores import OutsideScore
from core.encoders.scored import ScoredImages, SecondSet, TaskResult
from core.encoders.scores import correlate, correlate_in_batches
from core.encoders.tasks import LEAST_IMAGES
from core.types import FloatArray, IntArray, VoxelTable


def score_category(data: ScoredImages, result: TaskResult) -> OutsideScore:
    """r on a left-out category, beside r of the same fit on the held-out images of the others.

    Where too few of those are held out, `r_within` is NaN and `n_within` says how few they are.
    """
    predicted, rows, name = result.predicted, result.task.predict, result.task.name
    n_inside = int((np.asarray(data.categories)[rows] == name).sum())
    n_within = len(rows) - n_inside
    r = correlate_in_batches(predicted[:n_inside], data.responses, rows[:n_inside])
    within = np.full(len(r), np.nan)
    if n_within >= LEAST_IMAGES:
        within = correlate_in_batches(predicted[n_inside:], data.responses, rows[n_inside:])
    return OutsideScore("category", name, n_inside, n_within, (), r.astype(np.float32), within.astype(np.float32))


def share_rois(own: VoxelTable, other: VoxelTable, name: str) -> tuple[str, ...]:
    """The ROIs to compare by their means; empty where both tables hold the very same voxels.

    Raises
    ------
    BadInputError
        If the other set has other voxels and no ROI of the same name.
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


def choose_unseen(own: Sequence[str], train: IntArray, other: SecondSet) -> IntArray:
    """The rows of a second set whose image was not trained on. Raises BadInputError if they are too few to score."""
    seen = {own[row] for row in train}
    rows = np.flatnonzero([name not in seen for name in other.images])
    if len(rows) < LEAST_IMAGES:
        allowed = f"a record with at least {LEAST_IMAGES} images that are not trained on"
        raise refusal("second_set", allowed=allowed, got=f"{other.name} with {len(rows)}")
    return rows


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
    data : ScoredImages
        With a voxel table.
    predict : (n_rows, n_voxels)
        The encoder's predictions of the other set's `rows`.
    rows : row indices of the other set
    within : (n_within, n_voxels)
        Predictions of this record's images `within_rows`.
    within_rows : row indices
    """
    if data.voxels is None:
        raise refusal("second_set", allowed="empty without a voxel table", got=other.name)
    rois = share_rois(data.voxels, other.voxels, other.name)
    if rois:
        r = np.array([_mean_r(predict, data.voxels, other.responses, other.voxels, rows, roi) for roi in rois])
        inside = [_mean_r(within, data.voxels, data.responses, data.voxels, within_rows, roi) for roi in rois]
        r_within = np.array(inside)
    else:
        r = correlate_in_batches(predict, other.responses, rows)
        r_within = correlate_in_batches(within, data.responses, within_rows)
    n_within = len(within_rows)
    return OutsideScore(
        "second-set", other.name, len(rows), n_within, rois, r.astype(np.float32), r_within.astype(np.float32)
    )


def _mean_r(
    predicted: FloatArray, own: VoxelTable, measured: FloatArray, other: VoxelTable, rows: IntArray, roi: str
) -> float:
    """Pearson r of the mean response of an ROI."""
    first = predicted[:, own.voxels_in(roi)].mean(axis=1, dtype=np.float64)
    second = np.asarray(measured[:, other.voxels_in(roi)])[rows].mean(axis=1, dtype=np.float64)
    return float(correlate(first[:, np.newaxis], second[:, np.newaxis])[0])
