"""Transfer: what perturbations made on one encoder do to another, against controls of equal norm. Pure numbers.

T(A -> B) = shift_B(delta_A) / shift_B(delta_B), both summed over images, targets and directions in SDs of B's target,
signed so that the wanted direction is positive. The diagonal is 1 by definition: a source scored by its own weights.
What it would be without them is T(A -> A'), A' a re-fitted copy of A: the same network, a readout of its own.

Beside it the alignment of the subspaces that encoders' perturbations, or their gradients, span: an encoder's rows are
its perturbations, or the gradients of its targets at the clean images, one for each target and image. Mean cos^2 of
the principal angles between the top-k right singular vectors (Bjorck & Golub 1973, doi:10.2307/2005662); random
subspaces of D pixel values align at k / D.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from core.images.transform import resize_plain
from core.networks.catalog import are_related, find_network
from core.sweeps.config import AttackKind, SweepConfig
from core.sweeps.gather import Sweep, group_targets
from core.sweeps.plan import CURVE, FIT, REFITTED, SCORE, UNTRAINED, VARIANTS, Cell
from core.sweeps.statistics import Interval, interval_of_ratio, mean_over_known
from core.types import BoolArray, FloatArray, NormName

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


@dataclass(frozen=True, slots=True, eq=False)
class TransferTable:
    """One matrix, source x recipient, over a set of targets.

    Parameters
    ----------
    roi : "all", or the ROI of the targets.
    sources : The encoders, in an ensemble each as "all but" it, then the untrained networks.
    ratio, low, high : (n_sources, n_encoders). T and its interval over images and targets, unit 1.
    raw : (n_variants, n_sources, n_encoders)
        Mean shift in SDs of the recipient's target; rows as in `core.sweeps.plan.VARIANTS`: perturbed, controls.
    copies : tuple of Interval, n_encoders long. T of each encoder to its own re-fitted copy; NaN where there is none.
    to_gain : (n_sources,). What more steps would still gain of a source's shift, the largest over its attacks, as a
        share of it; NaN where it was not measured.
    """

    roi: str
    sources: tuple[str, ...]
    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    raw: FloatArray
    copies: tuple[Interval, ...]
    to_gain: FloatArray

    @property
    def square(self) -> FloatArray:
        """T among the encoders alone, (n_encoders, n_encoders)."""
        return self.ratio[: self.ratio.shape[1]]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One norm and attack: tables over all targets and by ROI, clusters of encoders.

    `tree` is a scipy linkage (n_encoders - 1, 4) by average linkage on 1 - (T + T^T) / 2, `order` its leaves;
    `worst_size` is the largest relative difference between the size of a control and of its perturbation; `delivered`
    (n_sources,) the mean size of a source's perturbations over epsilon.
    """

    norm: NormName
    attack: AttackKind
    tables: tuple[TransferTable, ...]
    tree: FloatArray
    order: tuple[int, ...]
    worst_size: float
    delivered: FloatArray

    @property
    def label(self) -> str:
        """How tables and figures name it: "L2, PGD with momentum"."""
        return f"{self.norm.capitalize()}, {self.attack.words}"


@dataclass(frozen=True, slots=True, eq=False)
class ControlEncoderFit:
    """How well a copy predicts: held-out r and cross-validated r, means over targets, beside the encoder's own."""

    label: str
    copy: str
    r: float
    cv_r: float
    n_train: int


