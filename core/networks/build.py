"""Builds the bare architecture of a catalogue entry, without weights and without memory. Never downloads anything."""

from __future__ import annotations

import torch
from torch import nn

from core.checks import check_choice
from core.networks.catalog import NetworkSpec


def build_architecture(spec: NetworkSpec) -> nn.Module:
    """The network's modules on the meta device (shapes only), in eval mode.

    Raises BadInputError if the library does not know the architecture.
    """
    with torch.device("meta"):
        module = _build_torchvision(spec) if spec.family == "torchvision" else _build_timm(spec)
    return module.eval().requires_grad_(False)


def example_pixels(spec: NetworkSpec) -> torch.Tensor:
    """One stimulus without values, (1, 3, input_size, input_size), to run a bare architecture with."""
    return torch.empty(1, 3, spec.input_size, spec.input_size, device="meta")


def _build_torchvision(spec: NetworkSpec) -> nn.Module:
    import torchvision

    check_choice(f"{spec.id}.architecture", spec.architecture, torchvision.models.list_models())
    module: nn.Module = torchvision.models.get_model(spec.architecture, weights=None)
    return module


def _build_timm(spec: NetworkSpec) -> nn.Module:
    import timm

    check_choice(f"{spec.id}.architecture", spec.architecture, timm.list_models())
    module: nn.Module = timm.create_model(spec.architecture, pretrained=False)
    return module
