"""What a network promises: frozen, no batch effects, exact gradients, and no hook left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.errors import Cancelled
from core.networks.load import load_network
from core.networks.network import Network
from core.networks.spec import NetworkSpec


@pytest.fixture
def network(tiny: tuple[NetworkSpec, nn.Module]) -> Network:
    return load_network(tiny[0])


def count_hooks(network: Network) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


def stop_after(n_looks: int) -> Callable[[], bool]:
    looks = iter(range(n_looks))
    return lambda: next(looks, None) is None


def test_it_stays_frozen_and_in_eval_mode(network: Network) -> None:
    network.train()
    assert not any(module.training for module in network.modules())
    assert not any(weight.requires_grad for weight in network.parameters())
    assert network.n_features == 256 * 4 * 4 and network.feature_shape == (256, 4, 4)
    assert network.input_size == 64 and network.device.type == "cpu" and network.layer == "layer3"


def test_an_image_alone_equals_the_same_image_in_a_batch(network: Network, pixels: torch.Tensor) -> None:
    batch = network(pixels)
    tolerance = 1e-5 * float(batch.abs().max())
    for index in range(2):
        assert torch.allclose(network(pixels[index : index + 1])[0], batch[index], rtol=0, atol=tolerance)


def test_the_gradient_is_the_slope(network: Network, pixels: torch.Tensor) -> None:
    network.double()
    start = pixels[:1].double().requires_grad_(True)
    weights = torch.randn(network.feature_shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((network(start) * weights).sum(), start)
    way, size = torch.randn_like(start), 1e-6
    ahead, behind = ((network(start.detach() + sign * size * way) * weights).sum() for sign in (1, -1))
    assert float((gradient * way).sum()) == pytest.approx(float((ahead - behind) / (2 * size)), rel=1e-5)


def test_hooks_are_gone_after_success_and_change_nothing(network: Network, pixels: torch.Tensor) -> None:
    before, wanted = count_hooks(network), network(pixels)
    with network.interruptible(lambda: False) as same:
        assert count_hooks(network) > before
        assert torch.equal(same(pixels), wanted)
    assert count_hooks(network) == before


def test_a_forward_pass_stops_in_the_middle(network: Network, pixels: torch.Tensor) -> None:
    before = count_hooks(network)
    with pytest.raises(Cancelled), network.interruptible(stop_after(3)):
        network(pixels)
    assert count_hooks(network) == before


def test_a_backward_pass_stops_in_the_middle(network: Network, pixels: torch.Tensor) -> None:
    before, asked = count_hooks(network), []
    stop = False

    def look() -> bool:
        asked.append(stop)
        return stop

    start = pixels.clone().requires_grad_(True)
    with pytest.raises(Cancelled), network.interruptible(look):
        total = network(start).sum()
        n_forward, stop = len(asked), True
        torch.autograd.grad(total, start)
    assert len(asked) == n_forward + 1 and count_hooks(network) == before


def test_hooks_are_gone_after_an_error(network: Network) -> None:
    before = count_hooks(network)
    with pytest.raises(RuntimeError), network.interruptible(lambda: False):
        network(torch.zeros(1, 5, 64, 64))
    assert count_hooks(network) == before
