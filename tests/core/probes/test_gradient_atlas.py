"""The gradient atlas against as many separate backward passes as there are voxels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attacks.mask import Mask
from core.errors import BadInputError, Cancelled, NoGradientError
from core.probes.gradient_atlas import AT_ONCE, iter_gradient_atlas
from core.types import NormName
from tests.helpers.tiny_encoders import make_conv_encoder, make_encoder, make_linear_encoder, make_photo, pixel_weights


@pytest.mark.parametrize(("n_voxels", "rank"), [(2, 7), (40, 7), (3, AT_ONCE), (3, 2 * AT_ONCE + 1)])
def test_equals_one_backward_pass_a_voxel(n_voxels: int, rank: int) -> None:
    encoder, stimulus = make_conv_encoder(n_voxels=n_voxels, rank=rank), make_photo()
    *_, last = iter_gradient_atlas(encoder, stimulus, should_stop=lambda: False)
    pixels = torch.tensor(stimulus.pixels)[None].requires_grad_(True)
    responses = encoder(pixels)
    rows = [torch.autograd.grad(responses[0, v], pixels, retain_graph=True)[0].flatten() for v in range(n_voxels)]
    gradients = torch.stack(rows).double().numpy()
    assert last.result is not None
    np.testing.assert_allclose(last.result.l2, np.linalg.norm(gradients, axis=1), rtol=1e-5)
    np.testing.assert_allclose(last.result.l1, np.abs(gradients).sum(axis=1), rtol=1e-5)


def test_first_order_shift_of_a_linear_encoder() -> None:
    encoder = make_linear_encoder()
    *_, last = iter_gradient_atlas(encoder, make_photo(), should_stop=lambda: False)
    assert last.result is not None
    weights = pixel_weights(encoder, 2).ravel()
    assert last.result.first_order(NormName.L2, 3.0)[2] == pytest.approx(3 * np.linalg.norm(weights), rel=1e-5)
    assert last.result.first_order(NormName.LINF, 0.1)[2] == pytest.approx(0.1 * np.abs(weights).sum(), rel=1e-5)


def test_progress_counts_to_the_end_and_only_the_last_has_the_result() -> None:
    records = list(iter_gradient_atlas(make_conv_encoder(rank=3), make_photo(), should_stop=lambda: False))
    assert [record.done for record in records] == list(range(1, records[-1].total + 1))
    assert [record.result is None for record in records] == [True] * (len(records) - 1) + [False]


@pytest.mark.parametrize("asked", [1, 5, 9])
def test_cancelling_is_heard_and_leaves_no_hook(asked: int) -> None:
    encoder, count = make_conv_encoder(rank=4 * AT_ONCE), 0

    def stop_after() -> bool:
        nonlocal count
        count += 1
        return count >= asked

    with pytest.raises(Cancelled):
        list(iter_gradient_atlas(encoder, make_photo(), should_stop=stop_after))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in encoder.modules())


def test_stimulus_of_another_size_is_refused() -> None:
    with pytest.raises(BadInputError, match="`pixels` must be of shape"):
        list(iter_gradient_atlas(make_conv_encoder(), make_photo(9), should_stop=lambda: False))


def test_a_network_without_gradients_is_refused_in_a_sentence() -> None:
    class Opaque(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.detach().flatten(1)

    encoder = make_encoder(Opaque(), rank=3, n_voxels=4)
    with pytest.raises(NoGradientError, match="has no gradient with respect to its pixels"):
        list(iter_gradient_atlas(encoder, make_photo(), should_stop=lambda: False))


@pytest.mark.parametrize("mask", [None, Mask(box=(0.0, 0.0, 0.6, 1.0), edge=0.3)])
def test_of_a_masked_linear_encoder_it_is_the_dual_norm_of_the_masked_gradient(mask: Mask | None) -> None:
    encoder = make_linear_encoder(3)
    slopes = np.stack([pixel_weights(encoder, voxel) for voxel in range(3)])
    share = 1.0 if mask is None else mask.render(8).astype(np.float64)
    *_, last = iter_gradient_atlas(encoder, make_photo(), mask=mask, should_stop=lambda: False)
    assert last.result is not None and last.result.mask == mask
    masked = (share * slopes).reshape(3, -1)
    found = [last.result.first_order(norm, 0.5) for norm in (NormName.L2, NormName.LINF)]
    np.testing.assert_allclose(found[0], 0.5 * np.linalg.norm(masked, axis=1), rtol=1e-5)
    np.testing.assert_allclose(found[1], 0.5 * np.abs(masked).sum(axis=1), rtol=1e-5)
