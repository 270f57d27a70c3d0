"""What an importer found in a file: an affine map from features to responses, still in the source's own factors.

    responses = ((features - mean) / scale) @ components ... @ weights + intercept

Each importer lists the source's steps as it would run them; `fold` turns them exactly into the program's factors, mean,
components and weights, without multiplying them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.errors import WeightsError
from core.types import BoolArray, FloatArray, VoxelTable

CHECK_TOLERANCE = 1e-5
"""Largest difference, relative to the largest prediction, between the imported encoder and its source."""

CHECK_IMAGES = 8
CHECK_SEED = 20_260_102


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """features - mean, then divided by scale where there is one. Both (n_features,)."""

    mean: FloatArray
    scale: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Project:
    """features @ components; components (n_features, rank)."""

    components: FloatArray


Step = Centre | Project


def centre(mean: FloatArray | None, scale: FloatArray | None) -> list[Step]:
    """The step of a mean and a scale, either of which may be missing; none without both."""
    if mean is None:
        return [] if scale is None else [Centre(np.zeros(len(scale)), scale)]
    return [Centre(mean, scale)]


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """An encoder of another program, not yet tied to a network or a subject.

    Parameters
    ----------
    kind : Importer: arrays, sklearn, himalaya, berg or img2fmri.
    steps : What the source does to the features, in its order.
    weights : (rank, n_voxels)
    intercept : (n_voxels,)
    title : What was found, in a few words: "scikit-learn Ridge".
    source, licence, note : What the format itself states.
    network, layer, pool
        What the format fixes; "" and None where it does not.
    voxels : Where its voxels lie on fsaverage5, if the file says so.
    scores : dict of (n_voxels,). Any of alpha, r, cv_r, noise_ceiling that the file holds.
    missing : (n_voxels,) bool, optional. Voxels whose weights are all NaN in the file, and 0 here.
    """

    kind: str
    steps: tuple[Step, ...]
    weights: FloatArray
    intercept: FloatArray
    title: str
    source: str = ""
    licence: str = ""
    note: str = ""
    network: str = ""
    layer: str = ""
    pool: int | None = None
    voxels: VoxelTable | None = None
    scores: dict[str, FloatArray] = field(default_factory=dict)
    missing: BoolArray | None = None

    @property
    def n_features(self) -> int:
        """Features the map takes."""
        first = self.steps[0] if self.steps else None
        if isinstance(first, Centre):
            return len(first.mean)
        return len(first.components) if isinstance(first, Project) else len(self.weights)

    @property
    def n_voxels(self) -> int:
        """Voxels it predicts."""
        return int(self.weights.shape[1])

    def without_missing(self) -> Readout:
        """Only the voxels that have weights."""
        if self.missing is None:
            return self
        kept = ~self.missing
        return replace(
            self,
            weights=self.weights[:, kept],
            intercept=self.intercept[kept],
            voxels=None if self.voxels is None else self.voxels.keep(kept),
            scores={name: np.asarray(values)[kept] for name, values in self.scores.items()},
            missing=None,
        )

    def predict(self, features: FloatArray, *, dtype: type[np.floating[Any]] = np.float64) -> FloatArray:
        """Responses (n, n_voxels) to features (n, n_features), step by step as the source does it."""
        values = np.asarray(features, dtype=dtype)
        for step in self.steps:
            if isinstance(step, Project):
                values = values @ step.components.astype(dtype, copy=False)
            else:
                values = values - step.mean.astype(dtype, copy=False)
                values = values if step.scale is None else values / step.scale.astype(dtype, copy=False)
        return np.asarray(values @ self.weights.astype(dtype, copy=False) + self.intercept.astype(dtype, copy=False))


def check_readout(readout: Readout, name: str) -> Readout:
    """Return the readout, or raise WeightsError naming the first array that does not fit or is not finite.

    Voxels all of whose weights are NaN, as outside a mask, are marked as missing; not all of them may be.
    """
    readout = _mark_missing(readout)
    width = readout.n_features
    for number, step in enumerate(readout.steps, start=1):
        parts = [step.components] if isinstance(step, Project) else [step.mean, step.scale]
        for part in (part for part in parts if part is not None):
            _check_finite(part, f"step {number}", name)
            if part.ndim != (2 if isinstance(step, Project) else 1) or len(part) != width:
                raise WeightsError(f"{name}: step {number} takes {width} features, but has the shape {part.shape}.")
        if isinstance(step, Project):
            width = step.components.shape[1]
        elif step.scale is not None and not (step.scale != 0).all():
            raise WeightsError(f"{name}: a scale of 0 cannot be divided by. Set it to 1, as scikit-learn does.")
    _check_finite(readout.weights, "weights", name)
    _check_finite(readout.intercept, "intercept", name)
    if readout.weights.ndim != 2 or len(readout.weights) != width:
        raise WeightsError(f"{name}: the weights have the shape {readout.weights.shape}, {width} features come in.")
    if readout.intercept.shape != (readout.n_voxels,):
        shape = readout.intercept.shape
        raise WeightsError(f"{name}: {readout.n_voxels} voxels have weights, the intercept has the shape {shape}.")
    return readout


def _mark_missing(readout: Readout) -> Readout:
    weights, intercept = readout.weights, readout.intercept
    if weights.dtype.kind != "f" or weights.ndim != 2 or intercept.shape != (readout.n_voxels,):
        return readout
    missing: BoolArray = np.asarray(np.isnan(weights).all(axis=0))
    if not missing.any() or missing.all():
        return readout
    note = f"{missing.sum():,} of {len(missing):,} voxels have no weights (all NaN) and are left out."
    return replace(
        readout,
        weights=np.where(missing, 0, weights),
        intercept=np.where(missing, 0, intercept),
        note=f"{readout.note} {note}".strip(),
        missing=missing,
    )


def _check_finite(values: FloatArray, what: str, name: str) -> None:
    if not np.issubdtype(values.dtype, np.number):
        raise WeightsError(f"{name}: {what} holds {values.dtype}, not numbers.")
    bad = int(values.size - np.isfinite(values).sum())
    if bad:
        raise WeightsError(f"{name}: {bad} of {values.size} numbers of {what} are NaN or infinite. Fit it again.")


def fold(readout: Readout) -> Readout:
    """The readout with its steps as one mean and, where it has any, one projection, exact in float64.

    A centring behind a projection moves to the front of the rest: (z - m) / s @ w = z @ (w / s) - m @ (w / s).
    """
    n_features = readout.n_features
    mean, scale, components = np.zeros(n_features), np.ones(n_features), None
    weights, intercept = np.asarray(readout.weights, np.float64), np.asarray(readout.intercept, np.float64)
    offset = np.zeros(0)  # what is subtracted behind the projection
    for step in readout.steps:
        if isinstance(step, Project):
            turned = np.asarray(step.components, dtype=np.float64)
            is_first = components is None
            offset = np.zeros(turned.shape[1]) if is_first else offset @ turned
            components = turned / scale[:, np.newaxis] if components is None else components @ turned
            continue
        shift, divisor = np.asarray(step.mean, np.float64), np.asarray(1.0 if step.scale is None else step.scale)
        if components is None:  # ((x - mean) / scale - m) / s = (x - (mean + scale m)) / (scale s)
            mean, scale = mean + scale * shift, scale * divisor
        else:
            components, offset = components / divisor, (offset + shift) / divisor
    if components is None:
        weights = weights / scale[:, np.newaxis]
    else:
        intercept = intercept - offset @ weights
    steps = (Centre(mean),) if components is None else (Centre(mean), Project(components))
    return replace(readout, steps=steps, weights=weights, intercept=intercept)


def compare_predictions(readout: Readout, folded: Readout) -> float:
    """The largest difference between source and imported predictions of random features, over the largest prediction.

    Raises WeightsError if it is above `CHECK_TOLERANCE`.
    """
    generator = np.random.default_rng(CHECK_SEED)
    first = readout.steps[0] if readout.steps else None
    spread = first.scale if isinstance(first, Centre) and first.scale is not None else np.ones(readout.n_features)
    middle = first.mean if isinstance(first, Centre) else np.zeros(readout.n_features)
    features = (middle + spread * generator.standard_normal((CHECK_IMAGES, readout.n_features))).astype(np.float32)
    wanted = readout.predict(features)
    difference = float(
        np.abs(folded.predict(features, dtype=np.float32) - wanted).max() / max(np.abs(wanted).max(), 1e-30)
    )
    if difference > CHECK_TOLERANCE:
        raise WeightsError(
            f"The imported encoder differs from its source by {difference:.1e} of the largest prediction, more than "
            f"{CHECK_TOLERANCE:.0e}: its numbers are too far apart for float32. Rescale the features and fit it again."
        )
    return difference
