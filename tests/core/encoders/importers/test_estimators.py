"""Fitted estimators: the imported map predicts what scikit-learn's and himalaya's own `predict` does."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from himalaya.kernel_ridge import KernelRidge as HimalayaKernelRidge
from himalaya.kernel_ridge import KernelRidgeCV, MultipleKernelRidgeCV
from himalaya.ridge import GroupRidgeCV
from himalaya.ridge import Ridge as HimalayaRidge
from himalaya.ridge import RidgeCV as HimalayaRidgeCV
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression, MultiTaskElasticNet, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from core.encoders.importers.estimators import read_estimator
from core.encoders.importers.readout import CHECK_TOLERANCE, compare_predictions, fold
from core.errors import WeightsError

N_IMAGES, N_FEATURES, N_VOXELS = 40, 12, 5
GENERATOR = np.random.default_rng(1)
FEATURES = (GENERATOR.standard_normal((N_IMAGES, N_FEATURES)) * np.geomspace(0.1, 10, N_FEATURES) + 3).astype(
    np.float32
)
RESPONSES = (FEATURES @ GENERATOR.standard_normal((N_FEATURES, N_VOXELS)) + 7).astype(np.float32)
NEW = (GENERATOR.standard_normal((9, N_FEATURES)) * 2 + 3).astype(np.float32)

ESTIMATORS: dict[str, Any] = {
    "linear": LinearRegression(),
    "ridge": Ridge(alpha=3.0),
    "ridge without intercept": Ridge(alpha=3.0, fit_intercept=False),
    "ridge cv": RidgeCV(alphas=[0.1, 1, 10]),
    "lasso": Lasso(alpha=0.1),
    "elastic net": MultiTaskElasticNet(alpha=0.1),
    "scaled": make_pipeline(StandardScaler(), Ridge()),
    "reduced": make_pipeline(StandardScaler(), PCA(6), Ridge()),
    "scaled again": make_pipeline(StandardScaler(), PCA(6), StandardScaler(), Ridge()),
    "reduced twice": make_pipeline(PCA(8), StandardScaler(), PCA(4), StandardScaler(), LinearRegression()),
    "whitened": make_pipeline(PCA(6, whiten=True), LinearRegression()),
    "svd": make_pipeline(TruncatedSVD(6, random_state=0), Ridge()),
    "only scaled": make_pipeline(StandardScaler(with_mean=False), StandardScaler(with_std=False), Ridge()),
    "himalaya ridge": HimalayaRidge(alpha=2.0, fit_intercept=True),
    "himalaya ridge cv": HimalayaRidgeCV(alphas=[0.1, 1, 10], fit_intercept=True, cv=3),
    "himalaya ridge without intercept": HimalayaRidge(alpha=2.0, fit_intercept=False),
    "himalaya groups": GroupRidgeCV(groups=[0] * 6 + [1] * 6, cv=3, solver_params={"n_iter": 3, "progress_bar": False}),
    "himalaya kernel": HimalayaKernelRidge(alpha=2.0, kernel="linear", fit_intercept=True, warn=False),
    "himalaya kernel cv": KernelRidgeCV(alphas=[0.1, 1.0], kernel="linear", cv=3, fit_intercept=True, warn=False),
    "himalaya kernels": MultipleKernelRidgeCV(
        kernels=["linear", "linear"], cv=3, solver_params={"n_iter": 3, "progress_bar": False}
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_imported_map_predicts_what_the_library_predicts(name: str, tmp_path: Path) -> None:
    estimator = ESTIMATORS[name].fit(FEATURES, RESPONSES)
    path = tmp_path / "encoder.pkl"
    joblib.dump(estimator, path)
    readout = read_estimator(path)
    wanted = np.asarray(estimator.predict(NEW))
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(readout.predict(NEW), wanted, atol=CHECK_TOLERANCE * scale)
    np.testing.assert_allclose(fold(readout).predict(NEW, dtype=np.float32), wanted, atol=CHECK_TOLERANCE * scale)
    assert compare_predictions(readout, fold(readout)) < CHECK_TOLERANCE
    assert (readout.n_features, readout.n_voxels) == (N_FEATURES, N_VOXELS)


def test_one_voxel_is_read_as_one_voxel(tmp_path: Path) -> None:
    estimator = Ridge().fit(FEATURES, RESPONSES[:, 0])
    path = tmp_path / "one.pkl"
    path.write_bytes(pickle.dumps(estimator))
    np.testing.assert_allclose(read_estimator(path).predict(NEW)[:, 0], estimator.predict(NEW), rtol=1e-5)


def test_the_penalties_come_along(tmp_path: Path) -> None:
    estimator = HimalayaRidgeCV(alphas=[0.1, 1, 10], cv=3).fit(FEATURES, RESPONSES)
    path = tmp_path / "alphas.pkl"
    joblib.dump(estimator, path)
    assert read_estimator(path).scores["alpha"].tolist() == np.float32(estimator.best_alphas_).tolist()


def test_a_dictionary_of_coefficients_is_read(tmp_path: Path) -> None:
    estimator = Ridge().fit(FEATURES, RESPONSES)
    path = tmp_path / "table.pkl"
    path.write_bytes(pickle.dumps({"coef_": estimator.coef_, "intercept_": estimator.intercept_}))
    np.testing.assert_allclose(read_estimator(path).predict(NEW), estimator.predict(NEW), rtol=1e-5)


class Calls:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (
            RandomForestRegressor(2).fit(FEATURES, RESPONSES[:, 0]),
            "holds a 'RandomForestRegressor', which is no linear",
        ),
        (
            make_pipeline(MinMaxScaler(), Ridge()).fit(FEATURES, RESPONSES),
            "has a step 'MinMaxScaler', which is not read",
        ),
        (Ridge(), "the Ridge was not fitted: it has no coef_"),
        (KernelRidgeCV(kernel="rbf", cv=3, alphas=[1.0]).fit(FEATURES, RESPONSES), "only linear kernels"),
        ([1, 2], "holds a list. Save the fitted estimator"),
        ({"other": np.ones(3)}, "holds no `weights`"),
        ({"coef_": np.full((2, 3), np.nan)}, "6 of 6 numbers of weights are NaN or infinite"),
        (Calls(), r"asks to run 'posix\.system' and was not opened"),
    ],
)
def test_what_is_no_linear_map_is_one_sentence(thing: Any, text: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.pkl"
    path.write_bytes(pickle.dumps(thing))
    with pytest.raises(WeightsError, match=text):
        read_estimator(path)


def test_a_search_and_a_dictionary_of_estimators_say_what_to_save(tmp_path: Path) -> None:
    path = tmp_path / "encoder.joblib"
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 10.0]}, cv=2).fit(FEATURES, RESPONSES)
    joblib.dump(search, path)
    with pytest.raises(WeightsError, match="holds a GridSearchCV, a search and no estimator. Save its best_estimator_"):
        read_estimator(path)
    joblib.dump(search.best_estimator_, path)
    np.testing.assert_allclose(read_estimator(path).predict(NEW), search.predict(NEW), rtol=1e-4)
    joblib.dump([search.best_estimator_] * 2, path)
    with pytest.raises(WeightsError, match=r"estimators in a list, as 0, 1. Save .* joblib.dump\(content\[0\], PATH"):
        read_estimator(path)
    joblib.dump({"model": search.best_estimator_, "r": 0.5}, path)
    with pytest.raises(WeightsError, match=r"estimators in a dictionary, as model. Save one .* joblib.dump\(content"):
        read_estimator(path)
