"""The encoder that runs: what it computes, its gradient, and the collapsing of targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.encoders.card import EncoderCard
from core.encoders.config import EncoderConfig
from core.encoders.encoder import Encoder
from core.encoders.fit import FitPlaces, FitSource, iter_fit
from core.encoders.scored import ScoredImages
from core.errors import BadInputError, WeightsError
from tests.helpers.no_float64 import device_without_float64
from tests.helpers.tiny_encoders import fit_encoder


@pytest.fixture
def encoder(tiny: Any, config: EncoderConfig, scored: ScoredImages) -> Encoder:
    return Encoder(tiny, fit_encoder(config, scored))


@pytest.fixture
def pixels(source: Any) -> torch.Tensor:
    return torch.from_numpy(np.stack([source.load(name).pixels for name in source.subject.image_ids]))


def test_responses_are_the_formula_in_numpy(encoder: Encoder, tiny: Any, pixels: torch.Tensor) -> None:
    features = tiny(pixels).numpy().reshape(len(pixels), 5, 3, 2, 3, 2).mean(axis=(3, 5)).reshape(len(pixels), -1)
    parts = {name: value.numpy().astype(np.float64) for name, value in encoder.named_buffers()}
    wanted = (features - parts["mean"]) @ parts["components"] @ parts["weights"] + parts["intercept"]
    np.testing.assert_allclose(encoder(pixels).numpy(), wanted, atol=1e-4)
    assert (encoder.rank, encoder.n_voxels) == (12, 7)


def test_one_image_alone_equals_the_same_image_in_a_batch(encoder: Encoder, pixels: torch.Tensor) -> None:
    torch.testing.assert_close(encoder(pixels)[3:4], encoder(pixels[3:4]), rtol=0, atol=1e-6)


def test_projected_target_equals_the_direction_of_all_responses(encoder: Encoder, pixels: torch.Tensor) -> None:
    direction = np.random.default_rng(0).normal(size=7).astype(np.float32)
    weights, intercept = encoder.project(direction)
    reduced = encoder.reduce(encoder.network(pixels))
    torch.testing.assert_close(
        reduced @ weights + intercept, encoder(pixels) @ torch.from_numpy(direction), rtol=0, atol=1e-5
    )


def test_target_sd_is_the_sd_over_the_reference_images(
    encoder: Encoder, pixels: torch.Tensor, scored: ScoredImages
) -> None:
    reference = encoder(pixels[~scored.test]).numpy().astype(np.float64)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=7)
        assert encoder.target_sd(direction) == pytest.approx((reference @ direction).std(), rel=1e-5)
    for voxel in range(7):
        assert encoder.target_sd(np.eye(7)[voxel]) == pytest.approx(encoder.card.reference_sd[voxel], rel=1e-5)


def test_gradient_to_the_pixels(encoder: Encoder) -> None:
    encoder.double()
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 3, 12, 12, dtype=torch.float64, generator=generator).requires_grad_()
    assert torch.autograd.gradcheck(encoder, (pixels,))


def test_nothing_of_it_can_be_trained(encoder: Encoder) -> None:
    assert not [name for name, parameter in encoder.named_parameters() if parameter.requires_grad]


def test_a_direction_of_another_length_is_refused(encoder: Encoder) -> None:
    with pytest.raises(BadInputError, match=r"`direction` must be 7 numbers, one a voxel, got \(6,\)"):
        encoder.project(np.ones(6))


def test_another_network_is_refused(other_tiny: Any, encoder: Encoder, scored: ScoredImages, tiny: Any) -> None:
    data = fit_encoder(encoder.card.config, scored)
    with pytest.raises(
        WeightsError, match=r"fitted on tiny second \(weights aaaaaaaaaaaa\), not on tiny second \(weights b"
    ):
        Encoder(other_tiny, data)
    tiny.layer = "first"
    with pytest.raises(WeightsError, match="not on tiny first"):
        Encoder(tiny, data)


def test_other_feature_sizes_are_refused(tiny: Any, config: EncoderConfig, scored: ScoredImages) -> None:
    data = fit_encoder(config, scored)
    wrong = replace(data, card=replace(data.card, config=replace(config, pool=2)))
    with pytest.raises(WeightsError, match="expects 45 pooled features, tiny second gives 20"):
        Encoder(tiny, wrong)


def test_a_device_without_float64_gives_the_same_answers(
    encoder: Encoder, tiny: Any, config: EncoderConfig, scored: ScoredImages, pixels: torch.Tensor
) -> None:
    direction = np.random.default_rng(0).normal(size=7)
    wanted = encoder(pixels)
    weights, intercept = encoder.project(direction)
    leaf = pixels[:1].clone().requires_grad_()
    (gradient,) = torch.autograd.grad((encoder.reduce(tiny(leaf)) @ weights).sum(), leaf)
    data = fit_encoder(config, scored)
    with device_without_float64() as device:
        tiny.to(device)
        tiny.device = device
        there = Encoder(tiny, data)
        with pytest.raises(TypeError, match="float64"):
            there.weights.double()
        np.testing.assert_allclose(there(pixels.to(device)).cpu().numpy(), wanted.numpy(), atol=1e-6)
        moved, same = there.project(direction)
        np.testing.assert_allclose(moved.cpu().numpy(), weights.numpy(), rtol=1e-6)
        assert (same, there.target_sd(direction)) == (intercept, encoder.target_sd(direction))
        leaf = pixels[:1].to(device).requires_grad_()
        (found,) = torch.autograd.grad((there.reduce(tiny(leaf)) @ moved).sum(), leaf)
        np.testing.assert_allclose(found.cpu().numpy(), gradient.numpy(), atol=1e-6)


@pytest.mark.parametrize("reducer", ["pca", "projection"])
def test_a_fit_on_a_device_without_float64_is_the_fit_elsewhere(
    reducer: str, tiny: Any, config: EncoderConfig, source: FitSource, tmp_path: Path
) -> None:
    config = replace(config, reducer=reducer, n_projected=16 if reducer == "projection" else 0)

    def fit(place: str) -> EncoderCard:
        places = FitPlaces(encoders=tmp_path / place, cache=tmp_path / place)
        (*_, last) = iter_fit(config, network=tiny, source=source, places=places)
        assert last.result is not None
        return last.result

    here = fit("here")
    with device_without_float64() as device:
        tiny.to(device)
        tiny.device = device
        there = fit("there")
    for name in ("r", "cv_r", "alpha", "reference_sd"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-5)
