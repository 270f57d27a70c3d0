"""Reads fitted estimators of scikit-learn and himalaya from pickle or joblib files. Never unpickles their code.

Linear models (LinearRegression, Ridge, Lasso, ElasticNet and their CV and multi-task forms; himalaya's Ridge,
GroupRidgeCV and kernel ridge with linear kernels), alone or at the end of a Pipeline of StandardScaler and PCA. A
kernel ridge has one weight an image: with a linear kernel its primal weights are X_fit^T dual, exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.encoders.importers.arrays import build_readout
from core.encoders.importers.readout import Centre, Project, Readout, Step, centre, check_readout
from core.errors import WeightsError
from core.pickled_values import Inert
from core.types import FloatArray
from core.unpickle import read_pickle
from core.words import name_some

ENDINGS = (".pkl", ".pickle", ".joblib", ".z", ".gz")
ALLOWED = ("sklearn.*", "himalaya.*", "numpy.random.*", "numpy.ma.*")
LINEAR_NAMES = (
    "LinearRegression Ridge RidgeCV Lasso LassoCV LassoLars ElasticNet ElasticNetCV MultiTaskLasso MultiTaskLassoCV "
    "MultiTaskElasticNet MultiTaskElasticNetCV BayesianRidge SGDRegressor LinearSVR GroupRidgeCV BandedRidgeCV"
)
LINEAR = frozenset(LINEAR_NAMES.split())
KERNEL = {"KernelRidge", "KernelRidgeCV", "MultipleKernelRidgeCV", "WeightedKernelRidge"}
LIBRARIES = {"sklearn": "scikit-learn"}


def read_estimator(path: Path) -> Readout:
    """The linear map of a fitted estimator, or of a dictionary of its arrays (coef_, intercept_).

    Raises WeightsError if the file holds code, another estimator, one that was not fitted, or arrays that do not fit.
    """
    content = read_pickle(path, allowed=ALLOWED)
    several: dict[Any, Any] = dict(enumerate(content)) if isinstance(content, (list, tuple)) else {}
    several = content if isinstance(content, dict) else several
    fitted = [key for key, value in several.items() if isinstance(value, Inert)]
    if fitted:
        advice = f"Save one of them, such as joblib.dump(content[{fitted[0]!r}], PATH)."
        what = "dictionary" if isinstance(content, dict) else type(content).__name__
        raise WeightsError(f"{path.name} holds estimators in a {what}, as {name_some([*map(str, fitted)])}. {advice}")
    if isinstance(content, dict):
        table = {str(key): value for key, value in content.items() if isinstance(value, np.ndarray)}
        return build_readout(table, path.name, title="a pickled dictionary of arrays")
    if not isinstance(content, Inert):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}. Save the fitted estimator itself.")
    return build_estimator(content, path.name)


def build_estimator(estimator: Inert, name: str) -> Readout:
    """The linear map of an inert estimator or pipeline. Raises WeightsError as `read_estimator` does."""
    listed = estimator.state.get("steps", []) if estimator.short_name == "Pipeline" else []
    parts = [part for _name, part in listed if isinstance(part, Inert)] or [estimator]
    steps = [step for part in parts[:-1] for step in _read_step(part, name)]
    last = parts[-1]
    weights, intercept = _read_weights(last, name)
    library = last.name.partition(".")[0]
    title = LIBRARIES.get(library, library)
    readout = Readout(
        kind=library,
        steps=tuple(steps),
        weights=weights,
        intercept=intercept,
        title=f"{title} {' + '.join(part.short_name for part in parts)}",
        source=f"a fitted {title} estimator",
        note=f"Fitted elsewhere with {title} {last.state.get('_sklearn_version', '')}".strip() + ".",
        scores=_read_alphas(last, n_voxels=weights.shape[1]),
    )
    return check_readout(readout, name)


def _read_step(part: Inert, name: str) -> list[Step]:
    state = part.state
    if part.short_name == "StandardScaler":
        # A scaler told not to centre may still keep the mean it saw.
        mean = state.get("mean_") if state.get("with_mean", True) else None
        return centre(mean, state.get("scale_") if state.get("with_std", True) else None)
    if part.short_name in ("PCA", "IncrementalPCA") and "components_" in state:
        components = np.asarray(state["components_"]).T
        steps = [*centre(state.get("mean_"), None), Project(components)]
        if state.get("whiten"):
            steps.append(Centre(np.zeros(components.shape[1]), np.sqrt(state["explained_variance_"])))
        return steps
    if part.short_name == "TruncatedSVD" and "components_" in state:
        return [Project(np.asarray(state["components_"]).T)]
    raise WeightsError(
        f"{name} has a step {part.short_name!r}, which is not read. Steps that are: StandardScaler, PCA, TruncatedSVD."
    )


def _read_weights(part: Inert, name: str) -> tuple[FloatArray, FloatArray]:
    """Weights (n_features, n_voxels) and intercept (n_voxels,) of a linear or linear-kernel model."""
    state = part.state
    if part.short_name in KERNEL:
        weights = _primal(part, name)
    elif part.short_name in LINEAR:
        if "coef_" not in state:
            raise WeightsError(f"{name}: the {part.short_name} was not fitted: it has no coef_. Save it after fit().")
        weights = np.asarray(state["coef_"])
        if weights.ndim == 1:
            weights = weights[:, np.newaxis]
        elif not part.name.startswith("himalaya."):  # which keeps (n_features, n_targets); scikit-learn its transpose
            weights = weights.T
    elif "best_estimator_" in state or part.short_name.endswith("SearchCV"):
        raise WeightsError(f"{name} holds a {part.short_name}, a search and no estimator. Save its best_estimator_.")
    else:
        known = ", ".join(sorted(LINEAR | KERNEL))
        raise WeightsError(f"{name} holds a {part.short_name!r}, which is no linear map that is read: {known}.")
    intercept = state.get("intercept_", 0.0) if state.get("fit_intercept", True) else 0.0
    return weights, np.broadcast_to(np.asarray(intercept, dtype=np.float64), (weights.shape[1],)).copy()


def _primal(part: Inert, name: str) -> FloatArray:
    state = part.state
    kernels = state.get("kernels", state.get("kernel", "linear"))
    kernels = [kernels] if isinstance(kernels, str) else list(kernels)
    if set(kernels) != {"linear"}:
        raise WeightsError(f"{name}: the kernel is {kernels}, only linear kernels have weights an image can follow.")
    if state.get("dual_coef_") is None or state.get("X_fit_") is None:
        raise WeightsError(f"{name}: the {part.short_name} lacks dual_coef_ or X_fit_. Save it after fit().")
    features, dual = np.asarray(state["X_fit_"], np.float64), np.asarray(state["dual_coef_"], np.float64)
    if features.ndim != 2 or len(features) != len(dual):
        raise WeightsError(f"{name}: dual_coef_ has {len(dual)} images, X_fit_ the shape {features.shape}.")
    weights = features.T @ (dual[:, np.newaxis] if dual.ndim == 1 else dual)
    if "deltas_" in state:  # several kernels on the same features weigh it exp(delta) each
        weights = weights * np.exp(np.asarray(state["deltas_"], np.float64)).reshape(len(kernels), -1).sum(axis=0)
    return np.asarray(weights)


def _read_alphas(part: Inert, *, n_voxels: int) -> dict[str, Any]:
    for key in ("best_alphas_", "alpha_", "alpha"):
        value: Any = part.state.get(key)
        numbers = None if value is None or isinstance(value, str) else np.asarray(value)
        if numbers is not None and numbers.dtype.kind in "iuf" and numbers.size in (1, n_voxels):
            return {"alpha": np.broadcast_to(numbers.reshape(-1), (n_voxels,)).astype(np.float32)}
    return {}
