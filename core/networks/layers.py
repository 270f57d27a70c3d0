"""Lists where a network can be cut, with the shape of the features there. Never loads weights: shapes need none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from core.networks.build import build_architecture, example_pixels
from core.networks.catalog import NetworkSpec, find_network


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One place to cut: the path of its module and the shape of one stimulus's features, (c, h, w) or (c,)."""

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
    return _list_layers(find_network(network) if isinstance(network, str) else network)


@lru_cache(maxsize=16)
def _list_layers(spec: NetworkSpec) -> tuple[LayerInfo, ...]:
    module = build_architecture(spec)
    found: dict[str, LayerInfo] = {}
    names = {child: name for name, child in module.named_modules() if name}

    def note(child: nn.Module, _args: Any, output: Any) -> None:
        name = names[child]
        if isinstance(output, torch.Tensor) and output.ndim >= 2 and name not in found:
            found[name] = LayerInfo(name, tuple(output.shape[1:]))

    handles = [child.register_forward_hook(note) for child in names]
    try:
        with torch.no_grad():
            module(example_pixels(spec))
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found.values())
