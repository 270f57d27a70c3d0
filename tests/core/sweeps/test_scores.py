"""Transfer scores: between linear encoders T is the cosine of their weights; controls keep size and spectrum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.norms import NORMS
from core.probes.spill_over import RoiPool
from core.seeds import make_stream
from core.sweeps.plan import CONTROLS, VARIANTS
from core.sweeps.score import ScoreSettings, ScoringEncoder, make_controls, scale_delta, score, scramble_phase
from core.sweeps.transfer import cluster, mean_cosine_squared, top_axes
from core.types import NormName
from tests.core.sweeps.test_attack_curve import grey, run
from tests.helpers.tiny_encoders import SIDE, make_linear_encoder, make_table, pixel_weights


def test_transfer_between_linear_encoders_is_the_cosine_and_to_itself_one() -> None:
    encoders = [make_linear_encoder(seed=1), make_linear_encoder(seed=2)]
    pixels = grey(3)
    aim = np.eye(3, dtype=np.float32)[0]
    recipients = [ScoringEncoder(one, aim, one.target_sd(aim), RoiPool(make_table(3))) for one in encoders]
    settings = ScoreSettings(NormName.L2, 0, ("a", "b", "c"))
    moved = [
        score(recipients, pixels, run(one, pixels)["delta"], settings=settings, should_stop=lambda: False)["shift"][
            :, 0
        ]
        for one in encoders
    ]
    shifts = np.mean(moved, axis=2)
    found = shifts / np.diagonal(shifts)
    weights = [pixel_weights(one).ravel() for one in encoders]
    cosine = weights[0] @ weights[1] / np.linalg.norm(weights[0]) / np.linalg.norm(weights[1])
    assert np.allclose(found, [[1, cosine], [cosine, 1]], atol=1e-4)


def test_a_linear_encoder_answers_the_flipped_sign_with_the_opposite_shift() -> None:
    encoder, pixels = make_linear_encoder(), grey(2)
    aim = np.eye(3, dtype=np.float32)[0]
    recipients = [ScoringEncoder(encoder, aim, encoder.target_sd(aim), RoiPool(make_table(3)))]
    found = score(
        recipients,
        pixels,
        run(encoder, pixels)["delta"],
        settings=ScoreSettings(NormName.L2, 0, ("a", "b")),
        should_stop=lambda: False,
    )
    flipped = VARIANTS.index("sign flip")
    assert np.allclose(found["shift"][0, flipped], -found["shift"][0, 0], rtol=1e-3)
    assert found["roi_0"].shape == (2, 2)


@pytest.mark.parametrize("norm", list(NormName))
def test_every_control_has_the_size_of_the_perturbation(norm: NormName) -> None:
    draw = np.random.default_rng(0)
    clean = torch.from_numpy(draw.uniform(0.3, 0.7, (3, 3, SIDE, SIDE)).astype(np.float32))
    delta = torch.from_numpy(draw.normal(0, 0.01, clean.shape).astype(np.float32))
    made = make_controls(clean, delta, norm=norm, seed=0, keys=["a", "b", "c"])
    size = NORMS[norm].size(delta)
    assert tuple(made) == CONTROLS
    for name, pixels in made.items():
        assert torch.allclose(NORMS[norm].size(pixels - clean), size, rtol=1e-3), name


@pytest.mark.parametrize("norm", list(NormName))
def test_a_perturbation_that_ended_inside_the_ball_is_brought_to_the_budget(norm: NormName) -> None:
    draw = np.random.default_rng(0)
    clean = draw.uniform(0.3, 0.7, (2, 3, SIDE, SIDE)).astype(np.float32)
    small = draw.normal(0, 1e-4, clean.shape).astype(np.float32)
    found = scale_delta(clean, small, norm=norm, epsilon=0.05)
    assert np.allclose(NORMS[norm].size(torch.from_numpy(found)).numpy(), 0.05, rtol=1e-3)
    found, small = (one / np.abs(one).max(axis=(1, 2, 3), keepdims=True) for one in (found, small))
    assert np.allclose(found, small, atol=1e-2)


@pytest.mark.parametrize("side", [8, 9])
def test_phase_scrambling_keeps_amplitudes_and_norm_and_changes_the_image(side: int) -> None:
    delta = np.random.default_rng(1).normal(size=(3, side, side))
    scrambled = scramble_phase(delta, make_stream(0, "phase"))
    assert np.allclose(np.abs(np.fft.fft2(scrambled)), np.abs(np.fft.fft2(delta)))
    assert np.linalg.norm(scrambled) == pytest.approx(np.linalg.norm(delta))
    assert abs(np.corrcoef(scrambled.ravel(), delta.ravel())[0, 1]) < 0.5


def test_axes_are_the_right_singular_vectors_and_alignment_is_one_with_itself() -> None:
    rows = np.random.default_rng(2).normal(size=(6, 40))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    right = np.linalg.svd(unit, full_matrices=False)[2][:3]
    axes = top_axes(rows, 3)
    assert mean_cosine_squared(axes, right) == pytest.approx(1)
    assert mean_cosine_squared(np.eye(4)[:2], np.eye(4)[1:3]) == pytest.approx(0.5)


def test_random_subspaces_align_at_chance() -> None:
    draw = np.random.default_rng(3)
    found = [
        mean_cosine_squared(top_axes(draw.normal(size=(8, 200)), 4), top_axes(draw.normal(size=(8, 200)), 4))
        for _ in range(60)
    ]
    assert np.mean(found) == pytest.approx(4 / 200, rel=0.25)


def test_encoders_that_transfer_to_each_other_are_merged_first() -> None:
    ratio = np.asarray([[1, 0.1, 0.8], [0.1, 1, 0.1], [0.7, 0.2, 1]])
    tree, order = cluster(ratio)
    assert set(tree[0, :2]) == {0, 2}
    assert tree[0, 2] == pytest.approx(1 - 0.75)
    assert abs(order.index(0) - order.index(2)) == 1
