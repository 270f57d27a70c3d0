"""Finds the layers of a network, cuts it behind one or several, folds BatchNorm. Never changes what a layer computes.

All work by running the network once and watching what is called, so they need no tracer and hold for any module
whose call order does not depend on the values of the pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from core.networks.spec import LayerInfo

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
CALL = "#"
"""Between the path of a layer and which of its calls is meant: "layer4.1.relu#2". The path alone means the first."""


def name_call(path: str, number: int) -> str:
    """The name of the `number`th call of a module, from 1."""
    return path if number == 1 else f"{path}{CALL}{number}"


def split_call(layer: str) -> tuple[str, int]:
    """The path of a layer's module and which of its calls is meant, from 1."""
    path, _, number = layer.partition(CALL)
    return path, int(number or 1)


def describe_calls(shapes: Mapping[str, tuple[int, ...]]) -> tuple[LayerInfo, ...]:
    """The layers of a network by their names, with the shapes of their features."""
    counts = Counter(split_call(name)[0] for name in shapes)
    found = ((name, shape, *split_call(name)) for name, shape in shapes.items())
    return tuple(
        LayerInfo(name, shape, f"{number} of {counts[path]}" if counts[path] > 1 else "")
        for name, shape, path, number in found
    )


def watch_layers(module: nn.Module, example: torch.Tensor) -> tuple[LayerInfo, ...]:
    """The layers of a module that give features image by image, found by running it once; every call is one."""
    found: dict[str, tuple[int, ...]] = {}
    calls: Counter[nn.Module] = Counter()
    names = {child: name for name, child in module.named_modules() if name}

    def note(child: nn.Module, _args: Any, output: Any) -> None:
        calls[child] += 1
        if isinstance(output, torch.Tensor) and output.ndim >= 2 and len(output) == len(example):
            found[name_call(names[child], calls[child])] = tuple(output.shape[1:])

    with ExitStack() as hooks, torch.no_grad():
        for child in names:
            hooks.enter_context(child.register_forward_hook(note))
        module(example)
    return describe_calls(found)


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


def hook_calls(module: nn.Module, layers: Sequence[str], act: Callable[[str, torch.Tensor], None]) -> list[Any]:
    """Let every pass call `act(layer, features)` as it reaches each of the layers; returns the handles of the hooks."""
    wanted = {split_call(layer): layer for layer in layers}
    calls: Counter[str] = Counter()

    def count(path: str, _module: nn.Module, _args: Any, features: torch.Tensor) -> None:
        calls[path] += 1
        if (path, calls[path]) in wanted:
            act(wanted[path, calls[path]], features)

    start = module.register_forward_pre_hook(lambda *_: calls.clear())
    paths = {path for path, _ in wanted}
    return [start, *(module.get_submodule(path).register_forward_hook(partial(count, path)) for path in paths)]


def leave_with(module: nn.Module, layers: tuple[str, ...]) -> None:
    """Let every pass leave the network with the features of one layer, or of several, flattened, in the order named."""
    seen: dict[str, torch.Tensor] = {}

    def take(layer: str, features: torch.Tensor) -> None:
        seen[layer] = features.clone()  # the next layer may write into what this one gave
        if len(seen) == len(set(layers)):
            found = [seen[name] for name in layers]
            seen.clear()
            vars(module)["widths"] = tuple(one[0].numel() for one in found)
            raise LayerReached(found[0] if len(found) == 1 else torch.cat([one.flatten(1) for one in found], dim=1))

    module.register_forward_pre_hook(lambda *_: seen.clear())  # a pass before may have been broken off
    hook_calls(module, layers, take)


def is_overwritten(module: nn.Module, layer: str, *, values: torch.Tensor) -> bool:
    """Whether a cut network works in place on what one of its joined layers gave, before it is left."""
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    with ExitStack() as hooks:
        for hook in hook_calls(module, split_layers(layer), lambda _, given: kept.append((given, given.clone()))):
            hooks.enter_context(hook)
        run_to_exit(module, values)
    return any(not torch.equal(now, before) for now, before in kept)


