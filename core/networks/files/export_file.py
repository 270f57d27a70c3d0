"""Opens a torch.export file (.pt2) as a network that can be cut at any of its modules. Never untrusted ones."""

from __future__ import annotations

import itertools
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.fx.passes.shape_prop import ShapeProp

from core.checks import check_choice
from core.containers import reading
from core.errors import WeightsError
from core.networks.files.program import (
    OUTPUT,
    Program,
    check_single,
    check_type,
    find_batch,
    refuse_training,
    take_single,
)
from core.networks.truncate import Stop, name_call

TRAINING = ("train", "training")
"""What torch's operations call the argument that says whether they work as in training."""
LONG_OPERATIONS = ("aten.conv2d", "aten.convolution", "aten.linear", "aten.addmm", "aten.matmul", "aten.bmm")


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """The graph of a .pt2 file, a frozen torch.fx.GraphModule, and what it was made for.

    `side` is that of its images in pixels, `batch` how many it takes at once; 0 stands for any.
    """

    graph: Any
    side: int
    batch: int


def load_export(path: Path, side: int = 0) -> Exported:
    """Open a .pt2 file; torch runs what is in it.

    Raises WeightsError if it is none, or takes anything else than RGB images of `side` pixels, where that is given.
    """
    with reading(path, "torch.export file", error=WeightsError, advice="Save it again."), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not zipfile.is_zipfile(path):  # torch would write its complaint to the terminal
            raise ValueError("it is no archive")
        program = torch.export.load(str(path))
        graph: Any = program.module(check_guards=False)
    names = program.graph_signature.user_inputs
    check_single(graph, len(names), name=path.name)
    found = next(node.meta.get("val") for node in program.graph.nodes if node.name == names[0])
    made_for = _check_input(found, side, name=path.name)
    batch = found.shape[0] if isinstance(found.shape[0], int) else 0
    # Its own generator and hook want the input by its name, and rebuild the structure of the outputs.
    graph.graph.set_codegen(torch.fx.graph.CodeGen())
    graph._forward_pre_hooks.clear()
    graph.recompile()
    return Exported(graph.requires_grad_(False), made_for, batch)


def _check_input(value: Any, side: int, *, name: str) -> int:
    """The side in pixels a graph was exported for, 0 for any: its one input must be RGB images of that side."""
    if not isinstance(value, torch.Tensor) or value.ndim != 4:
        raise WeightsError(f"{name} takes no batch of images (n, 3, height, width). Save it with one as its input.")
    check_type(value.dtype, name=name)
    channels, height, width = (int(size) if isinstance(size, int) else 0 for size in value.shape[1:])
    if channels not in (0, 3):
        raise WeightsError(f"{name} takes images of {channels} channels, not 3 (red, green, blue). Save it for those.")
    if height and width and height != width:
        raise WeightsError(f"{name} takes images of {height} x {width} pixels; stimuli are square. Save it for those.")
    made_for = height or width
    if side and made_for and side != made_for:
        raise WeightsError(f"{name} takes images of {made_for} pixels, not of {side}. Give {made_for} as input size.")
    return made_for


def list_export_layers(path: Path, example: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """Every module of the exported network with the shape of one image's features, in the order they are computed."""
    exported = load_export(path, example.shape[-1])
    graph = exported.graph
    batch = find_batch(graph, example, name=path.name, batches=(exported.batch,))
    with torch.no_grad():
        ShapeProp(graph).propagate(example.expand(max(1, batch), -1, -1, -1).contiguous())
    (output,) = graph.graph.find_nodes(op="output")
    ends = find_ends(graph) | {OUTPUT: output}
    known = {name: take_single(node.meta.get("tensor_meta")) for name, node in ends.items()}  # None where no tensor
    found = {name: tuple(getattr(one, "shape", ())[1:]) for name, one in known.items()}
    return {name: shape for name, shape in found.items() if shape or name == OUTPUT}


def open_export(path: Path, layer: str, *, example: torch.Tensor) -> Program:
    """The file cut behind a module. Raises BadInputError with the nearest name if it has no such layer."""
    exported = load_export(path, example.shape[-1])
    graph = exported.graph
    is_new = False
    if layer != OUTPUT:
        ends = find_ends(graph)
        check_choice("layer", layer, [*ends, OUTPUT])
        is_new = name_call(layer, 2) in ends or any(_writes_into(node, ends[layer]) for node in ends[layer].users)
        _end_at(graph, ends[layer])
    _check_mode(graph, name=path.name)
    _add_stops(graph)
    batch = find_batch(graph, example, name=path.name, batches=(exported.batch,))
    return Program(graph, batch, is_new=is_new)


def _check_mode(graph: Any, *, name: str) -> None:
    """Raise WeightsError if an operation was exported as it works in training."""
    for node in graph.graph.nodes:
        named = getattr(getattr(node.target, "_schema", None), "arguments", ())
        given = dict(zip((one.name for one in named), node.args, strict=False)) | node.kwargs
        if any(given.get(flag) is True for flag in TRAINING):
            raise refuse_training(name, str(node.target))


def find_ends(graph: Any) -> dict[str, Any]:
    """The last operation of every call of the original network's modules, by its name, in the order of the graph."""
    ends: dict[str, Any] = {}
    for node in graph.graph.nodes:
        for key, (path, _kind) in (node.meta.get("nn_module_stack") or {}).items():
            name = str(path).removeprefix("L['self'].").removeprefix("L__self__.")
            if node.op == "call_function" and name and not name.startswith("L["):
                _, _, before = str(key).partition("@")  # torch counts the calls before
                call = name_call(name, int(before or 0) + 1)
                ends.pop(call, None)
                ends[call] = node
    return ends


def _writes_into(operation: Any, node: Any) -> bool:
    """Whether an operation works in place on what another one gave."""
    schema = getattr(operation.target, "_schema", None)
    return schema is not None and schema.is_mutable and operation.args[0] is node


def _end_at(graph: Any, node: Any) -> None:
    (output,) = graph.graph.find_nodes(op="output")
    output.args = (node,)
    # What comes behind goes even where nobody reads it: it may write into the tensor that is asked for.
    for later in itertools.takewhile(lambda one: one is not node, reversed(list(graph.graph.nodes))):
        if later is not output:
            graph.graph.erase_node(later)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()


def _add_stops(graph: Any) -> None:
    """Put a `Stop` behind every operation that takes long: a graph has no parts that are called."""
    long = [
        node
        for node in graph.graph.nodes
        if node.op == "call_function" and any(name in str(node.target) for name in LONG_OPERATIONS)
    ]
    for number, node in enumerate(long):
        graph.add_submodule(f"stop_{number}", Stop().eval())
        with graph.graph.inserting_after(node):
            stop = graph.graph.call_module(f"stop_{number}", (node,))
        node.replace_all_uses_with(stop, delete_user_cb=lambda user, stop=stop: user is not stop)
    graph.recompile()
