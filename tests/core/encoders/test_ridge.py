"""Ridge against scikit-learn, wide and tall, and its penalties against a brute-force cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from core.encoders.crossval import choose_in_batch, make_folds, prepare_folds
from core.encoders.ridge import decompose, solve_with

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1e4)


def make_problem(n_images: int, n_features: int, n_voxels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Features and responses far from zero mean, with voxels from clean to pure noise."""
    generator = np.random.default_rng(n_features)
    features = generator.normal(size=(n_images, n_features)) + 3.0
    signal = features @ generator.normal(size=(n_features, n_voxels)) / np.sqrt(n_features)
    noise = generator.normal(size=(n_images, n_voxels)) * np.geomspace(0.1, 30, n_voxels)
    return features, signal + noise - 2.0


@pytest.mark.parametrize(("n_images", "n_features"), [(50, 8), (20, 35), (30, 30)])
def test_weights_and_intercept_equal_scikit_learn(n_images: int, n_features: int) -> None:
    features, responses = make_problem(n_images, n_features)
    alphas = np.geomspace(0.01, 1e3, responses.shape[1])
    weights, intercept = solve_with(decompose(features), responses, alphas)
    reference = Ridge(alpha=alphas, solver="cholesky").fit(features, responses)
    np.testing.assert_allclose(weights, reference.coef_.T, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(intercept, reference.intercept_, rtol=1e-5)


def test_float32_features_lose_no_more_than_their_own_rounding() -> None:
    features, responses = make_problem(60, 20)
    alphas = np.full(responses.shape[1], 1.0)
    exact, _ = solve_with(decompose(features), responses, alphas)
    rounded, _ = solve_with(decompose(features.astype(np.float32)), responses.astype(np.float32), alphas)
    # Inputs rounded to 6e-8 of values near 3, over singular values of 2 and more: 1e-6 of the weights.
    np.testing.assert_allclose(rounded, exact, atol=1e-5 * np.abs(exact).max())


def test_a_feature_that_repeats_another_shares_its_weight() -> None:
    features, responses = make_problem(40, 3)
    weights, _ = solve_with(decompose(np.hstack([features, features[:, :1]])), responses, np.ones(responses.shape[1]))
    np.testing.assert_allclose(weights[0], weights[3], rtol=1e-9)


def test_decomposition_gives_the_centred_features_back() -> None:
    for shape in ((12, 5), (5, 12)):
        features, _ = make_problem(*shape)
        basis = decompose(features)
        again = basis.left * np.sqrt(basis.eigenvalues) @ basis.axes.T + basis.mean
        np.testing.assert_allclose(again, features, atol=1e-10)


@pytest.mark.parametrize(("n_images", "n_features"), [(50, 8), (24, 35)])
def test_penalties_equal_a_brute_force_search(n_images: int, n_features: int) -> None:
    features, responses = make_problem(n_images, n_features)
    folds = make_folds([str(row) for row in range(n_images)], 5, seed=1)
    chosen = choose_in_batch(prepare_folds(features, folds), responses, alphas=ALPHAS)
    fold_of_row = np.empty(n_images, dtype=int)
    for number, rows in enumerate(folds):
        fold_of_row[rows] = number
    for voxel in range(responses.shape[1]):
        left_out = [
            cross_val_predict(Ridge(alpha=alpha), features, responses[:, voxel], cv=PredefinedSplit(fold_of_row))
            for alpha in ALPHAS
        ]
        errors = [((predicted - responses[:, voxel]) ** 2).sum() for predicted in left_out]
        best = int(np.argmin(errors))
        assert chosen.alpha[voxel] == ALPHAS[best]
        assert chosen.cv_r[voxel] == pytest.approx(np.corrcoef(left_out[best], responses[:, voxel])[0, 1], abs=1e-9)


def test_many_voxels_are_the_same_as_few() -> None:
    features, responses = make_problem(40, 6, n_voxels=11)
    bases = prepare_folds(features, make_folds([str(row) for row in range(40)], 4, seed=0))
    together = choose_in_batch(bases, responses, alphas=ALPHAS)
    for start in range(0, 11, 3):
        apart = choose_in_batch(bases, responses[:, start : start + 3], alphas=ALPHAS)
        np.testing.assert_array_equal(together.alpha[start : start + 3], apart.alpha)
        np.testing.assert_allclose(together.cv_r[start : start + 3], apart.cv_r, atol=1e-12)


def test_responses_far_from_zero_lose_no_correlation_in_float32() -> None:
    """The sums behind r are of products: of values near 1000 in float32 they would hold nothing of an SD of 1."""
    draw = np.random.default_rng(5)
    features = draw.standard_normal((2000, 30)).astype(np.float32)
    signal = features @ draw.standard_normal((30, 4)) * 0.1 + draw.standard_normal((2000, 4))
    folds = make_folds([str(row) for row in range(2000)], 4, seed=0)
    alphas = (1.0, 100.0, 1e4)
    exact = choose_in_batch(prepare_folds(features.astype(np.float64), folds), signal, alphas=alphas)
    bases = prepare_folds(features, folds, dtype=np.float32)
    rounded = choose_in_batch(bases, (signal + 1000).astype(np.float32), alphas=alphas)
    np.testing.assert_allclose(rounded.cv_r, exact.cv_r, atol=1e-3)
    np.testing.assert_array_equal(rounded.alpha, exact.alpha)
