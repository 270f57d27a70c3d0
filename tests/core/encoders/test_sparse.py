"""Lasso and elastic net against scikit-learn, their optimality conditions, and the penalties chosen over folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso

from core.encoders.config import EncoderConfig
from core.encoders.crossval import make_design, solve_batch
from core.encoders.scored import ScoredImages
from core.encoders.scores import spread_of
from core.encoders.sparse import correlate_with, descend, prepare_sparse, silencing_alpha
from core.errors import Cancelled
from tests.helpers.tiny_encoders import fit_encoder

CONFIG = EncoderConfig("s", "n", "l", reducer="none", readout="lasso", n_folds=4)


def make_problem(n_images: int = 60, n_features: int = 150, n_voxels: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features away from zero, a few of which matter."""
    generator = np.random.default_rng(1)
    mixed = generator.normal(size=(n_images, n_features)) @ (
        np.eye(n_features) + 0.3 * generator.normal(size=(n_features, n_features)) / np.sqrt(n_features)
    )
    readout = generator.normal(size=(n_features, n_voxels)) * (generator.random((n_features, n_voxels)) < 0.1)
    return mixed + 2.0, mixed @ readout + generator.normal(size=(n_images, n_voxels)) + 1.0


@pytest.mark.parametrize("shape", [(60, 150), (80, 20)])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_weights_equal_scikit_learn(shape: tuple[int, int], share: float) -> None:
    features, responses = make_problem(*shape)
    basis = prepare_sparse(features)
    correlation = correlate_with(basis, responses)
    alphas = silencing_alpha(correlation, share) * np.geomspace(0.02, 0.9, 7)
    weights = descend(basis, correlation, alphas, l1_share=share, scale=spread_of(responses), tolerance=1e-10)
    for voxel, alpha in enumerate(alphas):
        make = Lasso if share == 1.0 else ElasticNet
        kind = (
            make(alpha=alpha, tol=1e-13, max_iter=1_000_000)
            if share == 1.0
            else make(alpha=alpha, l1_ratio=share, tol=1e-13, max_iter=1_000_000)
        )
        reference = kind.fit(features, responses[:, voxel])
        np.testing.assert_allclose(weights[:, voxel], reference.coef_, atol=1e-5)


def test_the_silencing_penalty_is_the_smallest_that_leaves_nothing() -> None:
    features, responses = make_problem()
    basis = prepare_sparse(features)
    correlation = correlate_with(basis, responses)
    largest, scale = silencing_alpha(correlation, 1.0), spread_of(responses)
    assert not descend(basis, correlation, largest, l1_share=1.0, scale=scale).any()
    assert (descend(basis, correlation, 0.999 * largest, l1_share=1.0, scale=scale) != 0).any(axis=0).all()


def test_a_fitted_sparse_encoder_equals_scikit_learn_at_its_penalties(scored: ScoredImages) -> None:
    config = EncoderConfig("someone", "tiny", "second", pool=3, n_components=12, readout="elastic-net", l1_ratio=0.8)
    data = fit_encoder(config, scored)
    train = ~scored.test
    assert data.components is not None and data.card.sparsity is not None
    reduced = ((scored.features[train] - data.mean) @ data.components).astype(np.float64)
    for voxel, alpha in enumerate(data.card.alpha.astype(np.float64)):
        reference = ElasticNet(alpha=alpha, l1_ratio=0.8, tol=1e-12, max_iter=1_000_000).fit(
            reduced, scored.responses[train, voxel]
        )
        np.testing.assert_allclose(data.weights[:, voxel], reference.coef_, atol=1e-5)
        assert data.intercept[voxel] == pytest.approx(reference.intercept_, abs=1e-5)
        assert data.card.sparsity[voxel] == pytest.approx((data.weights[:, voxel] == 0).mean())
    assert data.card.sparsity[-1] > 0.5  # the voxel of noise alone


def test_the_part_chosen_equals_a_brute_force_search() -> None:
    features, responses = make_problem(40, 25, n_voxels=4)
    fractions = (0.03, 0.1, 0.3, 1.0)
    config = replace(CONFIG, alphas=fractions)
    design = make_design(config, features, [str(row) for row in range(40)])
    solved = solve_batch(config, design, responses)
    for voxel in range(4):
        errors = np.zeros(len(fractions))
        for fold in design.folds:
            kept, truth = responses[fold.kept, voxel], responses[fold.left_out, voxel]
            inner = design.reduced[fold.kept] - design.reduced[fold.kept].mean(axis=0)
            largest = np.abs(inner.T @ (kept - kept.mean())).max() / len(kept)
            for number, fraction in enumerate(fractions):
                made = Lasso(alpha=fraction * largest, tol=1e-12, max_iter=100_000)
                predicted = made.fit(design.reduced[fold.kept], kept).predict(design.reduced[fold.left_out])
                errors[number] += ((predicted - truth) ** 2).sum()
        centred = design.reduced - design.reduced.mean(axis=0)
        whole = np.abs(centred.T @ (responses[:, voxel] - responses[:, voxel].mean())).max() / 40
        assert solved.alpha[voxel] == pytest.approx(fractions[int(errors.argmin())] * whole, rel=1e-6)


def test_stopping_ends_within_a_batch() -> None:
    features, responses = make_problem()
    design = make_design(CONFIG, features, [str(row) for row in range(60)])
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 5

    with pytest.raises(Cancelled):
        solve_batch(CONFIG, design, responses, should_stop=stop)
    assert len(asked) == 6
