"""Cutting and folding against the untouched network with a hook."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from core.networks.load import load_network
from core.networks.spec import NetworkSpec
from core.networks.truncate import cut_after, fold_batchnorm, run_to_exit

CASES = [
    ("torchvision", "mobilenet_v2", "features.18"),
    ("torchvision", "mobilenet_v2", "features.3"),
    ("torchvision", "resnet18", "layer2.0"),
    ("torchvision", "resnet18", "avgpool"),
    ("torchvision", "densenet121", "features.denseblock2"),
    ("torchvision", "alexnet", "features.4"),
    ("timm", "tf_efficientnet_lite0", "bn2"),
    ("timm", "tf_efficientnet_lite0", "blocks.1"),
]
ROUNDING = 1e-5
"""Relative to the largest feature: fp32 sums in another order."""


def hooked(module: nn.Module, layer: str, *, values: torch.Tensor) -> torch.Tensor:
    kept = []
    handle = module.get_submodule(layer).register_forward_hook(lambda _m, _a, output: kept.append(output.clone()))
    with torch.no_grad():
        module(values)
    handle.remove()
    return kept[0]


def largest_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize(("family", "architecture", "layer"), CASES)
def test_cut_and_folded_equals_the_whole_network(
    family: str,
    architecture: str,
    layer: str,
    make_network: Callable[..., tuple[NetworkSpec, nn.Module]],
    pixels: torch.Tensor,
) -> None:
    spec, whole = make_network(family, architecture, layer)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    wanted = hooked(whole, layer, values=(pixels - mean) / std)
    network = load_network(spec)
    with torch.no_grad():
        found = network(pixels)
    assert found.shape[1:] == network.feature_shape
    assert largest_error(found, wanted) < ROUNDING
    assert not any(module.training for module in network.modules())


def test_nothing_runs_behind_the_cut_and_its_weights_are_gone(tiny: tuple[NetworkSpec, nn.Module]) -> None:
    _, whole = tiny
    cut = cut_after(copy.deepcopy(whole), "layer2.0", example=torch.zeros(1, 3, 64, 64))
    ran = []
    for name, module in cut.named_modules():
        module.register_forward_pre_hook(lambda _m, _a, name=name: ran.append(name))
    run_to_exit(cut, torch.zeros(1, 3, 64, 64))
    assert not any(name.startswith(("layer2.1", "layer3", "layer4", "fc")) for name in ran)
    kept = {name for name, _ in cut.named_parameters()}
    wanted = {
        name for name, _ in whole.named_parameters() if not name.startswith(("layer2.1", "layer3", "layer4", "fc"))
    }
    assert kept == wanted


def test_every_batchnorm_of_a_plain_network_is_folded(tiny: tuple[NetworkSpec, nn.Module]) -> None:
    _, whole = tiny
    n_norms = sum(isinstance(module, nn.BatchNorm2d) for module in whole.modules())
    folded = copy.deepcopy(whole)
    assert fold_batchnorm(folded, example=torch.zeros(1, 3, 64, 64)) == n_norms
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in folded.modules())


class TwoReaders(nn.Module):
    """A convolution whose output goes to BatchNorm and past it: folding would change the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        made = self.conv(values)
        return made + self.norm(made)


def test_a_convolution_with_two_readers_is_left_unfolded(tiny: tuple[NetworkSpec, nn.Module]) -> None:
    from core.networks.load import _fold_if_exact

    spec, _ = tiny
    torch.manual_seed(0)
    body = TwoReaders().eval()
    body.norm.running_var.fill_(4.0)
    assert isinstance(_fold_if_exact(body, spec).get_submodule("norm"), nn.BatchNorm2d)


def test_a_shared_convolution_is_left_unfolded() -> None:
    shared = nn.Conv2d(3, 3, 1)
    module = nn.Sequential(shared, nn.BatchNorm2d(3), shared, nn.BatchNorm2d(3)).eval()
    assert fold_batchnorm(module, example=torch.rand(1, 3, 4, 4)) == 0