def split_layers(layer: str) -> tuple[str, ...]:
    """The layers a name stands for: one, or several joined by "+", which no module's path holds."""
    return tuple(part.strip() for part in layer.split("+"))


def cut_after(module: nn.Module, layer: str, *, example: torch.Tensor) -> nn.Module:
    """Let `module` end behind its layer `layer` and drop every part that is then never called.

    Parameters
    ----------
    module : Changed in place; call the result through `run_to_exit`.
    layer : Path of a layer, such as "features.13", or several: "features.2+features.5", whose features are then
        flattened, one after the other in the order named. "layer4.1.relu#2" is the second call of a layer; without a
        number the first one counts.
    example : (1, 3, height, width) tensor. Normalised pixels to run once with.
    """
    layers = split_layers(layer)
    if len(layers) > 1 or CALL in layer:
        leave_with(module, layers)
    else:
        module.get_submodule(layer).register_forward_hook(leave_network)
    with watch_calls(module) as reached:
        run_to_exit(module, example)
    drop_uncalled(module, reached)
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
        running = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        weight, bias = fuse_conv_bn_weights(convolution.weight, convolution.bias, *running)
        convolution.weight = nn.Parameter(weight.detach(), requires_grad=False)
        convolution.bias = nn.Parameter(bias.detach(), requires_grad=False)
        activation = getattr(norm, "act", None)  # of timm's combined module
        remaining = activation if isinstance(activation, nn.Module) else nn.Identity()
        if leave_network in norm._forward_hooks.values():
            remaining.register_forward_hook(leave_network)
        module.set_submodule(names[norm], remaining)
    return len(pairs)


def _find_pairs(module: nn.Module, example: torch.Tensor) -> list[tuple[Any, Any]]:
    made_by: dict[int, tuple[nn.Module, torch.Tensor]] = {}
    pairs: list[tuple[nn.Module, nn.Module]] = []

    def note_output(convolution: nn.Module, _: Any, output: torch.Tensor) -> None:
        # The tensor is kept, so that its id is not given to another one.
        made_by[id(output)] = (convolution, output)

    def note_input(norm: nn.Module, args: tuple[Any, ...]) -> None:
        if id(args[0]) in made_by:
            pairs.append((made_by[id(args[0])][0], norm))

    with ExitStack() as hooks, torch.no_grad():
        for child in module.modules():
            if isinstance(child, CONVOLUTIONS):
                hooks.enter_context(child.register_forward_hook(note_output))
            elif isinstance(child, nn.BatchNorm2d) and child.track_running_stats:
                hooks.enter_context(child.register_forward_pre_hook(note_input))
        run_to_exit(module, example)
    # Only pairs whose two parts are called once: a shared convolution has no single scale to take in.
    flat = [part for pair in pairs for part in pair]
    return [pair for pair in pairs if flat.count(pair[0]) == 1 and flat.count(pair[1]) == 1]


class _Watch(TorchFunctionMode):
    """Notes every tensor of a module that an operation reads."""

    def __init__(self, module: nn.Module, reached: set[Any]) -> None:
        super().__init__()
        self._held = {*module.parameters(), *module.buffers()}
        self._reached = reached

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        read = {one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)}
        self._reached.update(read & self._held)
        return func(*args, **(kwargs or {}))


@contextmanager
def watch_calls(module: nn.Module) -> Iterator[set[Any]]:
    """The set of parts called and of tensors read inside, filled as they are; without gradients."""
    reached: set[Any] = set()
    with ExitStack() as hooks, torch.no_grad(), _Watch(module, reached):
        for child in module.modules():
            hooks.enter_context(child.register_forward_pre_hook(lambda part, _: reached.add(part)))
        yield reached


def drop_uncalled(module: nn.Module, reached: set[Any]) -> None:
    """Free the weights behind the cut; attention reads some without calling the part that holds them.

    Modules without weights stay, as they may be asked for attributes.
    """
    for name, child in list(module.named_children()):
        if not reached.isdisjoint([*child.modules(), *child.parameters(), *child.buffers()]):
            drop_uncalled(child, reached)
        elif next(child.parameters(), None) is not None:
            setattr(module, name, nn.Identity())
