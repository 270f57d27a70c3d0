"""Cuts a network behind several layers at once: their features, flattened, one after the other.

A layer named "features.2+features.5" stands for both. The order is the one named; the network ends behind the last of
them that is computed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from core.networks.truncate import LayerReached, drop_uncalled, run_to_exit, watch_calls

JOINT = "+"
"""Between the names; no module path holds it."""


def split_layers(layer: str) -> tuple[str, ...]:
    """The layers a name stands for: one, or several joined by "+"."""
    return tuple(part.strip() for part in layer.split(JOINT))


class LayerJoin:
    """Collects the features of several layers during a pass and leaves the network with all of them joined."""

    def __init__(self, layers: tuple[str, ...]) -> None:
        self._layers = layers
        self._seen: dict[str, torch.Tensor] = {}

    def tap(self, module: nn.Module) -> None:
        """Listen at every layer of `module`."""
        for layer in self._layers:
            module.get_submodule(layer).register_forward_hook(_Tap(self, layer))

    def take(self, layer: str, features: torch.Tensor) -> None:
        """Keep one layer's features; with the last of them the pass ends."""
        self._seen.setdefault(layer, features)  # a layer called twice counts with its first call
        if len(self._seen) == len(set(self._layers)):
            seen, self._seen = self._seen, {}
            raise LayerReached(torch.cat([seen[name].flatten(1) for name in self._layers], dim=1))

    def reset(self) -> None:
        """Forget the features of a pass that was broken off."""
        self._seen = {}


class _Tap:
    """The forward hook of one layer."""

    def __init__(self, join: LayerJoin, layer: str) -> None:
        self._join = join
        self._layer = layer

    def __call__(self, _module: nn.Module, _args: Any, features: torch.Tensor) -> None:
        self._join.take(self._layer, features)


def cut_after_all(module: nn.Module, layers: tuple[str, ...], *, example: torch.Tensor) -> nn.Module:
    """Let `module` end behind all of `layers`, giving their joined features (n, n_features).

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place; call the result through `run_to_exit`.
    layers : tuple of str
        Paths of layers.
    example : (1, 3, height, width) tensor
        Normalised pixels to run once with.
    """
    join = LayerJoin(layers)
    module.register_forward_pre_hook(lambda _module, _args: join.reset())
    join.tap(module)
    with watch_calls(module) as called:
        run_to_exit(module, example)
    drop_uncalled(module, called)
    return module
