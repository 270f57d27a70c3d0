"""Finds where a module can be cut, with the shape of the features there. Never trusts, probes or changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


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
