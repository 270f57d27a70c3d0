"""Opens a torch.export file (.pt2) as a network that can be cut at any of its modules. Never runs code from a file.

The archive is looked through first (`export_archive`): whatever could do more than compute is refused, and tensors are
read by torch's restricted reader.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.checks import check_choice
from core.networks.files.export_archive import check_archive, refuse_code, refuse_unreadable
from core.networks.truncate import Stop

OUTPUT = "output"
"""The layer of a file's whole output."""
LONG_OPERATIONS = ("aten.conv2d", "aten.convolution", "aten.linear", "aten.addmm", "aten.matmul", "aten.bmm")
FORCE_VARIABLE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


class Batched(nn.Module):
    """Runs a graph that was exported for one image at a time; others take the whole batch."""

    def __init__(self, graph: nn.Module, *, one_by_one: bool) -> None:
        super().__init__()
        self.graph = graph
        self.one_by_one = one_by_one

    def train(self, mode: bool = True) -> Batched:
        """Stay as exported."""
        del mode
        self.training = False
        return self

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The output for a batch."""
        if not self.one_by_one:
            output: torch.Tensor = _first(self.graph(values))
            return output
        return torch.cat([_first(self.graph(values[i : i + 1].contiguous())) for i in range(len(values))])


def load_export(path: Path) -> Any:
    """The graph of a .pt2 file as a torch.fx.GraphModule, frozen. Raises WeightsError if it is none or unsafe."""
    check_archive(path)
    try:
        with _weights_only(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.export.load(str(path)).module(check_guards=False)
    except pickle.UnpicklingError as error:
        raise refuse_code(path) from error
    except (RuntimeError, ValueError, OSError, KeyError, AssertionError, TypeError, AttributeError) as error:
        raise refuse_unreadable(path, error) from error
    for part in module.modules():  # .eval() is refused: what training mode changes was settled at the export
        part.training = False
    return module.requires_grad_(False)


def list_export_layers(path: Path, example: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """Every module of the exported network with the shape of one image's features, in the order they are computed."""
    graph = load_export(path)
    ends = find_ends(graph)
    shapes = _ShapeReader(graph)
    with torch.no_grad():
        shapes.run(example)
    found = {name: shapes.found[node] for name, node in ends.items() if node in shapes.found}
    return found | {OUTPUT: shapes.whole}


def open_export(path: Path, layer: str, *, example: torch.Tensor) -> nn.Module:
    """The file cut behind a module. Raises BadInputError with the nearest name if it has no such layer."""
    graph = load_export(path)
    if layer != OUTPUT:
        ends = find_ends(graph)
        check_choice("layer", layer, [*ends, OUTPUT])
        _end_at(graph, ends[layer])
    _add_stops(graph)
    return Batched(graph, one_by_one=not _takes_batches(graph, example))


def find_ends(graph: Any) -> dict[str, Any]:
    """The last operation of every module of the original network, by the module's path, in the order of the graph."""
    ends: dict[str, Any] = {}
    for node in graph.graph.nodes:
        for path, _kind in (node.meta.get("nn_module_stack") or {}).values():
            name = str(path).removeprefix("L['self'].").removeprefix("L__self__.")
            if node.op == "call_function" and name and not name.startswith("L["):
                ends.pop(name, None)
                ends[name] = node
    return ends


class _ShapeReader(torch.fx.Interpreter):
    """Runs a graph and keeps the shape of every tensor."""

    def __init__(self, graph: Any) -> None:
        super().__init__(graph)
        self.found: dict[Any, tuple[int, ...]] = {}
        self.whole: tuple[int, ...] = ()

    def run_node(self, n: Any) -> Any:
        """Run one operation."""
        result = super().run_node(n)
        value = _first(result)
        if isinstance(value, torch.Tensor) and value.ndim >= 2:
            self.found[n] = tuple(value.shape[1:])
            if n.op == "output":
                self.whole = tuple(value.shape[1:])
        return result


def _end_at(graph: Any, node: Any) -> None:
    (output,) = (one for one in graph.graph.nodes if one.op == "output")
    output.args = (node,)
    # The code generator of an exported graph rebuilds the original structure of the outputs; one tensor has none.
    graph.graph.set_codegen(torch.fx.graph.CodeGen())
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


def _takes_batches(graph: Any, example: torch.Tensor) -> bool:
    try:
        with torch.no_grad():
            return len(_first(graph(example.expand(3, -1, -1, -1).contiguous()))) == 3
    except (RuntimeError, ValueError, AssertionError, TypeError):
        return False


def _first(output: Any) -> Any:
    return output[0] if isinstance(output, tuple | list) and len(output) == 1 else output


@contextmanager
def _weights_only() -> Iterator[None]:
    before = os.environ.get(FORCE_VARIABLE)
    os.environ[FORCE_VARIABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FORCE_VARIABLE]
        else:
            os.environ[FORCE_VARIABLE] = before
