"""Joins the readouts of groups of voxels into the one factored form an encoder has.

With one group that reads everything, its numbers are the encoder's. With regions, every group keeps its own block of
components, and the weights of its voxels are 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.card import FloatMatrix, FloatVector
from core.encoders.scored import TaskResult
from core.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """An encoder's numbers; alpha, cv_r, reference_sd, sparsity (n_voxels,); predicted (n_predict, n_voxels)."""

    mean: FloatVector
    components: FloatMatrix | None
    weights: FloatMatrix
    intercept: FloatVector
    covariance: FloatMatrix
    alpha: FloatArray
    cv_r: FloatArray
    reference_sd: FloatArray
    sparsity: FloatArray
    predicted: FloatArray


def assemble(results: Sequence[TaskResult], train_features: FloatMatrix) -> Assembled:
    """Join the results of all groups.

    Parameters
    ----------
    results : sequence of TaskResult
        One a group; together they hold every voxel once.
    train_features : (n_train, n_inputs) float32
    """
    mean, components = _join_reducers(results, train_features)
    plain = train_features - mean
    reduced = plain if components is None else plain @ components
    covariance = np.atleast_2d(np.cov(reduced, rowvar=False, bias=True, dtype=np.float64))
    weights = _join_weights(results, reduced.shape[1])
    own = [np.concatenate([part.weights for part in one.parts], axis=1) for one in results]
    return Assembled(
        mean=mean,
        components=components,
        weights=weights,
        intercept=join_voxels(results, [_stack(one, "intercept") for one in results]).astype(np.float32),
        covariance=covariance.astype(np.float32),
        alpha=join_voxels(results, [_stack(one, "alpha") for one in results]),
        cv_r=join_voxels(results, [_stack(one, "cv_r") for one in results]),
        reference_sd=join_voxels(results, [_stack(one, "reference_sd") for one in results]),
        sparsity=join_voxels(results, [(part == 0).mean(axis=0) for part in own]),
        predicted=join_voxels(results, [one.predicted for one in results]),
    )


def join_voxels(results: Sequence[TaskResult], parts: Sequence[FloatArray]) -> FloatArray:
    """Arrays (..., n_group) of each group as one (..., n_voxels), every voxel at its own index."""
    if len(results) == 1:
        return parts[0]
    n_voxels = sum(part.shape[-1] for part in parts)
    joined = np.empty((*parts[0].shape[:-1], n_voxels), dtype=parts[0].dtype)
    for result, part in zip(results, parts, strict=True):
        joined[..., result.task.group.voxels] = part
    return joined


def _stack(result: TaskResult, name: str) -> FloatArray:
    return np.concatenate([getattr(part, name) for part in result.parts], axis=-1)


def _join_reducers(
    results: Sequence[TaskResult], train_features: FloatMatrix
) -> tuple[FloatVector, FloatMatrix | None]:
    first = results[0]
    if first.reducer is None:
        raise RuntimeError("A finished readout has a reducer.")
    if len(results) == 1 and first.task.group.columns is None:
        return first.reducer.mean, first.reducer.components
    mean = train_features.mean(axis=0, dtype=np.float64).astype(np.float32)
    if first.reducer.components is None:
        return mean, None
    blocks = []
    for result in results:
        reducer, columns = result.reducer, result.task.group.columns
        if reducer is None or reducer.components is None:
            raise RuntimeError("All groups of an encoder have the same kind of reducer.")
        block = np.zeros((len(mean), reducer.rank), dtype=np.float32)
        block[slice(None) if columns is None else columns] = reducer.components
        blocks.append(block)
    return mean, np.concatenate(blocks, axis=1)


def _join_weights(results: Sequence[TaskResult], rank: int) -> FloatMatrix:
    own = [_stack(one, "weights") for one in results]
    if len(results) == 1 and results[0].task.group.columns is None:
        return np.ascontiguousarray(own[0], dtype=np.float32)
    weights = np.zeros((rank, sum(part.shape[1] for part in own)), dtype=np.float32)
    start = 0
    for result, part in zip(results, own, strict=True):
        group = result.task.group
        if result.reducer is not None and result.reducer.components is None:
            rows = np.arange(rank) if group.columns is None else group.columns
        else:
            rows = np.arange(start, start + len(part))
            start += len(part)
        weights[np.ix_(rows, group.voxels)] = part
    return weights
