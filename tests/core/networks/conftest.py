"""Small networks with random weights, so that these tests run in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from core.networks.spec import NetworkSpec

SIZE = 64


def randomise(module: nn.Module, *, seed: int) -> nn.Module:
    """Give BatchNorm statistics and scales of its own, as training does: with the initial ones folding is no test."""
    generator = torch.Generator().manual_seed(seed)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            for tensor, low, high in (
                (child.running_mean, -0.2, 0.2),
                (child.running_var, 0.5, 1.5),
                (child.weight.data, 0.5, 1.5),
                (child.bias.data, -0.2, 0.2),
            ):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    return module.eval()


def build_random(family: str, architecture: str) -> nn.Module:
    torch.manual_seed(0)
    if family == "timm":
        return randomise(timm.create_model(architecture, pretrained=False), seed=1)
    kwargs = {"init_weights": True} if architecture in ("googlenet", "inception_v3") else {}
    return randomise(torchvision.models.get_model(architecture, weights=None, **kwargs), seed=1)


def make_spec(path: Path, family: str, *, architecture: str, layers: tuple[str, ...]) -> NetworkSpec:
    return NetworkSpec(
        id="tiny",
        title="Tiny",
        family=family,
        architecture=architecture,
        weights=str(path),
        sha256="",
        input_size=SIZE,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.25, 0.3),
        layers=layers,
        default_layer=layers[-1],
        robust=False,
        licence="none",
        source="random",
        note="",
    )


@pytest.fixture
def make_network(tmp_path: Path) -> Callable[..., tuple[NetworkSpec, nn.Module]]:
    """Write random weights of an architecture; returns its catalogue entry and the whole, untouched network."""

    def make(family: str, architecture: str, *layers: str) -> tuple[NetworkSpec, nn.Module]:
        module = build_random(family, architecture)
        path = tmp_path / f"{architecture}.safetensors"
        save_file(module.state_dict(), str(path))
        return make_spec(path, family, architecture=architecture, layers=layers), module

    return make


@pytest.fixture
def tiny(make_network: Callable[..., tuple[NetworkSpec, nn.Module]]) -> tuple[NetworkSpec, nn.Module]:
    """The entry and the whole network of a random ResNet-18."""
    return make_network("torchvision", "resnet18", "layer1", "layer3")


@pytest.fixture
def pixels() -> torch.Tensor:
    """Two random stimuli, (2, 3, SIZE, SIZE)."""
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
