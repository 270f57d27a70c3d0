"""Which pairs of encoders can be told apart within a budget: the smallest epsilon at which both move as wanted.

s is the shift of the same target in each encoder's SDs; a pair counts as told apart at a budget where the median over
images and targets of min(s of the raised, -s of the lowered) reaches the wanted size.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from core.sweeps.gather import Sweep, group_targets
from core.sweeps.plan import PAIR, Cell
from core.sweeps.predictivity import measure_predictivity
from core.types import Direction, FloatArray, NormName


@dataclass(frozen=True, slots=True, eq=False)
class PairTable:
    """The matrices of one norm over a set of targets; rows are raised, columns lowered; NaN where a pair was not run.

    Parameters
    ----------
    roi : "all", or the ROI of the targets.
    smaller : (n_encoders, n_encoders, n_budgets). Median over images and targets of the smaller shift the way wanted.
    control : The same of a random perturbation of the same realised size.
    share : (n_encoders, n_encoders, n_budgets). Share of images and targets whose smaller shift is large enough.
    smallest : (n_encoders, n_encoders). The smallest epsilon at which the median is; inf where it is at none.
    to_gain : (n_encoders, n_encoders). What more steps would still gain, the most over images and targets.
    """

    norm: NormName
    roi: str
    budgets: tuple[float, ...]
    smaller: FloatArray
    control: FloatArray
    share: FloatArray
    smallest: FloatArray
    to_gain: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """The answer: a table for every norm and ROI; `alone` (n_encoders, n_targets) is |s| of an attack on one encoder.

    `r` (n_encoders, n_targets) is the held-out r, NaN where it is not known.
    """

    labels: tuple[str, ...]
    wanted_sd: float
    sharpness: float
    tables: tuple[PairTable, ...]
    alone: FloatArray
    r: FloatArray


def analyse_disagreement(sweep: Sweep, roi_of: tuple[str, ...]) -> Disagreement:
    """Answer the question from a finished sweep; `roi_of` is the ROI of each target, "" for none."""
    config, tables = sweep.config, []
    for norm, name in enumerate(config.norms):
        smaller, control, to_gain = read_pairs(sweep, norm)
        budgets = config.budgets(name, config.reference_side)
        for roi, chosen in group_targets(roi_of).items():
            flat, random = (one[:, :, chosen].reshape(*one.shape[:2], -1, len(budgets)) for one in (smaller, control))
            median = np.median(flat, axis=2)
            share = np.where(np.isnan(median), np.nan, (flat >= config.decided_sd).mean(axis=2))
            smallest = find_smallest(median, budgets, config.decided_sd)
            worst = to_gain[:, :, chosen].max(axis=(2, 3, 4))
            tables.append(PairTable(name, roi, budgets, median, np.median(random, axis=2), share, smallest, worst))
    alone = np.median(sweep.sensitivity()[..., -1], axis=2)
    r = measure_predictivity(sweep).r
    return Disagreement(sweep.labels, config.decided_sd, config.sharpness, tuple(tables), alone, r)


def find_smallest(median: FloatArray, budgets: tuple[float, ...], wanted_sd: float) -> FloatArray:
    """The first budget at which a median (..., n_budgets) reaches the wanted size; inf if none, NaN if not run.

    Examples
    --------
    >>> find_smallest(np.array([[0.5, 1.5], [0.2, 0.4], [np.nan, np.nan]]), (1.0, 3.0), 1.0)
    array([ 3., inf, nan])
    """
    reached = median >= wanted_sd
    first = np.asarray(budgets)[reached.argmax(axis=-1)]
    found = np.where(reached.any(axis=-1), first, np.inf)
    return np.where(np.isnan(median).all(axis=-1), np.nan, found)


def read_pairs(sweep: Sweep, norm: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The smaller shift the way wanted by the perturbation and by its control, and to_gain.

    Each (n_encoders, n_encoders, n_targets, n_images, n_budgets), the raised encoder first; NaN where not run.
    """
    config, n_encoders = sweep.config, len(sweep.labels)
    shape = (n_encoders, n_encoders, len(config.targets), len(config.images), len(config.ladder))
    smaller, control, to_gain = (np.full(shape, np.nan) for _ in range(3))
    for first, second in zip(*np.triu_indices(n_encoders, k=1), strict=True):
        for target, (number, direction) in product(range(len(config.targets)), enumerate(config.directions)):
            stored = sweep.store.load(Cell(PAIR, int(first), target, number, norm, other=int(second)))
            place = (first, second) if direction is Direction.RAISE else (second, first)
            ways = np.asarray([direction.sign, -direction.sign])[:, np.newaxis, np.newaxis]
            smaller[(*place, target)] = (ways * stored["shift"]).min(axis=0)
            control[(*place, target)] = (ways * stored["control"]).min(axis=0)
            to_gain[(*place, target)] = stored["to_gain"]
    return smaller, control, to_gain
