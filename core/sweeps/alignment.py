"""Alignment of the subspaces that encoders' perturbations, or their gradients, span. Pure numbers.

The rows of an encoder are its perturbations, or the gradients of its targets at the clean images (rows of the
Jacobian): one for each target and image. Mean cos^2 of the principal angles between the top-k right singular vectors
(Bjorck & Golub 1973, doi:10.2307/2005662); random subspaces of D pixel values align at k / D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.images.transform import resize_plain
from core.sweeps.gather import Sweep
from core.types import FloatArray, NormName

MOST_AXES = 10
"""Axes of a subspace, or as many as there are rows to half of them."""
PERTURBATIONS, GRADIENTS = "perturbations", "gradients"


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Mean cos^2 of the principal angles between encoders' subspaces.

    `rows` is "perturbations" (under `norm`) or "gradients"; `matrix` (n_encoders, n_encoders); `n_axes` k and
    `n_pixels` D give the chance level k / D of random subspaces.
    """

    rows: str
    norm: NormName
    matrix: FloatArray
    n_axes: int
    n_pixels: int

    @property
    def chance(self) -> float:
        """k / D."""
        return self.n_axes / self.n_pixels

    @property
    def label(self) -> str:
        """How tables and figures name it."""
        return self.rows if self.rows == GRADIENTS else f"{self.rows} ({self.norm.capitalize()})"


def align(sweep: Sweep) -> tuple[Alignment, ...]:
    """Compare the subspaces of the perturbations under every norm, and of the gradients where all networks have one."""
    config = sweep.config
    norms = [_align(sweep, "delta", norm) for norm in range(len(config.norms))]
    has_gradients = bool(np.isfinite(sweep.dual_size).all())
    return (*norms, _align(sweep, "gradient", 0)) if has_gradients else tuple(norms)


def _align(sweep: Sweep, name: str, norm: int) -> Alignment:
    config = sweep.config
    n_directions = len(config.directions) if name == "delta" else 1  # to lower is the same gradient
    n_rows = len(config.targets) * n_directions * len(config.images)
    n_axes = max(1, min(MOST_AXES, n_rows // 2))
    bases = []
    for encoder in range(len(config.encoders)):
        parts = [
            sweep.curve(encoder, target, direction, norm)[name]
            for target in range(len(config.targets))
            for direction in range(n_directions)
        ]
        rows = resize_plain(np.concatenate(parts).astype(np.float32), config.reference_side)
        bases.append(top_axes(rows.reshape(len(rows), -1), n_axes))
    matrix = np.asarray([[mean_cosine_squared(first, second) for second in bases] for first in bases])
    what = PERTURBATIONS if name == "delta" else GRADIENTS
    return Alignment(what, config.norms[norm], matrix, n_axes, bases[0].shape[1])


def top_axes(rows: FloatArray, n_axes: int) -> FloatArray:
    """The top right singular vectors (n_axes, n_pixels) of rows (n_rows, n_pixels), each row scaled to size 1 first.

    From the small Gram matrix: X = U S V^T, so V^T = S^-1 U^T X.
    """
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.maximum(sizes, np.finfo(np.float32).tiny)
    values, vectors = np.linalg.eigh(np.asarray(unit @ unit.T, dtype=np.float64))
    main = vectors[:, ::-1][:, :n_axes] / np.sqrt(np.maximum(values[::-1][:n_axes], np.finfo(np.float64).tiny))
    axes, _ = np.linalg.qr((main.T @ unit).T)
    return np.asarray(axes.T)


def mean_cosine_squared(first: FloatArray, second: FloatArray) -> float:
    """Mean cos^2 of the principal angles of two orthonormal bases (k, n_pixels): ||A B^T||_F^2 / k."""
    return float(((first @ second.T) ** 2).sum() / len(first))
