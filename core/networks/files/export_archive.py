"""Looks through a torch.export archive (.pt2) before torch opens it. Never opens a network, never runs anything.

torch's own reader would load compiled libraries inside the archive, follow its pickles, call any function of torch a
graph names (some write files), and evaluate the expressions of its shapes. So only the files an exported network needs
may be there, graphs may call only what computes, and expressions may hold only names, numbers and arithmetic.
"""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from core.errors import WeightsError

SAFE_FILES = re.compile(
    r"models/[^/]+\.json|data/(weights|constants|sample_inputs)/(?!custom_obj_|opaque_obj_)[^/]+"
    r"|extra/[^/]+|\.data/[^/]+|\.?[a-z_]+(\.json|\.pt)?"
)
"""Files below the archive's own folder, in torch's form of today and in its first; libraries lie in other folders."""
INNER = "assert|functional_assert|softmax|log_softmax|safe_softmax|native_batch_norm|scaled_dot_product|unsafe_view"
INNER += "|to_copy|adaptive_avg_pool|native_multi_head_attention|transformer_encoder_layer_fwd|weight_norm|upsample"
ATEN = rf"(?!(from_file|save|set_|set_data|warn|record_stream)\.)([a-z][a-z0-9_]*|__[a-z]+__|_({INNER})[a-z0-9_]*)"
"""Names that compute: no files, no foreign memory; of the inner ones only what exported networks call."""
ARITHMETIC_CALLS = "add|and_|eq|floordiv|ge|getitem|gt|le|lt|mod|mul|ne|neg|not_|or_|pos|pow|sub|truediv"
SAFE_TARGETS = re.compile(
    rf"(torch\.ops\.aten\.{ATEN}\.[A-Za-z0-9_]+|torch\.ops\.prims\.[a-z0-9_]+\.[A-Za-z0-9_]+"
    rf"|_operator\.({ARITHMETIC_CALLS})|math\.[a-z0-9]+"
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

Files = Iterator[tuple[str, Callable[[], bytes]]]


def check_archive(path: Path) -> None:
    """Look through a .pt2 archive. Raises WeightsError if opening or running it could do more than arithmetic.

    It is read by Python's reader and by torch's own: an archive can be made to show each another content.
    """
    try:
        seen = []
        for read in (_by_python, _by_torch):
            names = []
            for name, content in read(path):
                _check_file(name, content, path)
                names.append(name.lower())  # torch finds files whatever their case
            if len(set(names)) < len(names):
                raise refuse_code(path)
            seen.append(sorted(names))
        if seen[1] and seen[0] != seen[1]:
            raise refuse_code(path)
    except (OSError, zipfile.BadZipFile, ValueError, RecursionError, RuntimeError) as error:
        raise refuse_unreadable(path, error) from error


def refuse_code(path: Path) -> WeightsError:
    """The refusal of a file that holds more than a network."""
    return WeightsError(
        f"{path.name} holds code or objects besides tensors and was not opened. Export it without them."
    )


def refuse_unreadable(path: Path, error: Exception) -> WeightsError:
    """The refusal of a file that cannot be read."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return WeightsError(f"{path.name} is truncated or no torch.export file: {reason}. Export it again.")


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


def _by_python(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.partition("/")[2] or info.filename
            if not info.is_dir():
                yield name, lambda info=info: archive.read(info)  # type: ignore[misc]


def _by_torch(path: Path) -> Files:
    reader_of: Any = torch._C.PyTorchFileReader
    try:
        reader = reader_of(str(path))
    except RuntimeError:  # of torch's first form, which it reads by Python's reader
        return
    for name in reader.get_all_records():
        yield name, lambda name=name: reader.get_record(name)  # type: ignore[misc]


def _check_file(name: str, content: Callable[[], bytes], path: Path) -> None:
    if not SAFE_FILES.fullmatch(name):
        raise refuse_code(path)
    if name.endswith(".json"):
        _check_values(json.loads(content()), path)


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
