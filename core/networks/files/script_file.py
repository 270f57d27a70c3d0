"""Opens a TorchScript file as a network. Never reads one the user has not said to trust (`importing.py` sees to it).

It is cut only where that is proven: its parts are run one after another, and a place between two of them is offered if
the whole chain gives exactly the file's own output. Where the parts are not a chain, "output" is the only layer.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.checks import check_choice
from core.containers import reading
from core.errors import WeightsError
from core.networks.files.program import OUTPUT, REFUSED, Program, check_single, find_batch, refuse_training
from core.networks.truncate import Stop

TRAINING = {"aten::batch_norm": 5, "aten::dropout": 2, "aten::feature_dropout": 2, "aten::alpha_dropout": 2}
"""Operations that work otherwise in training, and which of their inputs says so."""


@dataclass(frozen=True, slots=True)
class Part:
    """One link of a chain: its path, the module, and whether its input is flattened first, as before a classifier."""

    name: str
    module: Any
    flattens: bool

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """Its output."""
        result: torch.Tensor = self.module(values.flatten(1) if self.flattens else values)
        return result


class Chain(nn.Module):
    """Runs parts of a TorchScript file one after another."""

    def __init__(self, parts: tuple[Part, ...]) -> None:
        super().__init__()
        self.links = parts
        self.parts = nn.ModuleList([part.module for part in parts])
        self.stops = nn.ModuleList([Stop() for _ in parts])  # its own parts take no hooks

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The output of the last part."""
        for link, stop in zip(self.links, self.stops, strict=True):
            values = stop(link(values))
        return values


def load_script(path: Path) -> Any:
    """The module of a TorchScript file on the CPU, in eval mode and frozen. Raises WeightsError if it is none."""
    with reading(path, "TorchScript file", error=WeightsError, advice="Save it again."), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch recommends torch.export; such files stay around
        module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        needed = [one for one in module.forward.schema.arguments[1:] if not one.has_default_value()]
    check_single(module, len(needed), name=path.name)
    module.eval()
    for weight in module.parameters():  # the method for all of them does not exist on these modules
        weight.requires_grad_(False)
    return module


def list_script_layers(path: Path, example: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """The layers at which a file can be cut, with the shape of one image's features; "output" comes last."""
    whole = load_script(path)
    batch = find_batch(whole, example, name=path.name)
    shown = example.expand(max(1, batch), -1, -1, -1).contiguous()
    found: dict[str, tuple[int, ...]] = {}
    with torch.no_grad():
        values = shown
        for part in find_chain(whole, shown):
            values = part(values)
            found[part.name] = tuple(values.shape[1:])
        output = whole(shown)
    if isinstance(output, torch.Tensor):
        found[OUTPUT] = tuple(output.shape[1:])
    return found


def open_script(path: Path, layer: str, *, example: torch.Tensor) -> Program:
    """The file cut behind a layer. Raises BadInputError with the nearest name if it cannot be cut there."""
    whole = load_script(path)
    batch = find_batch(whole, example, name=path.name)
    parts: tuple[Part, ...] = (Part(OUTPUT, whole, flattens=False),)
    if layer != OUTPUT:
        chain = find_chain(whole, example.expand(max(1, batch), -1, -1, -1).contiguous())
        names = [part.name for part in chain]
        check_choice("layer", layer, [*names, OUTPUT])
        parts = chain[: names.index(layer) + 1]
    for part in parts:
        _check_mode(part.module, name=path.name)
    return Program(Chain(parts), batch)


def _check_mode(module: Any, *, name: str) -> None:
    """Raise WeightsError if an operation was traced as it works in training."""
    graph = module.inlined_graph  # its nodes live as long as it does
    for operation, place in TRAINING.items():
        for node in graph.findAllNodes(operation, recurse=True):
            if list(node.inputs())[place].toIValue() is True:
                raise refuse_training(name, operation)


def find_chain(module: Any, example: torch.Tensor, prefix: str = "") -> tuple[Part, ...]:
    """The parts that, run one after another, give exactly the module's output; nothing if they do not.

    A part that is itself a chain is taken apart; flattening between two parts is tried where the next one refuses.
    """
    links: list[Part] = []
    try:
        with torch.no_grad():
            values, wanted = example, module(example)
            for name, child in module.named_children():
                flattens, out = _call(child, values)
                inner = () if flattens else find_chain(child, values, prefix=f"{prefix}{name}.")
                links += inner or (Part(f"{prefix}{name}", child, flattens),)
                values = out
    except REFUSED:
        return ()
    if not (isinstance(values, torch.Tensor) and isinstance(wanted, torch.Tensor)):
        return ()
    # The whole network may flatten what its last part gives; inside, the next part would see the difference.
    flattened = values if prefix else values.flatten(1)
    same = torch.equal(values, wanted) or torch.equal(flattened, wanted)
    return tuple(links) if same and links else ()


def _call(module: Any, values: torch.Tensor) -> tuple[bool, torch.Tensor]:
    try:
        return False, module(values)
    except REFUSED:
        return True, module(values.flatten(1))
