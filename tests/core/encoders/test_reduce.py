"""Principal components against scikit-learn, and the identity that makes full-rank reduction harmless."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from core.encoders.ridge import decompose, fit_reducer, solve_with


def draw_features(n_images: int, n_features: int) -> np.ndarray:
    generator = np.random.default_rng(2)
    mixed = generator.normal(size=(n_images, n_features)) @ generator.normal(size=(n_features, n_features))
    return (mixed * np.geomspace(0.1, 10, n_features) + 5.0).astype(np.float32)


@pytest.mark.parametrize("shape", [(40, 9), (15, 30)])
def test_equals_scikit_learn_up_to_sign_and_one_scale(shape: tuple[int, int]) -> None:
    features = draw_features(*shape)
    reduced = fit_reducer(features, 6).apply(features)
    reference = PCA(6, svd_solver="full").fit_transform(features.astype(np.float64))
    reference /= np.sqrt(reference.var(axis=0).mean())
    signs = np.sign((reduced * reference).sum(axis=0))
    np.testing.assert_allclose(reduced * signs, reference, atol=1e-4)  # float32 numbers of size 1 to 5


def test_reduced_features_are_centred_uncorrelated_and_of_mean_variance_one() -> None:
    features = draw_features(60, 12)
    reduced = fit_reducer(features, 5).apply(features)
    covariance = np.cov(reduced, rowvar=False, bias=True)
    np.testing.assert_allclose(reduced.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-5)
    assert np.diag(covariance).mean() == pytest.approx(1.0, abs=1e-5)
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_ridge_on_all_components_is_ridge_on_the_features() -> None:
    features = draw_features(20, 35)
    responses = np.random.default_rng(3).normal(size=(20, 2))
    reducer = fit_reducer(features, 0)
    assert reducer.components.shape[1] == 19
    reduced = reducer.apply(features)
    alphas = np.array([1.0, 10.0])
    weights, intercept = solve_with(decompose(reduced), responses, alphas)
    common_scale = features.astype(np.float64).var(axis=0).sum() / reducer.components.shape[1]  # squared
    reference = Ridge(alpha=alphas * common_scale, solver="svd").fit(features.astype(np.float64), responses)
    np.testing.assert_allclose(reduced @ weights + intercept, reference.predict(features), atol=1e-4)


def test_a_feature_that_never_varies_has_no_weight() -> None:
    features = draw_features(30, 6)
    features[:, 2] = 4.0
    reducer = fit_reducer(features, 0)
    assert reducer.components.shape[1] == 5
    np.testing.assert_allclose(reducer.components[2], 0, atol=1e-6)


def test_the_same_features_give_the_same_components() -> None:
    features = draw_features(30, 8)
    first, again = fit_reducer(features, 4), fit_reducer(features[::-1], 4)
    np.testing.assert_allclose(first.components, again.components, atol=1e-6)
