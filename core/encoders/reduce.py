"""Reduces features to principal components, or only centres them; learned from training images. Never sees responses.

Up to `EXACT_SIDE` images or features the components come from an eigendecomposition; where both are more, and only some
components are wanted, from block iteration, which never forms a Gram matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.encoders.card import FloatMatrix, FloatVector
from core.encoders.leading_axes import find_leading_axes
from core.encoders.ridge import decompose
from core.types import FloatArray

EXACT_SIDE = 3000
"""An eigendecomposition of this side takes seconds; its time grows with the third power."""
COLUMNS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Reducer:
    """reduced = (features - mean) @ components.

    mean (n_features,), components (n_features, rank) or None for the identity, both float32. Reduced features divided
    by `scale` have a mean variance of 1; with components it is 1, they hold it already.
    """

    mean: FloatVector
    components: FloatMatrix | None
    scale: float = 1.0

    @property
    def rank(self) -> int:
        """Number of reduced features."""
        return len(self.mean) if self.components is None else int(self.components.shape[1])

    def apply(self, features: FloatArray) -> FloatArray:
        """Reduce features (n_images, n_features) to (n_images, rank), with the numbers the encoder will use."""
        centred = features - self.mean
        return np.asarray(centred if self.components is None else centred @ self.components)


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
    if n_components and min(features.shape) > max(EXACT_SIDE, n_components):
        leading = find_leading_axes(features, n_components)
        mean, axes, eigenvalues = leading.mean, leading.axes, leading.eigenvalues
    else:
        basis = decompose(features, n_kept=n_components, wants_left=False)
        mean, axes, eigenvalues = basis.mean, basis.axes, basis.eigenvalues
    scale = np.sqrt(eigenvalues.mean() / len(features))
    components = _fix_signs(axes) / scale
    return Reducer(mean.astype(np.float32), np.ascontiguousarray(components, dtype=np.float32))


def centre_only(features: FloatArray) -> Reducer:
    """The reducer that keeps every feature, with the scale that gives them a mean variance of 1."""
    mean = features.mean(axis=0, dtype=np.float64)
    blocks = range(0, features.shape[1], COLUMNS_AT_ONCE)
    total = sum(features[:, start : start + COLUMNS_AT_ONCE].var(axis=0, dtype=np.float64).sum() for start in blocks)
    scale = float(np.sqrt(total / features.shape[1])) or 1.0
    return Reducer(mean.astype(np.float32), None, scale)


def _fix_signs(axes: FloatArray) -> FloatArray:
    """Make the largest entry of each axis (column) positive, so that the same data always give the same components."""
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(axes * np.sign(axes[largest, np.arange(axes.shape[1])]))
