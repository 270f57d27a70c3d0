"""Reduces pooled features to principal components, learned from training images only. Never sees responses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.card import FloatMatrix, FloatVector
from core.encoders.ridge import decompose
from core.types import FloatArray

DEAD_FEATURE = 1e-6
"""A feature whose SD is under this part of the largest never varies and is left out instead of blown up."""


@dataclass(frozen=True, slots=True, eq=False)
class Reducer:
    """reduced = (features - mean) @ components; mean (n_features,), components (n_features, rank), both float32."""

    mean: FloatVector
    components: FloatMatrix

    @property
    def rank(self) -> int:
        """Number of reduced features."""
        return int(self.components.shape[1])

    def apply(self, features: FloatArray) -> FloatArray:
        """Reduce features (n_images, n_features) to (n_images, rank), with the numbers the encoder will use."""
        return np.asarray((features - self.mean) @ self.components)


def fit_reducer(features: FloatArray, n_components: int) -> Reducer:
    """Principal components of z-scored features, unwhitened, on one common scale.

    z = (features - mean) / SD;  reduced = z V / g,  V the leading principal axes, g so that the mean variance of the
    reduced features is 1. Ridge on all components equals ridge on z; the common scale only sets the penalty's unit.

    Parameters
    ----------
    features : (n_images, n_features)
        Of training images only.
    n_components : int
        At most so many; 0 keeps all that the images span.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    spread = features.std(axis=0, dtype=np.float64)
    alive = spread > DEAD_FEATURE * spread.max()
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=alive)
    basis = decompose((features - mean) * inverse)
    kept = slice(None, n_components or None)
    axes = _fix_signs(basis.axes[:, kept])
    scale = np.sqrt(basis.eigenvalues[kept].mean() / len(features))
    components = inverse[:, np.newaxis] * axes / scale
    return Reducer(mean.astype(np.float32), np.ascontiguousarray(components, dtype=np.float32))


def _fix_signs(axes: FloatArray) -> FloatArray:
    """Make the largest entry of each axis (column) positive, so that the same data always give the same components."""
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(axes * np.sign(axes[largest, np.arange(axes.shape[1])]))