@dataclass(frozen=True, slots=True, eq=False)
class TransferAnswer:
    """The answer: a case for every norm and attack, alignments of the encoders' subspaces, fits of the copies.

    `robust` says for each encoder whether its network was trained against perturbations, `related` (n_encoders,
    n_encoders) whether two encoders' networks are one, or relatives.
    """

    labels: tuple[str, ...]
    cases: tuple[Case, ...]
    alignments: tuple[Alignment, ...]
    fits: tuple[ControlEncoderFit, ...]
    robust: tuple[bool, ...]
    related: BoolArray

    def mean_between(self, table: TransferTable, source: bool, recipient: bool) -> tuple[float, float]:
        """Mean T from robust (or standard) sources to other such recipients: all of them, and without relatives."""
        kinds = np.asarray(self.robust)
        chosen = (kinds[:, np.newaxis] == source) & (kinds == recipient) & ~np.eye(len(kinds), dtype=bool)
        whole, apart = (mean_over_known(table.square[which], axis=0) for which in (chosen, chosen & ~self.related))
        return float(whole), float(apart)


def analyse_transfer(sweep: Sweep, roi_of: tuple[str, ...]) -> TransferAnswer:
    """Answer the question from a finished sweep; `roi_of` is the ROI of each target, "" for none."""
    config = sweep.config
    cases = tuple(
        _answer_case(sweep, roi_of, norm=norm, attack=attack)
        for norm in range(len(config.norms))
        for attack in range(len(config.attacks))
    )
    networks = [one.network for one in config.encoders]
    robust = tuple(find_network(one).robust for one in networks)
    related = np.asarray([[are_related(one, other) for other in networks] for one in networks])
    return TransferAnswer(sweep.labels, cases, align(sweep), _read_fits(sweep), robust, related)


def _answer_case(sweep: Sweep, roi_of: tuple[str, ...], *, norm: int, attack: int) -> Case:
    config, n_encoders = sweep.config, len(sweep.labels)
    is_ensemble = config.attacks[attack] is AttackKind.ENSEMBLE
    moved, sizes = read_shifts(sweep, norm=norm, attack=attack)
    own = (read_shifts(sweep, norm=norm)[0] if is_ensemble else moved)[range(n_encoders), range(n_encoders), 0]
    copies = np.stack([moved[range(n_encoders), n_encoders, 0], _own_of_copies(sweep, norm, attack)])
    rows, to_gain = sources_of(config, attack), read_to_gain(sweep, norm=norm, attack=attack)
    sources = tuple(
        f"all but {sweep.labels[number]}" if is_ensemble else f"{sweep.labels[number]} {copy}".strip()
        for number, copy in rows
    )
    tables = []
    for roi, chosen in group_targets(roi_of).items():
        ratio, low, high = interval_of_ratio(moved[:, :n_encoders, 0, chosen], own[:, chosen], config.confidence)
        to_copies = interval_of_ratio(copies[0][:, chosen], copies[1][:, chosen], config.confidence).T
        raw = np.moveaxis(moved[:, :n_encoders, :, chosen].mean(axis=(3, 4)), 2, 0)
        intervals = tuple(Interval(*map(float, one)) for one in to_copies)
        worst_gain = to_gain[:, chosen].max(axis=1)
        tables.append(TransferTable(roi, sources, ratio, low, high, raw, intervals, worst_gain))
    tree, order = cluster(tables[0].square)
    if is_ensemble:  # its rows are no encoders
        order = tuple(range(len(order)))
    worst = np.abs(sizes[..., 1:, :] / np.maximum(sizes[..., :1, :], 1e-12) - 1).max()
    numbers = [number for number, _ in rows]
    sides = [find_network(config.encoders[number].network).input_size for number in numbers]
    budgets = np.asarray([config.budgets(config.norms[norm], side)[-1] for side in sides])
    delivered = sizes[range(len(numbers)), :, :, numbers, 0].mean(axis=(1, 2, 3)) / budgets
    return Case(config.norms[norm], config.attacks[attack], tuple(tables), tree, order, float(worst), delivered)


