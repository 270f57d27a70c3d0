"""Builds the bare architecture of a network: shapes only, without weights, where its library can. Never downloads."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from core.checks import check_choice, refusal
from core.errors import BadInputError, ProbeError, WeightsError
from core.networks.files.program import explained, say
from core.networks.spec import NetworkSpec

COMPILED = torch._dynamo.OptimizedModule
TRANSFORMED = ("inception_v3", "googlenet")
"""Networks of torchvision whose weights want mean and SD 0.5: it turns ImageNet's into those (`transform_input`)."""
ENTRY_POINTS = "probescope.networks"
"""Group of entry points under which an installed package offers networks: functions that return a torch.nn.Module."""


def build_architecture(spec: NetworkSpec) -> nn.Module:
    """The network's modules in eval mode, on the meta device (shapes only), or with their weights for "python".

    Raises BadInputError if the library does not know the architecture.
    """
    if spec.family == "python":
        module = _call_function(spec)
    else:
        with explained(spec.id, spec.input_size):
            module = _build_bare(spec)
    return module.eval().requires_grad_(False)


def build_with_memory(spec: NetworkSpec) -> nn.Module:
    """The architecture of a library on the CPU, with random weights."""
    with torch.random.fork_rng(devices=[]):
        return _build(spec).eval().requires_grad_(False)


def example_pixels(spec: NetworkSpec) -> torch.Tensor:
    """One stimulus to run a bare architecture with, (1, 3, input_size, input_size); without values on meta."""
    if spec.family in {"torchvision", "timm"}:
        return torch.empty(1, 3, spec.input_size, spec.input_size, device="meta")
    return random_pixels(spec)


def random_pixels(spec: NetworkSpec, count: int = 1) -> torch.Tensor:
    """Stimuli of noise, (count, 3, input_size, input_size), as normalised ones are spread; the same every time."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, spec.input_size, spec.input_size, generator=generator)


def find_function(reference: str) -> Any:
    """The function "package.module:name" names. Raises BadInputError if it cannot be imported."""
    module, _, name = reference.partition(":")
    if not module or not name:
        raise refusal("function", allowed="package.module:function", got=reference)
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # of code that is not ours
        advice = "Install its package in this environment, or fix it."
        raise BadInputError(f"The function {reference!r} cannot be imported: {say(error)}. {advice}") from error


def list_entry_points(group: str = ENTRY_POINTS) -> dict[str, str]:
    """What installed packages offer in a group of entry points: "package.module:function" by name."""
    return {point.name: point.value for point in importlib.metadata.entry_points(group=group)}


def _call_function(spec: NetworkSpec) -> nn.Module:
    make = find_function(spec.architecture)
    try:
        module = _unwrap(make())
    except Exception as error:  # of code that is not ours
        raise WeightsError(f"{spec.architecture} cannot be made: {say(error)}. Fix the function.") from error
    if not isinstance(module, nn.Module):
        raise WeightsError(
            f"The function {spec.architecture!r} gave a {type(module).__name__}, not a torch.nn.Module. Fix it."
        )
    return module.to("cpu", torch.float32)


def _unwrap(module: Any) -> Any:
    """The module inside torch.compile, at any depth: what is compiled cannot be cut."""
    while isinstance(module, COMPILED):
        module = module._orig_mod
    for name, part in module.named_children() if isinstance(module, nn.Module) else ():
        setattr(module, name, _unwrap(part))
    if isinstance(module, nn.Module):
        module._compiled_call_impl = None
    return module


def _build_bare(spec: NetworkSpec) -> nn.Module:
    try:
        with torch.device("meta"):
            return _build(spec)
    except NotImplementedError:  # its constructor computes with tensors (RegNet)
        with torch.random.fork_rng(devices=[]):
            return _build(spec).to("meta")


def load_torchvision() -> Any:
    """The library, which timm needs, too. Raises ProbeError if it does not fit torch."""
    try:
        return importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError) as error:
        advice = "Install both again in this environment, from the same index."
        raise ProbeError(f"torchvision does not load with this torch: {say(error)}. {advice}") from error


def _build(spec: NetworkSpec) -> nn.Module:
    torchvision = load_torchvision()
    if spec.family == "torchvision":
        check_choice(f"{spec.id}.architecture", spec.architecture, torchvision.models.list_models())
        make = partial(torchvision.models.get_model, spec.architecture, weights=None)
        return _dilate(make, spec, **_list_settings(spec))
    import timm

    if not timm.is_model(spec.architecture):
        check_choice(f"{spec.id}.architecture", spec.architecture, timm.list_models())
    settings: dict[str, Any] = {"output_stride": spec.output_stride} if spec.output_stride else {}
    known = timm.get_pretrained_cfg(spec.architecture)
    if known is not None and known.fixed_input_size and known.input_size[-1] != spec.input_size:
        settings["img_size"] = spec.input_size
    return _dilate(partial(timm.create_model, spec.architecture, pretrained=False), spec, **settings)


def _list_settings(spec: NetworkSpec) -> dict[str, Any]:
    """What torchvision's builders must be told beside the name."""
    import torchvision

    if spec.architecture.startswith("vit_"):
        return {"image_size": spec.input_size}
    if spec.architecture in torchvision.models.list_models(module=torchvision.models.segmentation):
        return {"weights_backbone": None}
    if spec.output_stride:
        return {"replace_stride_with_dilation": [False, spec.output_stride < 16, spec.output_stride < 32]}
    return {"init_weights": True} if spec.architecture in TRANSFORMED else {}


def _dilate(make: Callable[..., nn.Module], spec: NetworkSpec, **settings: Any) -> nn.Module:
    try:
        return make(**settings)
    except TypeError as error:
        if not spec.output_stride:
            raise
        advice = "Leave it out: this definition has its strides alone."
        raise refusal("output_stride", allowed="0", got=spec.output_stride, advice=advice) from error
