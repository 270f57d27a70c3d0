"""Lists where a network can be cut, with the shape of the features there. Never trusts, probes or changes a network.

Shapes need no weights, except for TorchScript and torch.export files and functions of the user, which come with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.networks.build import build_architecture, example_pixels
from core.networks.catalog import NetworkSpec, find_network
from core.networks.files.export_file import list_export_layers
from core.networks.files.script_file import list_script_layers


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One place to cut: the path of its module and the shape of one stimulus's features.

    (channels, height, width), (tokens, channels) or (channels,), as the network computes them.
    """

    name: str
    shape: tuple[int, ...]

    def describe(self) -> str:
        """One line: name and shape."""
        return f"{self.name} ({' x '.join(map(str, self.shape))})"


def list_layers(network: NetworkSpec | str) -> tuple[LayerInfo, ...]:
    """Every layer with features of its own, in the order they are computed.

    Containers are listed after their last part; layers called twice appear at their first call; where several
    nested modules give the same tensor, all their names are listed.
    """
    spec = find_network(network) if isinstance(network, str) else network
    if spec.family in {"torchscript", "export"}:
        return _list_file_layers(spec, spec.weights_path)
    return _list_layers(spec)


@lru_cache(maxsize=16)
def _list_file_layers(spec: NetworkSpec, path: Path) -> tuple[LayerInfo, ...]:
    find = list_script_layers if spec.family == "torchscript" else list_export_layers
    return tuple(LayerInfo(name, shape) for name, shape in find(path, example_pixels(spec)).items())


@lru_cache(maxsize=16)
def _list_layers(spec: NetworkSpec) -> tuple[LayerInfo, ...]:
    return watch_layers(build_architecture(spec), example_pixels(spec))


def watch_layers(module: nn.Module, example: torch.Tensor) -> tuple[LayerInfo, ...]:
    """The layers of a module, found by running it once."""
    found: dict[str, LayerInfo] = {}
    names = {child: name for name, child in module.named_modules() if name}

    def note(child: nn.Module, _args: Any, output: Any) -> None:
        name = names[child]
        if isinstance(output, torch.Tensor) and output.ndim >= 2 and name not in found:
            found[name] = LayerInfo(name, tuple(output.shape[1:]))

    handles = [child.register_forward_hook(note) for child in names]
    try:
        with torch.no_grad():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found.values())
