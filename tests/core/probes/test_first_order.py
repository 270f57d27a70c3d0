"""First-order probes against autograd by hand, central differences, the gradient atlas and linear closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.attacks.config import AttackConfig
from core.attacks.mask import Mask
from core.engine import Engine
from core.errors import BadInputError, NoGradientError
from core.probes.first_order import FirstOrder
from core.probes.gradient_atlas import iter_gradient_atlas
from core.probes.probe import ProbeConfig
from core.probes.target import Target, TargetKind, target_voxel
from core.types import Direction, NormName
from tests.helpers.tiny_encoders import (
    NAMES,
    make_conv_encoder,
    make_encoder,
    make_linear_encoder,
    make_photo,
    make_table,
    pixel_weights,
)


def ask(
    voxel: int, norm: NormName = NormName.L2, epsilon: float = 1.0, direction: Direction = Direction.RAISE
) -> ProbeConfig:
    attack = AttackConfig(norm=norm, epsilon=epsilon)
    return ProbeConfig(*NAMES, target_voxel(make_table(9), voxel), direction, attack)


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
        found = kept.probe(ask(voxel, norm, epsilon, direction))
        np.testing.assert_allclose(found.delta, expected[norm], atol=1e-5)
        assert found.shift == pytest.approx(float((slope * found.delta).sum()), rel=1e-4)
        step = 1e-4 * torch.tensor(expected[norm])[None]
        with torch.no_grad():
            risen = exact(pixels + step)[0, voxel] - exact(pixels - step)[0, voxel]
        assert found.shift == pytest.approx(float(risen) / 2e-4, rel=1e-4)
        assert found.shift_sd == pytest.approx(
            found.shift / float(encoder.weights[:, voxel].norm()), rel=1e-5
        )  # cov. = 1


def test_agrees_with_the_sensitivity_map() -> None:
    encoder, stimulus = make_conv_encoder(n_voxels=6), make_photo()
    *_, last = iter_gradient_atlas(encoder, stimulus, should_stop=lambda: False)
    assert last.result is not None
    kept = FirstOrder(encoder, stimulus)
    for norm, epsilon in ((NormName.L2, 2.0), (NormName.LINF, 8 / 255)):
        sizes = last.result.first_order(norm, epsilon)
        found = [kept.probe(ask(voxel, norm, epsilon)).shift for voxel in range(6)]
        np.testing.assert_allclose(found, sizes, rtol=1e-5)


def test_of_a_linear_encoder_is_the_shift_itself() -> None:
    encoder, stimulus = make_linear_encoder(), make_photo()
    found = FirstOrder(encoder, stimulus).probe(ask(2, epsilon=0.1, direction=Direction.LOWER))
    assert found.shift == pytest.approx(-0.1 * np.linalg.norm(pixel_weights(encoder, 2)), rel=1e-5)
    pixels = torch.tensor(np.stack([stimulus.pixels, stimulus.pixels + found.delta]))
    with torch.no_grad():
        before, after = encoder(pixels)[:, 2].tolist()
    assert after - before == pytest.approx(found.shift, abs=1e-5)


@pytest.mark.parametrize("norm", NormName)
def test_a_mask_bounds_it_and_the_shift(norm: NormName) -> None:
    encoder, stimulus, epsilon = make_linear_encoder(), make_photo(), 0.05
    mask = Mask(box=(0.0, 0.0, 0.75, 1.0), edge=0.25)
    asked = ask(1, norm, epsilon)
    found = FirstOrder(encoder, stimulus).probe(replace(asked, attack=replace(asked.attack, mask=mask)))
    share, slope = mask.render(8).astype(np.float64), pixel_weights(encoder, 1)
    masked = share * slope
    best = epsilon * share * (masked / np.linalg.norm(masked) if norm is NormName.L2 else np.sign(masked))
    np.testing.assert_allclose(found.delta, best, atol=1e-6)
    assert found.shift == pytest.approx(float((slope * best).sum()), rel=1e-5)
    assert not found.delta[:, share == 0].any() and (share == 0).any()


def test_of_an_roi_is_the_mean_gradient() -> None:
    encoder, stimulus = make_linear_encoder(3), make_photo()
    mean = (pixel_weights(encoder, 0) + pixel_weights(encoder, 2)) / 2
    target = Target(TargetKind.SET, "two", voxels=(0, 2), weights=(0.5, 0.5))
    found = FirstOrder(encoder, stimulus).probe(replace(ask(0), target=target))
    np.testing.assert_allclose(found.delta, mean / np.linalg.norm(mean), atol=1e-6)
    assert found.shift == pytest.approx(np.linalg.norm(mean), rel=1e-5)


def test_unknown_voxels_encoders_and_networks_without_gradients_are_refused() -> None:
    kept = FirstOrder(make_conv_encoder(n_voxels=5), make_photo())
    with pytest.raises(BadInputError, match="made of voxels from 0 to 4"):
        kept.probe(ask(5))
    with pytest.raises(BadInputError, match="the encoder's own"):
        kept.probe(replace(ask(0), layer="other"))

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
        engine.first_order_probe(ask(voxel), photo)
    assert len(passes) == 1
    engine.first_order_probe(ask(1), make_photo(seed=8))
    assert len(passes) == 2
