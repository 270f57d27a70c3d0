"""What category areas prefer, as axes in main components of the teacher's late features. Never draws at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from simulated_axes import Array

from core.types import FloatArray

PREFERENCES: dict[str, dict[str, float]] = {
    "OFA": {"face": 1.0, "animal": 0.2, "body": 0.2},
    "FFA": {"face": 1.0, "animal": 0.35, "body": 0.35},
    "EBA": {"body": 1.0, "animal": 0.5, "face": 0.4},
    "FBA": {"body": 1.0, "animal": 0.5, "face": 0.5},
    "OPA": {"place": 1.0, "object": 0.15},
    "PPA": {"place": 1.0, "object": 0.2},
    "RSC": {"place": 1.0},
    "VWFA": {"word": 1.0, "face": 0.2, "object": 0.15},
}
"""How strongly each area is meant to respond to each group of images; 0 where not named."""

N_COMPONENTS = 96
RIDGE = 0.3
"""Penalty of a preference's regression, in units of the mean variance of a component."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Main components of pooled features, each of unit variance over the images.

    mean (n_features,); basis (n_features, n_components); scores (n_images, n_components) = (pooled - mean) basis.
    """

    mean: Array
    basis: Array
    scores: Array

    @property
    def n_components(self) -> int:
        """Number of components."""
        return int(self.basis.shape[1])


def solve_components(pooled: Array, n_components: int = N_COMPONENTS) -> Components:
    """Principal components of features (n_images, n_features) that were given equal variance first."""
    values = pooled.astype(np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread == 0] = 1.0
    _, singular, vectors = np.linalg.svd((values - mean) / spread, full_matrices=False)
    kept = min(n_components, int((singular > singular[0] * 1e-6).sum()))
    signs = np.sign(vectors[np.arange(kept), np.abs(vectors[:kept]).argmax(axis=1)])
    basis = (signs[:, np.newaxis] * vectors[:kept]).T / spread[:, np.newaxis]
    basis *= np.sqrt(len(values)) / singular[:kept]
    basis, mean = basis.astype(np.float32), mean.astype(np.float32)
    return Components(mean, basis, (pooled - mean) @ basis)


def solve_preference(scores: FloatArray, groups: Sequence[str], preference: Mapping[str, float]) -> FloatArray:
    """The axis (n_components,) along which images come out as preferred, with a signal of SD 1 over the images.

    Weighted ridge regression of the preference of each image's group on its scores, every group weighing the same:
        minimise sum_i q_i (t_i - s_i . a - b)^2 + lambda ||a||^2,   q_i = 1 / images of the group of i
    """
    names, codes, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    wanted = np.array([preference.get(str(name), 0.0) for name in names])[codes]
    weights = 1.0 / counts[codes] / len(names)
    centred = scores - weights @ scores
    covariance = (centred * weights[:, np.newaxis]).T @ centred
    penalty = RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    axis = np.linalg.solve(covariance + penalty, centred.T @ (weights * wanted))
    return np.asarray(axis / (scores @ axis).std())
