"""The objective against the encoder itself and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.objective import LinearObjective
from tests.helpers.tiny_encoders import SIDE, make_conv_encoder, make_linear_encoder, pixel_weights


def draw_pixels(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("sign", [1, -1])
def test_values_are_the_weighted_responses(sign: int) -> None:
    encoder = make_conv_encoder()
    direction = np.asarray([0.5, 0, -2, 0, 1], dtype=np.float32)
    pixels = draw_pixels()
    scores = LinearObjective(encoder, direction, sign).score(pixels)
    responses = encoder(pixels).detach()
    torch.testing.assert_close(scores.values, sign * responses @ torch.from_numpy(direction))
    torch.testing.assert_close(encoder.responses_of(scores.reduced), responses)


def test_gradient_is_that_of_the_whole_encoder() -> None:
    encoder = make_conv_encoder()
    direction = np.asarray([0.5, 0, -2, 0, 1], dtype=np.float32)
    pixels = draw_pixels()
    scores, gradient = LinearObjective(encoder, direction, 1).value_and_gradient(pixels)
    leaf = pixels.clone().requires_grad_(True)
    (encoder(leaf) @ torch.from_numpy(direction)).sum().backward()
    torch.testing.assert_close(gradient, leaf.grad)
    assert not scores.values.requires_grad and not scores.reduced.requires_grad


def test_gradient_of_a_linear_encoder_is_its_weights() -> None:
    encoder = make_linear_encoder()
    _, gradient = LinearObjective(encoder, np.asarray([0, 1, 0], dtype=np.float32), -1).value_and_gradient(
        draw_pixels(1)
    )
    np.testing.assert_allclose(gradient[0].numpy(), -pixel_weights(encoder, 1), rtol=2e-5, atol=1e-7)


def test_gradient_agrees_with_finite_differences_in_float64() -> None:
    encoder = make_conv_encoder().double()
    objective = LinearObjective(encoder, np.ones(5, dtype=np.float32), 1)

    class Value(torch.autograd.Function):
        @staticmethod
        def forward(ctx, pixels):  # type: ignore[no-untyped-def]
            scores, gradient = objective.value_and_gradient(pixels)
            ctx.save_for_backward(gradient)
            return scores.values

        @staticmethod
        def backward(ctx, upstream):  # type: ignore[no-untyped-def]
            return upstream.view(-1, 1, 1, 1) * ctx.saved_tensors[0]

    pixels = draw_pixels(2).double().requires_grad_(True)
    assert torch.autograd.gradcheck(Value.apply, (pixels,), fast_mode=True)
