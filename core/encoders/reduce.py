"""Reduces pooled features to principal components, learned from training images only. Never sees responses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.card import FloatMatrix, FloatVector
from core.encoders.ridge import decompose
from core.types import FloatArray


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
    """Principal components of centred features, unwhitened, on one common scale.

    reduced = (features - mean) V / g,  V the leading principal axes, g so that the mean variance of the reduced
    features is 1. Ridge on all components equals ridge on the features; the common scale only sets the penalty's unit.

    Features are not z-scored: on measured responses that predicted no better, and far worse for images unlike the
    training images, where z-scoring blows up features that hardly vary among the latter.

    Parameters
    ----------
    features : (n_images, n_features)
        Of training images only.
    n_components : int
        At most so many; 0 keeps all that the images span.
    """
    basis = decompose(features)
    kept = slice(None, n_components or None)
    scale = np.sqrt(basis.eigenvalues[kept].mean() / len(features))
    components = _fix_signs(basis.axes[:, kept]) / scale
    return Reducer(basis.mean.astype(np.float32), np.ascontiguousarray(components, dtype=np.float32))


def _fix_signs(axes: FloatArray) -> FloatArray:
    """Make the largest entry of each axis (column) positive, so that the same data always give the same components."""
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(axes * np.sign(axes[largest, np.arange(axes.shape[1])]))
