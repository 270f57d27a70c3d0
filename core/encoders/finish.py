"""From solved readouts to a scored, sealed encoder: every score of the card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.encoders.assemble import Assembled, assemble, join_voxels
from core.encoders.bootstrap import bootstrap_intervals
from core.encoders.card import EncoderCard, EncoderData
from core.encoders.config import EncoderConfig
from core.encoders.extra_scores import RoiInterval
from core.encoders.files import seal
from core.encoders.outside import choose_unseen, score_categories, score_second_set
from core.encoders.scored import ScoredImages, SecondSet, TaskResult
from core.encoders.scores import correlate_in_batches, explained, over_ceiling
from core.encoders.scoring_config import ScoringConfig
from core.encoders.tasks import ENCODER, NESTED
from core.progress import ShouldStop
from core.types import FloatArray, IntArray


def finish_encoder(
    config: EncoderConfig,
    data: ScoredImages,
    results: Sequence[TaskResult],
    *,
    scoring: ScoringConfig,
    second_sets: Sequence[SecondSet],
    should_stop: ShouldStop,
) -> EncoderData:
    """Assemble, score and seal."""
    final = [one for one in results if one.task.kind == ENCODER]
    train, test = final[0].task.train, final[0].task.predict
    joined = assemble(final, data.features if len(train) == len(data.features) else data.features[train])
    nested = gather_nested(data, results)
    predicted, rows = (joined.predicted, test) if test.size else (nested, train)
    if predicted is None:
        raise RuntimeError("Nothing was scored.")
    extra: dict[str, Any] = {"scored_on": "held-out" if test.size else "nested"}
    if nested is not None:
        extra["nested_r"] = correlate_in_batches(nested, data.responses, train).astype(np.float32)
    if config.is_sparse:
        extra["sparsity"] = joined.sparsity.astype(np.float32)
    extra |= _bootstrap(data, predicted, rows, scoring, should_stop)
    outside = score_categories(data, results)
    for other in second_sets:
        chosen = choose_unseen(data.images, train, other)
        scored = score_second_set(
            data,
            other,
            predict=predict(joined, other.features[chosen]),
            rows=chosen,
            within=predicted,
            within_rows=rows,
        )
        outside = (*outside, scored)
    card = _make_card(config, data, joined, predicted=predicted, rows=rows, extra=extra | {"outside": outside})
    return seal(
        EncoderData(
            card, joined.mean, joined.components, joined.weights, joined.intercept, covariance=joined.covariance
        )
    )


def predict(numbers: Assembled, features: FloatArray) -> FloatArray:
    """Responses (n_images, n_voxels) float32 to features (n_images, n_inputs)."""
    centred = features - numbers.mean
    reduced = centred if numbers.components is None else centred @ numbers.components
    return np.asarray(reduced @ numbers.weights + numbers.intercept)


def gather_nested(data: ScoredImages, results: Sequence[TaskResult]) -> FloatArray | None:
    """The outer folds' predictions of the training images, in their order, (n_train, n_voxels); None without folds."""
    folds = [one for one in results if one.task.kind == NESTED]
    if not folds:
        return None
    gathered = np.empty(data.responses.shape, dtype=np.float32)
    for name in dict.fromkeys(one.task.name for one in folds):
        groups = [one for one in folds if one.task.name == name]
        gathered[groups[0].task.predict] = join_voxels(groups, [one.predicted for one in groups])
    return gathered[~data.test] if data.test.any() else gathered


def _bootstrap(
    data: ScoredImages, predicted: FloatArray, rows: IntArray, scoring: ScoringConfig, should_stop: ShouldStop
) -> dict[str, Any]:
    if not scoring.n_bootstrap:
        return {}
    names = () if data.voxels is None else data.voxels.roi_names
    groups = [] if data.voxels is None else [data.voxels.voxels_in(roi) for roi in names]
    found = bootstrap_intervals(
        predicted,
        data.responses,
        groups,
        rows=rows,
        n_bootstrap=scoring.n_bootstrap,
        confidence=scoring.confidence,
        seed=scoring.seed,
        should_stop=should_stop,
    )
    return {
        "n_bootstrap": scoring.n_bootstrap,
        "confidence": scoring.confidence,
        "r_low": found.low.astype(np.float32),
        "r_high": found.high.astype(np.float32),
        "roi_intervals": tuple(
            RoiInterval(roi, float(low), float(high)) for roi, (low, high) in zip(names, found.medians, strict=True)
        ),
    }


def _make_card(
    config: EncoderConfig,
    data: ScoredImages,
    joined: Assembled,
    *,
    predicted: FloatArray,
    rows: IntArray,
    extra: dict[str, Any],
) -> EncoderCard:
    """The card of predictions (n_rows, n_voxels) of the scored images, not yet sealed."""
    r = correlate_in_batches(predicted, data.responses, rows)
    r2 = explained(r)
    scores: dict[str, FloatArray] = {
        "alpha": joined.alpha,
        "cv_r": joined.cv_r,
        "r": r,
        "r2": r2,
        "r2_ceiling": over_ceiling(r2, data.noise_ceiling),
        "reference_sd": joined.reference_sd,
        "noise_ceiling": data.noise_ceiling,
    }
    return EncoderCard(
        config=config,
        sha256="",
        network_sha256=data.network_sha256,
        response_unit=data.response_unit,
        n_train=int((~data.test).sum()),
        n_test=int(data.test.sum()),
        **{name: np.asarray(values, dtype=np.float32) for name, values in scores.items()},  # type: ignore[arg-type]
        **extra,
    )
