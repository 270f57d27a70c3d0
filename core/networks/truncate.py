"""Finds the layers of a network, cuts it behind one or several, folds BatchNorm. Never changes what a layer computes.

All work by running the network once and watching what is called, so they need no tracer and hold for any module
whose call order does not depend on the values of the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One place to cut: the path of its module and the shape of one stimulus's features.

    (channels, height, width), (tokens, channels) or (channels,), as the network computes them.
    """

    name: str
    shape: tuple[int, ...]


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


class Stop(nn.Module):
    """Passes features on; a place to ask whether to stop, in networks whose own parts take no hooks."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The same tensor."""
        return values


class LayerReached(Exception):
    """Carries the features out of a network at its cut; never leaves `run_to_exit`."""

    def __init__(self, features: torch.Tensor) -> None:
        super().__init__("the feature layer was reached")
        self.features = features


def leave_network(_module: nn.Module, _args: Any, features: torch.Tensor) -> None:
    """Forward hook of the last layer of a cut network: nothing behind it runs. The tensors keep their names."""
    raise LayerReached(features)


class LayerJoin:
    """Collects the features of several layers during a pass and leaves the network with all of them, flattened."""

    def __init__(self, module: nn.Module, layers: tuple[str, ...]) -> None:
        self._layers = layers
        self._seen: dict[str, torch.Tensor] = {}
        module.register_forward_pre_hook(self._forget)
        for layer in layers:
            module.get_submodule(layer).register_forward_hook(partial(self._take, layer))

    def _forget(self, _module: nn.Module, _args: Any) -> None:
        """A pass before may have been broken off."""
        self._seen = {}

    def _take(self, layer: str, _module: nn.Module, _args: Any, features: torch.Tensor) -> None:
        if layer not in self._seen:  # a layer called twice counts with its first call
            self._seen[layer] = features.clone()  # the next layer may write into what this one gave
        if len(self._seen) == len(set(self._layers)):
            seen, self._seen = self._seen, {}
            raise LayerReached(torch.cat([seen[name].flatten(1) for name in self._layers], dim=1))


def split_layers(layer: str) -> tuple[str, ...]:
    """The layers a name stands for: one, or several joined by "+", which no module's path holds."""
    return tuple(part.strip() for part in layer.split("+"))


def cut_after(module: nn.Module, layer: str, *, example: torch.Tensor) -> nn.Module:
    """Let `module` end behind its layer `layer` and drop every part that is then never called.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place; call the result through `run_to_exit`.
    layer : str
        Path of a layer, such as "features.13", or several: "features.2+features.5", whose features are then flattened,
        one after the other in the order named. Where a layer is called more than once, the first call counts.
    example : (1, 3, height, width) tensor
        Normalised pixels to run once with.
    """
    layers = split_layers(layer)
    if len(layers) > 1:
        LayerJoin(module, layers)
    else:
        module.get_submodule(layer).register_forward_hook(leave_network)
    with watch_calls(module) as called:
        run_to_exit(module, example)
    drop_uncalled(module, called)
    return module


def run_to_exit(module: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """The features at the cut; the whole output of a module that was not cut."""
    try:
        output: torch.Tensor = module(values)
    except LayerReached as reached:
        return reached.features
    return output


def fold_batchnorm(module: nn.Module, *, example: torch.Tensor) -> int:
    """Fold every BatchNorm that directly follows a convolution into it; returns how many were folded.

    w' = w gamma / sqrt(var + eps),  b' = (b - mean) gamma / sqrt(var + eps) + beta.
    The module must be in eval mode; a BatchNorm with an activation of its own (timm) keeps the activation.
    """
    pairs = _find_pairs(module, example)
    names = {child: name for name, child in module.named_modules()}
    for convolution, norm in pairs:
        _fold_pair(convolution, norm)
        activation = getattr(norm, "act", None)  # of timm's combined module
        remaining = activation if isinstance(activation, nn.Module) else nn.Identity()
        if leave_network in norm._forward_hooks.values():
            remaining.register_forward_hook(leave_network)
        _replace(module, names[norm], remaining)
    return len(pairs)


def _find_pairs(module: nn.Module, example: torch.Tensor) -> list[tuple[nn.Module, nn.Module]]:
    made_by: dict[int, tuple[nn.Module, torch.Tensor]] = {}
    pairs: list[tuple[nn.Module, nn.Module]] = []

    def note_output(convolution: nn.Module, _: Any, output: torch.Tensor) -> None:
        # The tensor is kept, so that its id is not given to another one.
        made_by[id(output)] = (convolution, output)

    def note_input(norm: nn.Module, args: tuple[Any, ...]) -> None:
        if id(args[0]) in made_by:
            pairs.append((made_by[id(args[0])][0], norm))

    handles = []
    for child in module.modules():
        if isinstance(child, CONVOLUTIONS):
            handles.append(child.register_forward_hook(note_output))
        elif isinstance(child, nn.BatchNorm2d) and child.track_running_stats:
            handles.append(child.register_forward_pre_hook(note_input))
    try:
        with torch.no_grad():
            run_to_exit(module, example)
    finally:
        for handle in handles:
            handle.remove()
    # Only pairs whose two parts are called once: a shared convolution has no single scale to take in.
    flat = [part for pair in pairs for part in pair]
    return [pair for pair in pairs if flat.count(pair[0]) == 1 and flat.count(pair[1]) == 1]


def _fold_pair(convolution: Any, norm: Any) -> None:
    weight, bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    convolution.weight = nn.Parameter(weight.detach(), requires_grad=False)
    convolution.bias = nn.Parameter(bias.detach(), requires_grad=False)


def _replace(module: nn.Module, name: str, part: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, part)


@contextmanager
def watch_calls(module: nn.Module) -> Iterator[set[nn.Module]]:
    """The set of parts called inside, filled as they are called; without gradients."""
    called: set[nn.Module] = set()

    def note(child: nn.Module, _: Any) -> None:
        called.add(child)

    handles = [child.register_forward_pre_hook(note) for child in module.modules()]
    try:
        with torch.no_grad():
            yield called
    finally:
        for handle in handles:
            handle.remove()


def drop_uncalled(module: nn.Module, called: set[nn.Module]) -> None:
    """Free the weights behind the cut; modules without weights stay, as they may be asked for attributes."""
    for name, child in list(module.named_children()):
        if called.isdisjoint(child.modules()):
            if next(child.parameters(), None) is not None:
                setattr(module, name, nn.Identity())
        elif not isinstance(child, nn.MultiheadAttention):  # which reads its projection's weights without calling it
            drop_uncalled(child, called)
