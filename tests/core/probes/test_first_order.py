"""First-order probes against autograd by hand, central differences, the gradient atlas and linear closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.engine import Engine
from core.errors import BadInputError, NoGradientError
from core.probes.first_order import FirstOrder
from core.probes.gradient_atlas import iter_gradient_atlas
from core.types import Direction, NormName
from tests.helpers.tiny_encoders import (
    NAMES,
    make_conv_encoder,
    make_encoder,
    make_linear_encoder,
    make_photo,
    pixel_weights,
)


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("voxel", [0, 4])
def test_equals_the_gradient_by_hand_and_central_differences(voxel: int, direction: Direction) -> None:
    encoder, stimulus = make_conv_encoder(), make_photo()
    pixels = torch.tensor(stimulus.pixels)[None].double().requires_grad_(True)
    exact = encoder.double()
    (gradient,) = torch.autograd.grad(exact(pixels)[0, voxel], pixels)
    slope, sign = gradient[0].numpy(), 1 if direction is Direction.RAISE else -1
    expected = {NormName.L2: sign * 0.5 * slope / np.linalg.norm(slope), NormName.LINF: sign * 0.01 * np.sign(slope)}
    kept = FirstOrder(make_conv_encoder(), stimulus)
    for norm, epsilon in ((NormName.L2, 0.5), (NormName.LINF, 0.01)):
        found = kept.probe(voxel, norm, epsilon, direction)
        np.testing.assert_allclose(found.delta, expected[norm], atol=1e-5)
        assert found.shift == pytest.approx(float((slope * found.delta).sum()), rel=1e-4)
        step = 1e-4 * torch.tensor(expected[norm])[None]
        with torch.no_grad():
            risen = exact(pixels + step)[0, voxel] - exact(pixels - step)[0, voxel]
        assert found.shift == pytest.approx(float(risen) / 2e-4, rel=1e-4)
        assert found.shift_sd == pytest.approx(found.shift / 0.5, rel=1e-5)


def test_agrees_with_the_sensitivity_map() -> None:
    encoder, stimulus = make_conv_encoder(n_voxels=6), make_photo()
    *_, last = iter_gradient_atlas(encoder, stimulus, should_stop=lambda: False)
    assert last.result is not None
    kept = FirstOrder(encoder, stimulus)
    for norm, epsilon in ((NormName.L2, 2.0), (NormName.LINF, 8 / 255)):
        sizes = last.result.first_order(norm, epsilon)
        found = [kept.probe(voxel, norm, epsilon, Direction.RAISE).shift for voxel in range(6)]
        np.testing.assert_allclose(found, sizes, rtol=1e-5)


def test_of_a_linear_encoder_is_the_shift_itself() -> None:
    encoder, stimulus = make_linear_encoder(), make_photo()
    found = FirstOrder(encoder, stimulus).probe(2, NormName.L2, 0.1, Direction.LOWER)
    assert found.shift == pytest.approx(-0.1 * np.linalg.norm(pixel_weights(encoder, 2)), rel=1e-5)
    pixels = torch.tensor(np.stack([stimulus.pixels, stimulus.pixels + found.delta]))
    with torch.no_grad():
        before, after = encoder(pixels)[:, 2].tolist()
    assert after - before == pytest.approx(found.shift, abs=1e-5)


def test_bad_voxels_budgets_and_networks_are_refused() -> None:
    kept = FirstOrder(make_conv_encoder(n_voxels=5), make_photo())
    with pytest.raises(BadInputError, match="`voxel` must be a number from 0 to 4, got 5"):
        kept.probe(5, NormName.L2, 1.0, Direction.RAISE)
    with pytest.raises(BadInputError, match="Did you mean 8/255"):
        kept.probe(0, NormName.LINF, 8, Direction.RAISE)

    class Opaque(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.detach().flatten(1)

    with pytest.raises(NoGradientError, match="has no gradient"):
        FirstOrder(make_encoder(Opaque(), rank=3, n_voxels=4), make_photo())


def test_the_engine_runs_one_forward_pass_a_stimulus(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, photo, passes = make_conv_encoder(), make_photo(), []
    encoder.network.register_forward_hook(lambda *_: passes.append(1))
    engine = Engine(device="cpu")
    monkeypatch.setattr(engine, "open_encoder", lambda *_names, side=None: encoder)
    for voxel in (0, 1, 2, 1):
        engine.first_order_probe(*NAMES, photo, voxel, norm=NormName.L2, epsilon=1.0)
    assert len(passes) == 1
    engine.first_order_probe(*NAMES, make_photo(seed=8), 1, norm=NormName.L2, epsilon=1.0)
    assert len(passes) == 2
