"""An encoder shown larger images sees them as torch and PIL resample them, and hands its gradient back exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from core.encoders.resampled import show_at, weigh_pixels
from core.errors import BadInputError
from tests.helpers.tiny_encoders import make_conv_encoder, make_linear_encoder, make_photo, pixel_weights

SIZES = pytest.mark.parametrize(("small", "whole"), [(8, 12), (8, 16), (8, 9), (7, 23)])


@SIZES
def test_the_weights_are_those_of_torch_and_of_pil(small: int, whole: int) -> None:
    plane = np.random.default_rng(whole).uniform(size=(whole, whole)).astype(np.float32)
    weights = weigh_pixels(small, whole).numpy()
    made = weights @ plane.astype(np.float64) @ weights.T
    by_torch = F.interpolate(torch.tensor(plane)[None, None], (small, small), mode="bilinear", antialias=True)
    by_pil = np.asarray(Image.fromarray(plane).resize((small, small), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(made, by_torch[0, 0].numpy(), atol=2e-6)
    np.testing.assert_allclose(made, by_pil, atol=2e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all(), "no value can leave [0, 1]"


def test_responses_are_those_to_the_resampled_image() -> None:
    encoder, photo = make_conv_encoder(), torch.tensor(make_photo(12).pixels)[None]
    shown = show_at(encoder, 12)
    small = F.interpolate(photo, (8, 8), mode="bilinear", antialias=True)
    torch.testing.assert_close(shown(photo), encoder(small), rtol=1e-5, atol=1e-5)
    assert (shown.network.input_size, encoder.network.input_size) == (12, 8)
    assert shown.network.sha256 == encoder.network.sha256


def test_the_gradient_is_the_transpose_of_the_resampling() -> None:
    encoder = make_linear_encoder()
    pixels = torch.tensor(make_photo(12).pixels)[None].requires_grad_(True)
    (gradient,) = torch.autograd.grad(show_at(encoder, 12)(pixels)[0, 0], pixels)
    weights = weigh_pixels(8, 12).numpy()
    np.testing.assert_allclose(gradient[0].numpy(), weights.T @ pixel_weights(encoder) @ weights, atol=1e-6)


def test_its_own_size_is_the_encoder_itself_and_a_smaller_one_is_refused() -> None:
    encoder = make_linear_encoder()
    assert show_at(encoder, 8) is encoder
    with pytest.raises(BadInputError, match="`side` must be at least 8, that of tiny, got 7"):
        show_at(encoder, 7)


def test_a_pass_through_it_stops_like_any_other() -> None:
    shown = show_at(make_conv_encoder(), 12)
    asked: list[int] = []
    with shown.network.interruptible(lambda: bool(asked.append(1))), torch.no_grad():
        shown(torch.zeros(1, 3, 12, 12))
    assert asked
