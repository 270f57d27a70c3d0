"""The finished cells of a sweep as dense arrays with named axes, for the analyses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.attacks.config import MOST_TO_GAIN
from core.sweeps.cells import load_store
from core.sweeps.config import SweepConfig
from core.sweeps.plan import CURVE, N_PATH, SWEEP, Cell, SweepStore
from core.types import BoolArray, FloatArray

ALL = "all"
BY_BUDGET = ("shift", "control", "l2", "linf", "feature_change", "alignment", "to_gain")
BY_IMAGE = ("clean", "dual_size", "curvature")
BY_CELL = ("sd", "weight_size")
BY_POINT = ("angles",)
"""Missing from sweeps of earlier versions: NaN there."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """A finished sweep.

    Parameters
    ----------
    store : Holds perturbations and montages, which are read when they are wanted.
    shift, control, l2, linf, feature_change, alignment, to_gain :
        (n_encoders, n_targets, n_directions, n_norms, n_images, n_budgets)
    clean, dual_size, curvature : the same without budgets.
    angles : with the N_PATH - 2 inner points of the path last, degrees.
    sd, weight_size : (n_encoders, n_targets, n_directions, n_norms)
    """

    config: SweepConfig
    store: SweepStore
    shift: FloatArray
    control: FloatArray
    l2: FloatArray
    linf: FloatArray
    feature_change: FloatArray
    alignment: FloatArray
    to_gain: FloatArray
    clean: FloatArray
    dual_size: FloatArray
    curvature: FloatArray
    angles: FloatArray
    sd: FloatArray
    weight_size: FloatArray

    @property
    def facts(self) -> dict[str, Any]:
        """Hashes and versions."""
        return self.store.facts

    @property
    def labels(self) -> tuple[str, ...]:
        """The encoders' names."""
        return tuple(self.config.label_of(encoder) for encoder in self.config.encoders)

    def sensitivity(self, norm: int = 0) -> FloatArray:
        """|shift| / sd under one norm, mean over directions: (n_encoders, n_targets, n_images, n_budgets)."""
        return self._in_sds(self.shift, norm)

    def random_sensitivity(self, norm: int = 0) -> FloatArray:
        """The same of the random controls of equal norm."""
        return self._in_sds(self.control, norm)

    def _in_sds(self, shift: FloatArray, norm: int) -> FloatArray:
        relative = np.abs(shift[:, :, :, norm]) / self.sd[:, :, :, norm, np.newaxis, np.newaxis]
        return np.asarray(relative.mean(axis=2))

    @property
    def share_not_converged(self) -> float:
        """Share of the attacks that more steps would carry over 5 % farther or of which that is not known."""
        return float(1 - (self.to_gain <= MOST_TO_GAIN).mean())


def load_sweep(folder: Path) -> Sweep:
    """A finished sweep by its folder: every attack on the encoders themselves by the first attack is read at once.

    Raises BadInputError if it is none, or cells are missing; StorageError if its header or a cell cannot be read.
    """
    return read_sweep(load_store(SWEEP, folder))


def read_sweep(store: SweepStore) -> Sweep:
    """The same by its store. Raises StorageError if a cell cannot be read."""
    config = store.config
    outer = (len(config.encoders), len(config.targets), len(config.directions), len(config.norms))
    n_images, n_budgets = len(config.images), len(config.ladder)
    arrays: dict[str, FloatArray] = {name: np.empty((*outer, n_images, n_budgets)) for name in BY_BUDGET}
    arrays |= {name: np.empty((*outer, n_images)) for name in BY_IMAGE}
    arrays |= {name: np.empty(outer) for name in BY_CELL}
    arrays |= {name: np.full((*outer, n_images, N_PATH - 2), np.nan) for name in BY_POINT}
    for place in np.ndindex(*outer):
        cell = store.load(Cell(CURVE, *place))
        for name, values in arrays.items():
            values[place] = cell.get(name, np.nan)
    return Sweep(config, store, **arrays)


def group_targets(roi_of: tuple[str, ...]) -> dict[str, BoolArray]:
    """Which targets are looked at together, (n_targets,) each: all of them, then those of every ROI."""
    groups = {ALL: np.ones(len(roi_of), dtype=bool)}
    return groups | {roi: np.asarray([name == roi for name in roi_of]) for roi in dict.fromkeys(roi_of) if roi}
