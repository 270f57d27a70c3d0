"""Opens a torch.export file (.pt2) as a network that can be cut at any of its modules. Never runs code from a file.

torch's own reader would follow pickles inside the archive, import any function of torch a graph names, and evaluate
the expressions of its shapes. So the archive is looked through first: graphs may call only aten and prims operations
and Python's arithmetic, expressions may hold only names, numbers and arithmetic, objects besides tensors are refused,
and tensors are read by torch's restricted reader.
"""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.checks import check_choice
from core.errors import WeightsError
from core.networks.truncate import Stop

OUTPUT = "output"
"""The layer of a file's whole output."""
SAFE_TARGETS = re.compile(
    r"(torch\.ops\.(aten|prims)\.[A-Za-z0-9_]+\.[A-Za-z0-9_]+|_operator\.[a-z_]+|math\.[a-z0-9]+"
    r"|torch\.sym_[a-z]+|torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast))"
)
SAFE_CALL = re.compile(r"[A-Z][A-Za-z0-9]*|floor|ceiling")
"""Classes of expressions, such as Symbol or Mul; functions of Python begin with a small letter."""
SAFE_WORD = re.compile(r"[a-z]+[0-9]*")
"""The name of a symbol; other texts would be evaluated."""
ARITHMETIC = (
    ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.Tuple,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
FORBIDDEN_FILES = ("custom_obj_", "opaque_obj_")
"""Files of an archive that hold objects instead of tensors."""
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
        raise _refuse_code(path) from error
    except (RuntimeError, ValueError, OSError, KeyError, AssertionError, TypeError, AttributeError) as error:
        raise _refuse_unreadable(path, error) from error
    for part in module.modules():  # .eval() is refused: what training mode changes was settled at the export
        part.training = False
    return module.requires_grad_(False)


def check_archive(path: Path) -> None:
    """Look through a .pt2 archive. Raises WeightsError if opening or running it could do more than arithmetic."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.rpartition("/")[2].startswith(FORBIDDEN_FILES):
                    raise _refuse_code(path)
                if name.endswith(".json"):
                    _check_values(json.loads(archive.read(name)), path)
    except (OSError, zipfile.BadZipFile, ValueError, RecursionError) as error:
        raise _refuse_unreadable(path, error) from error


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


def _check_values(value: Any, path: Path) -> None:
    """Every call target and every expression of a graph description."""
    if isinstance(value, list):
        for item in value:
            _check_values(item, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "target" and isinstance(item, str) and not SAFE_TARGETS.fullmatch(item):
                raise WeightsError(f"{path.name} calls {item!r}, which no network needs, and was not opened.")
            if key == "expr_str" and not is_arithmetic(str(item)):
                raise WeightsError(f"{path.name} holds the expression {item!r} and was not opened.")
            _check_values(item, path)


def is_arithmetic(expression: str) -> bool:
    """Whether a text is nothing but names, numbers and arithmetic: torch hands it to a reader that evaluates it."""
    try:
        tree = ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return False
    return all(_is_harmless(node) for node in ast.walk(tree))


def _is_harmless(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and SAFE_CALL.fullmatch(node.func.id) is not None
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
        return isinstance(node.value, str) and SAFE_WORD.fullmatch(node.value) is not None
    return isinstance(node, ARITHMETIC) and not (isinstance(node, ast.Name) and "__" in node.id)


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


def _refuse_code(path: Path) -> WeightsError:
    return WeightsError(
        f"{path.name} holds code or objects besides tensors and was not opened. Export it without them."
    )


def _refuse_unreadable(path: Path, error: Exception) -> WeightsError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return WeightsError(f"{path.name} is truncated or no torch.export file: {reason}. Export it again.")