def read_shifts(sweep: Sweep, *, norm: int = 0, attack: int = 0) -> tuple[FloatArray, FloatArray]:
    """Signed shifts in recipient SDs, means over directions, and the sizes of what was shown.

    Returns (n_sources, n_encoders + 1, n_variants, n_targets, n_images), the last recipient the source's own re-fitted
    copy, NaN where there is none; and (n_sources, n_targets, n_directions, n_encoders, n_variants, n_images).
    """
    config, n_encoders = sweep.config, len(sweep.labels)
    sources = sources_of(config, attack)
    inner = (len(config.targets), len(config.images))
    moved = np.full((len(sources), n_encoders + 1, len(VARIANTS), *inner), np.nan)
    sizes = np.empty((len(sources), inner[0], len(config.directions), n_encoders, len(VARIANTS), inner[1]))
    for (row, (source, copy)), target in itertools.product(enumerate(sources), range(inner[0])):
        signed = []
        for number, direction in enumerate(config.directions):
            stored = sweep.store.load(Cell(SCORE, source, target, number, norm, attack, copy))
            signed.append(direction.sign * stored["shift"])
            sizes[row, target, number] = stored[str(config.norms[norm])][:n_encoders]
        moved[row, : len(signed[0]), :, target] = np.mean(signed, axis=0)
    return moved, sizes


def read_to_gain(sweep: Sweep, *, norm: int = 0, attack: int = 0) -> FloatArray:
    """What more steps would gain at the highest budget, the most over images and directions, (n_sources, n_targets)."""
    config, sources = sweep.config, sources_of(sweep.config, attack)
    found = np.full((len(sources), len(config.targets), len(config.directions)), np.nan)
    for row, target, direction in np.ndindex(*found.shape):
        stored = sweep.store.load(Cell(CURVE, sources[row][0], target, direction, norm, attack, sources[row][1]))
        if "to_gain" in stored:
            found[row, target, direction] = stored["to_gain"][:, -1].max()
    return np.asarray(found.max(axis=2))


def sources_of(config: SweepConfig, attack: int = 0) -> list[tuple[int, str]]:
    """Number of the encoder and kind of copy, "" for itself, of every row of a matrix."""
    untrained = config.untrained if attack == 0 else ()
    return [*((number, "") for number in range(len(config.encoders))), *((number, UNTRAINED) for number in untrained)]


def _own_of_copies(sweep: Sweep, norm: int, attack: int) -> FloatArray:
    """Shifts of re-fitted copies by their own perturbations, in their SDs, (n_encoders, n_targets, n_images)."""
    config = sweep.config
    found = np.full((len(sweep.labels), len(config.targets), len(config.images)), np.nan)
    for source, target in itertools.product(config.refitted if attack == 0 else (), range(len(config.targets))):
        places = [(source, target, one, norm) for one in range(len(config.directions))]
        curves = [sweep.store.load(Cell(CURVE, *place, copy=REFITTED)) for place in places]
        signed = zip(config.directions, curves, strict=True)
        found[source, target] = np.mean([one.sign * own["shift"][:, -1] / own["sd"] for one, own in signed], axis=0)
    return found


def _read_fits(sweep: Sweep) -> tuple[ControlEncoderFit, ...]:
    config, fits = sweep.config, []
    for copy, which in ((REFITTED, config.refitted), (UNTRAINED, config.untrained)):
        for number in which:
            stored = sweep.store.load(Cell(FIT, number, copy=copy))
            r, cv_r = (float(np.mean(stored[name])) for name in ("r", "cv_r"))
            fits.append(ControlEncoderFit(sweep.labels[number], copy, r, cv_r, int(stored["n_train"])))
    return tuple(fits)


def cluster(ratio: FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
    """Average linkage of encoders on 1 - (T + T^T) / 2, cut at 0 and 2; the tree and the order of its leaves."""
    from scipy.cluster.hierarchy import leaves_list, linkage  # kept from the window's start
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - (ratio + ratio.T) / 2, 0, 2)
    distance = np.nan_to_num(distance, nan=1.0)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return np.asarray(tree), tuple(int(leaf) for leaf in leaves_list(tree))


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
            sweep.store.load(Cell(CURVE, encoder, target, direction, norm))[name]
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
