"""Transfer: what perturbations made on one encoder do to another, against controls of equal norm. Pure numbers.

T(A -> B) = shift_B(delta_A) / shift_B(delta_B), both summed over images, targets and directions in SDs of B's target,
signed so that the wished direction is positive. The diagonal is 1 by definition: a source scored by its own weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from core.sweeps.gather import Sweep
from core.sweeps.statistics import count_draws, draw_resamples
from core.sweeps.variants import VARIANTS
from core.types import BoolArray, FloatArray, IntArray

ALL = "all"
MOST_AXES = 10
"""Axes of a subspace, or as many as there are perturbations to half of them."""


@dataclass(frozen=True, slots=True, eq=False)
class TransferTable:
    """One matrix, source x recipient, over a set of targets.

    Parameters
    ----------
    roi : str
        "all", or the ROI of the targets.
    ratio, low, high : (n_encoders, n_encoders)
        T and its interval over images and targets, unit 1.
    raw : (n_variants, n_encoders, n_encoders)
        Mean shift in SDs of the recipient's target; rows as in `core.sweeps.score.VARIANTS`: perturbed, controls.
    """

    roi: str
    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    raw: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Mean cos^2 of the principal angles between encoders' subspaces of perturbations.

    `matrix` (n_encoders, n_encoders); `n_axes` k and `n_pixels` D give the chance level k / D of random subspaces.
    """

    matrix: FloatArray
    n_axes: int
    n_pixels: int

    @property
    def chance(self) -> float:
        """k / D."""
        return self.n_axes / self.n_pixels


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """The answer: tables over all targets and by ROI, clusters of encoders, alignment of their subspaces.

    `tree` is a scipy linkage (n_encoders - 1, 4) by average linkage on 1 - (T + T^T) / 2, `order` its leaves;
    `worst_size` is the largest relative difference between the size of a control and of its perturbation.
    """

    labels: tuple[str, ...]
    tables: tuple[TransferTable, ...]
    tree: FloatArray
    order: tuple[int, ...]
    alignment: Alignment
    worst_size: float


def analyse_transfer(sweep: Sweep, roi_of: tuple[str, ...]) -> Transfer:
    """Answer the question from a finished sweep; `roi_of` is the ROI of each target, "" for none."""
    moved, worst = collect_shifts(sweep)
    groups = {ALL: np.ones(len(roi_of), dtype=bool)}
    groups |= {roi: np.asarray([name == roi for name in roi_of]) for roi in dict.fromkeys(roi_of) if roi}
    tables = tuple(_tabulate(sweep, moved, roi=roi, chosen=chosen) for roi, chosen in groups.items())
    tree, order = cluster(tables[0].ratio)
    return Transfer(sweep.labels, tables, tree, order, align(sweep), worst)


def collect_shifts(sweep: Sweep) -> tuple[FloatArray, float]:
    """Signed shifts in recipient SDs, mean over directions, and the worst relative size error of a control.

    Returns
    -------
    (n_sources, n_recipients, n_variants, n_targets, n_images), and a share.
    """
    config = sweep.config
    n_encoders, n_targets = len(config.encoders), len(config.targets)
    moved = np.zeros((n_encoders, n_encoders, len(VARIANTS), n_targets, len(config.images)))
    worst = 0.0
    for source in range(n_encoders):
        for target in range(n_targets):
            for number, direction in enumerate(config.directions):
                stored = sweep.score(source, target, number)
                moved[source, :, :, target] += direction.sign * stored["shift"] / len(config.directions)
                size = stored[str(config.norms[0])]
                worst = max(worst, float(np.abs(size[1:] / np.maximum(size[:1], 1e-12) - 1).max()))
    return moved, worst


def divide_by_own(perturbed: FloatArray) -> FloatArray:
    """T (..., n, n) of shifts (..., n_sources, n_recipients): every column over its diagonal; NaN where that is 0."""
    own = np.diagonal(perturbed, axis1=-2, axis2=-1)[..., np.newaxis, :]
    return np.asarray(np.divide(perturbed, own, out=np.full_like(perturbed, np.nan), where=own != 0))


def cluster(ratio: FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
    """Average linkage of encoders on 1 - (T + T^T) / 2, cut at 0 and 2; the tree and the order of its leaves."""
    distance = np.clip(1 - (ratio + ratio.T) / 2, 0, 2)
    distance = np.nan_to_num(distance, nan=1.0)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return np.asarray(tree), tuple(int(leaf) for leaf in leaves_list(tree))


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


def align(sweep: Sweep) -> Alignment:
    """Compare the subspaces that the encoders' perturbations span."""
    config = sweep.config
    n_rows = len(config.targets) * len(config.directions) * len(config.images)
    n_axes = max(1, min(MOST_AXES, n_rows // 2))
    bases = [top_axes(_stack_deltas(sweep, encoder), n_axes) for encoder in range(len(config.encoders))]
    matrix = np.asarray([[mean_cosine_squared(first, second) for second in bases] for first in bases])
    return Alignment(matrix, n_axes, bases[0].shape[1])


def _stack_deltas(sweep: Sweep, encoder: int) -> FloatArray:
    config = sweep.config
    parts = [
        sweep.climb(encoder, target, direction)["delta"]
        for target in range(len(config.targets))
        for direction in range(len(config.directions))
    ]
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def _tabulate(sweep: Sweep, moved: FloatArray, *, roi: str, chosen: BoolArray) -> TransferTable:
    config, part = sweep.config, moved[:, :, :, chosen]
    draws = draw_resamples(part.shape[4], part.shape[3], count=config.n_bootstrap, seed=config.seed)
    resampled = divide_by_own(_resampled_means(part[:, :, 0], draws.images, draws.targets))
    low, high = np.nanquantile(resampled, [(1 - config.confidence) / 2, (1 + config.confidence) / 2], axis=0)
    raw = np.moveaxis(part.mean(axis=(3, 4)), 2, 0)
    return TransferTable(roi, divide_by_own(raw[0]), low, high, raw)


def _resampled_means(values: FloatArray, images: IntArray, targets: IntArray) -> FloatArray:
    """Means (n_resamples, n_sources, n_recipients) of (n_sources, n_recipients, n_targets, n_images)."""
    of_images, of_targets = count_draws(images, values.shape[3]), count_draws(targets, values.shape[2])
    inner = values @ of_images.T / values.shape[3]
    return np.asarray(np.einsum("abtr,rt->rab", inner, of_targets) / values.shape[2])
