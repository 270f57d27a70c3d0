"""Transfer: what perturbations made on one encoder do to another, against controls of equal norm. Pure numbers.

T(A -> B) = shift_B(delta_A) / shift_B(delta_B), both summed over images, targets and directions in SDs of B's target,
signed so that the wanted direction is positive. The diagonal is 1 by definition: a source scored by its own weights.
What it would be without them is T(A -> A'), A' a re-fitted copy of A: the same network, a readout of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.networks.catalog import are_related, find_network
from core.sweeps.alignment import Alignment, align
from core.sweeps.attack_kinds import AttackKind
from core.sweeps.gather import Sweep, group_targets
from core.sweeps.plan import REFITTED, UNTRAINED, VARIANTS
from core.sweeps.statistics import Interval, interval_of_ratio, mean_over_known
from core.types import BoolArray, FloatArray, NormName


@dataclass(frozen=True, slots=True, eq=False)
class TransferTable:
    """One matrix, source x recipient, over a set of targets.

    Parameters
    ----------
    roi : str
        "all", or the ROI of the targets.
    sources : tuple of str
        The encoders, in an ensemble each as "all but" it, then the untrained networks.
    ratio, low, high : (n_sources, n_encoders)
        T and its interval over images and targets, unit 1.
    raw : (n_variants, n_sources, n_encoders)
        Mean shift in SDs of the recipient's target; rows as in `core.sweeps.plan.VARIANTS`: perturbed, controls.
    copies : tuple of Interval, n_encoders long
        T of each encoder to its own re-fitted copy; NaN where there is none.
    """

    roi: str
    sources: tuple[str, ...]
    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    raw: FloatArray
    copies: tuple[Interval, ...]

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
        return f"{self.norm.capitalize()}, {self.attack.caption}"


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

    @property
    def tables(self) -> tuple[TransferTable, ...]:
        """Those of the first norm and attack."""
        return self.cases[0].tables

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


@dataclass(frozen=True, slots=True, eq=False)
class _Shifts:
    """Signed shifts in recipient SDs, means over directions.

    moved (n_sources, n_encoders, n_variants, n_targets, n_images); own, what T divides by (n_encoders, n_targets,
    n_images); copied, copied_own (n_encoders, n_targets, n_images), on the re-fitted copies, NaN where there is none.
    """

    moved: FloatArray
    own: FloatArray
    copied: FloatArray
    copied_own: FloatArray
    worst_size: float
    delivered: FloatArray


def _answer_case(sweep: Sweep, roi_of: tuple[str, ...], *, norm: int, attack: int) -> Case:
    config = sweep.config
    shifts = collect_shifts(sweep, norm=norm, attack=attack)
    sources = name_sources(sweep, attack)
    tables = tuple(
        _tabulate(sweep, shifts, sources, roi=roi, chosen=chosen) for roi, chosen in group_targets(roi_of).items()
    )
    tree, order = cluster(tables[0].square)
    if config.attacks[attack] is AttackKind.ENSEMBLE:  # its rows are no encoders
        order = tuple(range(len(order)))
    return Case(config.norms[norm], config.attacks[attack], tables, tree, order, shifts.worst_size, shifts.delivered)


def name_sources(sweep: Sweep, attack: int) -> tuple[str, ...]:
    """The rows of a matrix: encoders (first attack: and untrained networks), or the ensembles that leave one out."""
    if sweep.config.attacks[attack] is AttackKind.ENSEMBLE:
        return tuple(f"all but {label}" for label in sweep.labels)
    untrained = sweep.config.untrained if attack == 0 else ()
    return (*sweep.labels, *(f"{sweep.labels[number]} untrained" for number in untrained))


def collect_shifts(sweep: Sweep, *, norm: int = 0, attack: int = 0) -> _Shifts:
    """Everything one case is computed from."""
    config = sweep.config
    n_encoders = len(config.encoders)
    sources = [(number, "") for number in range(n_encoders)]
    sources += [(number, UNTRAINED) for number in config.untrained] if attack == 0 else []
    inner = (len(config.targets), len(config.images))
    moved = np.zeros((len(sources), n_encoders, len(VARIANTS), *inner))
    copied, copied_own = (np.full((n_encoders, *inner), np.nan) for _ in range(2))
    worst, delivered = 0.0, np.zeros((len(sources), inner[0]))
    for row, (source, copy) in enumerate(sources):
        for target in range(inner[0]):
            cells = [(number, sweep.score(source, target, number, norm, attack, copy)) for number in _directions(sweep)]
            moved[row, :, :, target] = _mean_signed(sweep, cells, slice(n_encoders))
            sizes = np.stack([stored[str(config.norms[norm])] for _, stored in cells])
            worst = max(worst, float(np.abs(sizes[:, :, 1:] / np.maximum(sizes[:, :, :1], 1e-12) - 1).max()))
            side = find_network(config.encoders[source].network).input_size
            delivered[row, target] = sizes[:, source, 0].mean() / config.budgets(config.norms[norm], side)[-1]
            if source in config.refitted and not copy and attack == 0:
                copied[source, target] = _mean_signed(sweep, cells, slice(n_encoders, n_encoders + 1))[0, 0]
                copied_own[source, target] = _own_of_copy(sweep, source, target, norm)
    own = moved if config.attacks[attack] is not AttackKind.ENSEMBLE else collect_shifts(sweep, norm=norm).moved
    diagonal = np.stack([own[one, one, 0] for one in range(n_encoders)])
    return _Shifts(moved, diagonal, copied, copied_own, worst, delivered.mean(axis=1))


def _directions(sweep: Sweep) -> range:
    return range(len(sweep.config.directions))


def _mean_signed(sweep: Sweep, cells: list[tuple[int, dict[str, FloatArray]]], rows: slice) -> FloatArray:
    signed = [sweep.config.directions[number].sign * stored["shift"][rows] for number, stored in cells]
    return np.asarray(np.mean(signed, axis=0))


def _own_of_copy(sweep: Sweep, source: int, target: int, norm: int) -> FloatArray:
    """Shifts of a re-fitted copy by perturbations made on itself, in its SDs, (n_images,)."""
    parts = []
    for number in _directions(sweep):
        stored = sweep.curve(source, target, number, norm, copy=REFITTED)
        parts.append(sweep.config.directions[number].sign * stored["shift"][:, -1] / float(stored["sd"]))
    return np.asarray(np.mean(parts, axis=0))


def _read_fits(sweep: Sweep) -> tuple[ControlEncoderFit, ...]:
    config, fits = sweep.config, []
    for copy, which in ((REFITTED, config.refitted), (UNTRAINED, config.untrained)):
        for number in which:
            stored = sweep.fit(number, copy)
            r, cv_r = (float(np.mean(stored[name])) for name in ("r", "cv_r"))
            fits.append(ControlEncoderFit(sweep.labels[number], copy, r, cv_r, int(stored["n_train"])))
    return tuple(fits)


def divide_by_own(moved: FloatArray, own: FloatArray | None = None) -> FloatArray:
    """T of shifts (..., n_sources, n_recipients): every column over its own shift; NaN where that is 0.

    `own` (..., n_recipients) is the diagonal where it is not given.
    """
    divisor = np.diagonal(moved, axis1=-2, axis2=-1) if own is None else own
    divisor = divisor[..., np.newaxis, :]
    return np.asarray(np.divide(moved, divisor, out=np.full_like(moved, np.nan), where=divisor != 0))


def cluster(ratio: FloatArray) -> tuple[FloatArray, tuple[int, ...]]:
    """Average linkage of encoders on 1 - (T + T^T) / 2, cut at 0 and 2; the tree and the order of its leaves."""
    from scipy.cluster.hierarchy import leaves_list, linkage  # kept from the window's start
    from scipy.spatial.distance import squareform

    distance = np.clip(1 - (ratio + ratio.T) / 2, 0, 2)
    distance = np.nan_to_num(distance, nan=1.0)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return np.asarray(tree), tuple(int(leaf) for leaf in leaves_list(tree))


def _tabulate(sweep: Sweep, shifts: _Shifts, sources: tuple[str, ...], *, roi: str, chosen: BoolArray) -> TransferTable:
    confidence, part = sweep.config.confidence, shifts.moved[:, :, :, chosen]
    ratio, low, high = interval_of_ratio(part[:, :, 0], shifts.own[:, chosen], confidence)
    raw = np.moveaxis(part.mean(axis=(3, 4)), 2, 0)
    copies = interval_of_ratio(shifts.copied[:, chosen], shifts.copied_own[:, chosen], confidence)
    return TransferTable(roi, sources, ratio, low, high, raw, tuple(Interval(*map(float, one)) for one in copies.T))
